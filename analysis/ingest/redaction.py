"""Names without values of users, and, where that is asked for, a dataset without any values at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from analysis._masking import Hidden, masked, perhaps_personal
from analysis.ingest.log_templates import log_template

__all__ = ["NOTE", "hidden_in", "names_masked", "without_values"]

#: What a dataset says of itself from which values were taken.
NOTE: Final = "values were taken out when this was ingested: --redact-dataset"
#: Columns that hold values: kept as they are for the analysis, never shown. All other texts are names.
_VALUES: Final = frozenset(
    {
        "name",
        "status_message",
        "url_path",
        "db_statement",
        "exception_message",
        "message_id",
        "body",
        "fields",
        "request_id",
    }
)
#: Methods are words; what else stands there is no method (OpenTelemetry calls it so).
_METHOD: Final = re.compile(r"[A-Z_-]{1,20}")
_MACHINES: Final = frozenset({"host", "instance"})


def names_masked(table: pa.Table) -> pa.Table:
    """Return rows whose names hold no values: services, routes, tables, topics, hosts, error types and the like."""
    machines = [name for name in table.column_names if name in _MACHINES]
    names = [name for name in table.column_names if name not in _VALUES and name not in _MACHINES]
    table = _replaced(table, names, masked, perhaps_personal)
    methods = [name for name in table.column_names if name == "http_method"]
    table = _replaced(table, methods, lambda text: text if _METHOD.fullmatch(text) else "_OTHER", bool)
    return _replaced(table, machines, partial(masked, machine=True), perhaps_personal)


def hidden_in(table: pa.Table, hidden: Hidden) -> pa.Table:
    """Return rows without what a configuration hides, in whichever text it stands."""
    return _replaced(table, table.column_names, hidden, bool) if hidden else table


def without_values(table: pa.Table) -> pa.Table:
    """Return finished rows without values: texts are replaced by their templates, ids by hashes of them."""
    if "operation" in table.column_names:
        table = _from(table, "name", "operation")
        table = _where_given(table, "db_statement", "template")
        table = _where_given(table, "url_path", "template")
    else:
        table = _where_given(table, "body", "template")
    said = [name for name in ("status_message", "exception_message") if name in table.column_names]
    table = _replaced(table, said, _template, bool)
    ids = [name for name in ("message_id", "request_id") if name in table.column_names]
    table = _replaced(table, ids, _hashed, bool)
    return _replaced(table, [name for name in ("fields",) if name in table.column_names], lambda _: "<fields>", bool)


def _replaced(
    table: pa.Table, names: Iterable[str], change: Callable[[str], str], concerned: Callable[[str], bool]
) -> pa.Table:
    """Change texts by their dictionaries: each distinct one once."""
    for name in names:
        if not pa.types.is_dictionary(table.schema.field(name).type):
            continue
        column = table[name].chunk(0) if table[name].num_chunks else None
        if column is None or not len(column.dictionary):
            continue
        values = column.dictionary.to_pylist()
        others = [change(value) if value is not None and concerned(value) else value for value in values]
        if others != values:
            changed = pa.DictionaryArray.from_arrays(column.indices, pa.array(others, pa.string()))
            table = table.set_column(table.column_names.index(name), name, changed)
    return table


def _from(table: pa.Table, name: str, other: str) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, table[other])


def _where_given(table: pa.Table, name: str, other: str) -> pa.Table:
    """Put the template in the place of each text that is there."""
    given = table[name].is_valid()
    texts = pc.if_else(given, table[other].cast(pa.string()), pa.scalar(None, pa.string()))
    return table.set_column(table.column_names.index(name), name, texts.combine_chunks().dictionary_encode())


@lru_cache(maxsize=1 << 14)
def _template(text: str) -> str:
    return masked(log_template(text))


@lru_cache(maxsize=1 << 14)
def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
