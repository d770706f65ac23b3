"""Columns that are computed: operation, template, category, parameters of spans, template of log records.

Each is computed once for each distinct combination of what it depends on, and remembered over partitions: an export has
millions of spans and a few thousand kinds of them, if numbers and ids in paths and statements do not count
(:mod:`analysis.ingest.likeness`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis._masking import blanked
from analysis.ingest.columns import tidy
from analysis.ingest.likeness import OTHER_MARKS, name_shape, path_shape, statement_shape, statement_values
from analysis.ingest.log_templates import log_template
from analysis.operations import name_template, operation_template
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sql import hash_of

__all__ = ["derive_logs", "derive_spans"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

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
#: Of these, what has many values in it, with how to find out which of them are alike.
_SHAPES: Final[Mapping[str, Callable[..., str]]] = {
    "name": name_shape,
    "url_path": path_shape,
    "db_statement": statement_shape,
}
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
    basis = {name: _Texts.of(spans[name].chunk(0)) for name in _BASIS}
    shaped = {name: texts.shaped(_SHAPES[name]) if name in _SHAPES else texts for name, texts in basis.items()}
    size = spans.num_rows
    number, found, parameters = _shared(size, shaped, basis)
    # What shows a value, or has others than plain ones, is derived of itself.
    alone = np.flatnonzero(np.array([one is None for one in found], np.bool_)[number])
    if len(alone):
        own = {name: texts.take(alone) for name, texts in basis.items()}
        combination, firsts = _combinations(len(alone), own)
        mine = [_derive(*texts) for texts in _texts(own, firsts)]
        number[alone] = combination + len(found)
        parameters[alone] = np.array([one.parameters for one in mine], np.uint64)[combination]
        found = [*found, *mine]
    columns: dict[str, Any] = {name: spans[name].chunk(0) for name in spans.column_names}
    for name in ("operation", "template", "category"):
        texts = pa.array([one and getattr(one, name) for one in found], pa.string()).dictionary_encode()
        columns[name] = texts.take(pa.array(number))
    columns["parameters"] = pa.array(parameters)
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


@dataclass(frozen=True)
class _Texts:
    """A text column: for each row the place of its text; the last text is empty, for rows without one."""

    codes: Int64s
    values: list[str]

    @classmethod
    def of(cls, column: pa.Array) -> _Texts:
        values = [*column.dictionary.to_pylist(), ""]
        codes = column.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(codes, values)

    def shaped(self, shape: Callable[[str], str]) -> _Texts:
        """Return the shapes of the texts, each once."""
        places: dict[str, int] = {}
        rank = np.array([places.setdefault(shape(text), len(places)) for text in self.values], np.int64)
        return _Texts(rank[self.codes], list(places))

    def take(self, rows: Int64s) -> _Texts:
        return _Texts(self.codes[rows], self.values)


def _combinations(size: int, basis: Mapping[str, _Texts]) -> tuple[Int64s, Int64s]:
    """Return the combination of the basis that each row has, by number, and the first row of each."""
    combined = np.zeros(size, dtype=np.int64)
    for texts in basis.values():
        if len(texts.values) > 1:
            # Numbered anew at every column: the product of all dictionaries' sizes does not fit 64 bits.
            combined = pd.factorize(combined * len(texts.values) + texts.codes)[0].astype(np.int64)
    firsts = np.full(int(combined.max(initial=-1)) + 1, 0, np.int64)
    # Written from the last row to the first, so that the first stays.
    firsts[combined[::-1]] = np.arange(size - 1, -1, -1)
    return combined, firsts


def _texts(basis: Mapping[str, _Texts], rows: Int64s) -> Iterator[tuple[str, ...]]:
    """Return the basis of some rows."""
    columns = [[texts.values[code] for code in texts.codes[rows].tolist()] for texts in basis.values()]
    return zip(*columns, strict=True)


def _shared(
    size: int, shaped: Mapping[str, _Texts], basis: Mapping[str, _Texts]
) -> tuple[Int64s, list[_Derived | None], UInt64s]:
    """Derive each combination of shapes once.

    Returns
    -------
    tuple
        The combination of each row; what is derived of it, None where its rows do not share it; the parameters of
        each row.
    """
    number, firsts = _combinations(size, shaped)
    likes = [
        _alike(texts, original) for texts, original in zip(_texts(shaped, firsts), _texts(basis, firsts), strict=True)
    ]
    fixed = np.array([like.derived.parameters if like.derived else 0 for like in likes], np.uint64)
    parameters = fixed[number]
    rules = np.array([_RULES.index(like.rule) for like in likes], np.int8)[number]
    for place, rule in enumerate(_RULES):
        rows = np.flatnonzero(rules == place)
        if rule is not None and len(rows):
            texts = basis[rule.column]
            codes, where = np.unique(texts.codes[rows], return_inverse=True)
            hashes = [hash_of(rule.hashed(texts.values[code])) for code in codes.tolist()]
            parameters[rows] = np.array(hashes, np.uint64)[where]
    return number, [like.derived for like in likes], parameters


class _Rule(NamedTuple):
    """How the parameters of a text follow from it, where what is derived beside them is shared: a hash of texts."""

    column: str
    hashed: Callable[[str], list[str]]


class _Alike(NamedTuple):
    derived: _Derived | None
    rule: _Rule | None


#: As :func:`analysis.operations.paths.whole_path_hash` takes a path without a query.
_PATH: Final = _Rule("url_path", lambda path: [path, "?"])
_COMMAND: Final = _Rule("db_statement", lambda statement: [statement])
_VALUES: Final = _Rule("db_statement", statement_values)
_RULES: Final = (None, _PATH, _COMMAND, _VALUES)
_RULES_OF: Final[Mapping[str, tuple[_Rule, ...]]] = {
    "http": (_PATH,),
    "cache": (_COMMAND,),
    "database": (_VALUES,),
}


def _alike(shapes: tuple[str, ...], original: tuple[str, ...]) -> _Alike:
    """Say what all rows of these shapes share, of which the original is one."""
    others = tuple(
        _SHAPES[name](text, OTHER_MARKS) if name in _SHAPES else text
        for name, text in zip(_BASIS, original, strict=True)
    )
    return _alike_by_shapes(shapes, others)


@lru_cache(maxsize=1 << 15)
def _alike_by_shapes(shapes: tuple[str, ...], others: tuple[str, ...]) -> _Alike:
    found = _derive(*shapes)
    if shapes == others:
        # There is no value in them.
        return _Alike(found, None)
    other = _derive(*others)
    if found._replace(parameters=0) != other._replace(parameters=0):
        return _Alike(None, None)
    if found.parameters == other.parameters:
        return _Alike(found, None)
    # The parameters must be those of a rule, for both.
    for rule in _RULES_OF.get(found.category, ()):
        place = _BASIS.index(rule.column)
        if all(
            one.parameters == hash_of(rule.hashed(texts[place])) for one, texts in ((found, shapes), (other, others))
        ):
            return _Alike(found, rule)
    return _Alike(None, None)


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
