"""Columns that are computed: operation, template, category, parameters of spans, template of log records.

Each is computed once for each distinct combination of what it depends on, and remembered over partitions: an export has
millions of spans and a few thousand kinds of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis._masking import blanked
from analysis.ingest.columns import tidy
from analysis.ingest.log_templates import log_template
from analysis.operations import name_template, operation_template
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA

__all__ = ["derive_logs", "derive_spans"]

Int64s = npt.NDArray[np.int64]

#: What the derived columns depend on.
_BASIS: Final = (
    "name",
    "kind",
    "http_method",
    "http_route",
    "url_path",
    "rpc_system",
    "rpc_service",
    "rpc_method",
    "db_system",
    "db_statement",
    "db_operation",
    "db_collection",
    "db_namespace",
    "messaging_system",
    "messaging_destination",
    "messaging_operation",
)
#: Of these, what programs write values into.
_FREE: Final = ("name", "url_path")
_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE", "HTTP", "_OTHER"}
)


class _Derived(NamedTuple):
    operation: str | None
    template: str | None
    category: str
    parameters: int


def derive_spans(spans: pa.Table) -> pa.Table:
    """Return the spans of a partition with all columns of the schema, the derived ones computed."""
    combination, firsts = _combinations(spans)
    derived = [_derive(*basis) for basis in zip(*_texts(spans, firsts), strict=True)]
    columns: dict[str, Any] = {name: spans[name].chunk(0) for name in spans.column_names}
    for name in ("operation", "template", "category"):
        texts = pa.array([getattr(one, name) for one in derived], pa.string()).dictionary_encode()
        columns[name] = texts.take(pa.array(combination))
    hashes = np.array([one.parameters for one in derived], dtype=np.uint64)
    columns["parameters"] = pa.array(hashes[combination])
    table = pa.table([columns[name] for name in SPAN_SCHEMA.names], schema=SPAN_SCHEMA)
    return tidy([table], SPAN_SCHEMA)


def derive_logs(logs: pa.Table) -> pa.Table:
    """Return the log records of a partition with all columns of the schema, the template computed."""
    body = logs["body"].chunk(0)
    templates = pa.array([log_template(text) for text in body.dictionary.to_pylist()], pa.string()).dictionary_encode()
    columns: dict[str, Any] = {name: logs[name].chunk(0) for name in logs.column_names}
    columns["template"] = templates.take(body.indices)
    table = pa.table([columns[name] for name in LOG_SCHEMA.names], schema=LOG_SCHEMA)
    return tidy([table], LOG_SCHEMA)


def _combinations(spans: pa.Table) -> tuple[Int64s, Int64s]:
    """Return the combination of the basis that each row has, by number, and the first row of each."""
    combined = np.zeros(spans.num_rows, dtype=np.int64)
    for name in _BASIS:
        column = spans[name].chunk(0)
        if column.null_count == len(column):
            continue
        # Numbered anew at every column: the product of all dictionaries' sizes does not fit 64 bits.
        combined = pd.factorize(combined * (len(column.dictionary) + 1) + _codes(column) + 1)[0].astype(np.int64)
    _, firsts = np.unique(combined, return_index=True)
    return combined, firsts


def _texts(spans: pa.Table, rows: Int64s) -> list[list[str]]:
    """Return the basis of some rows, a list a column; a missing text is empty."""
    columns = []
    for name in _BASIS:
        column = spans[name].chunk(0)
        # The code of a missing text is -1: the last one.
        values = [*column.dictionary.to_pylist(), ""]
        columns.append([values[code] for code in _codes(column)[rows].tolist()])
    return columns


def _codes(column: pa.Array) -> Int64s:
    codes: Int64s = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


@lru_cache(maxsize=1 << 15)
def _derive(*basis: str) -> _Derived:
    span = dict(zip(_BASIS, basis, strict=True))
    kind, name = span["kind"], span["name"]
    found = operation_template(**span | {"kind": "" if kind == "unspecified" else kind})
    parameters = found.parameters
    # A template keeps what looks like a word: keys and addresses must not be left of it, nor pieces of them. What the
    # values were is told by the hash alone.
    plain = span | {column: blanked(span[column], "{id}") for column in _FREE}
    if plain != span:
        found = operation_template(**plain | {"kind": "" if kind == "unspecified" else kind})
        name = plain["name"]
    # Instrumentations that know no route call a span "GET": that says less than the path without its values.
    bare = kind in {"server", "client"} and set(name.upper().split()) <= _METHODS
    return _Derived(
        operation=(found.template if bare else name_template(name)) or None,
        template=found.template or None,
        category=found.category,
        parameters=parameters,
    )
