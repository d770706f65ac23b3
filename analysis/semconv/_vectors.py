"""Attributes of many spans at once to columns: the rules of :mod:`analysis.semconv._columns`, a name at a time.

Values come as numbers of distinct values, so that each is read once, however many spans have it. Spans whose attributes
need looking at together, or hold a value that does not fit, are only marked: a row at a time is the way for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.semconv._columns import CLIENT_RULES, GRPC_STATUS, KNOWN, REPLACED, RETRY, SERVER_RULES
from analysis.semconv._composed import COMPOSERS, Composer, query
from analysis.semconv._values import method_parts, text

__all__ = ["KEYS", "NUMBERS", "Attributes", "Columns", "span_vectors"]

#: Attributes that mean something, by number.
KEYS: Final = tuple(sorted(KNOWN))
#: Columns that attributes feed and that hold numbers; all others hold texts.
NUMBERS: Final = frozenset({"server_port", "http_status", "resend_count", "db_rows", "response_size", "request_size"})

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Bools = NDArray[np.bool_]

_NO_RANK: Final = 32_000


@dataclass(frozen=True)
class Attributes:
    """Attributes of spans, one entry each, those of a span together and in order of spans.

    Attributes
    ----------
    spans
        How many there are.
    server
        For each span: it is one of a server or consumer.
    span
        For each attribute its span.
    distinct
        For each attribute the number of its value.
    key
        For each distinct value the number of its name in :data:`KEYS`, or -1.
    values
        Each distinct value as a Python object.
    """

    spans: int
    server: Bools
    span: Int32s
    distinct: Int32s
    key: Int32s
    values: Sequence[Any]


@dataclass
class Columns:
    """Columns on their way: numbers of texts, or numbers; -1 is none.

    Attributes
    ----------
    spans
        Rows.
    codes
        By column a number for each row.
    texts
        By column of texts what these numbers stand for.
    """

    spans: int
    codes: dict[str, Int64s] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    _index: dict[str, dict[str, int]] = field(default_factory=dict)

    def column(self, name: str) -> Int64s:
        """Return a column, empty where nothing has fed it yet."""
        found = self.codes.get(name)
        if found is None:
            found = self.codes[name] = np.full(self.spans, -1, np.int64)
        return found

    def number(self, name: str, value: Any) -> int:
        """Return the number that stands for a value of a column; -1 for none."""
        if value is None:
            return -1
        if name in NUMBERS:
            return int(value)
        index = self._index.setdefault(name, {})
        code = index.get(value)
        if code is None:
            code = index[value] = len(index)
            self.texts.setdefault(name, []).append(value)
        return code

    def numbers(self, name: str, values: Sequence[Any]) -> list[int]:
        """Return the numbers that stand for values of a column."""
        if name in NUMBERS:
            return [-1 if value is None else value for value in values]
        index, texts = self._index.setdefault(name, {}), self.texts.setdefault(name, [])
        found = []
        for value in values:
            code = -1 if value is None else index.get(value)
            if code is None:
                code = index[value] = len(texts)
                texts.append(value)
            found.append(code)
        return found

    def text(self, name: str, row: int) -> str | None:
        """Return the text of a row."""
        code = self.codes[name][row] if name in self.codes else -1
        return self.texts[name][code] if code >= 0 else None


@dataclass(frozen=True)
class _Rules:
    """The rules as arrays over :data:`KEYS`: which column, and which rank on either side."""

    columns: tuple[str, ...]
    column: NDArray[np.int8]
    rank: NDArray[np.int16]
    odd: Bools
    composed: Bools


def _rules() -> _Rules:
    columns = tuple(dict.fromkeys(rule.column for rules in (CLIENT_RULES, SERVER_RULES) for rule in rules.values()))
    column, rank = np.full(len(KEYS), -1, np.int8), np.full((2, len(KEYS)), _NO_RANK, np.int16)
    for side, rules in enumerate((CLIENT_RULES, SERVER_RULES)):
        for name, rule in rules.items():
            place = KEYS.index(name)
            column[place], rank[side, place] = columns.index(rule.column), rule.rank
    singly = {name for name, composer in COMPOSERS if not isinstance(composer, Composer) and composer is not query}
    return _Rules(
        columns,
        column,
        rank,
        np.array([name in singly or name in RETRY for name in KEYS]),
        np.array([name in dict(COMPOSERS) for name in KEYS]),
    )


_RULES: Final = _rules()
_READ: Final = {name: rule.read for rules in (CLIENT_RULES, SERVER_RULES) for name, rule in rules.items()}
_PLACE: Final = {name: place for place, name in enumerate(KEYS)}


def span_vectors(attributes: Attributes, columns: Columns) -> tuple[Bools, Bools]:
    """Feed columns from attributes.

    Parameters
    ----------
    attributes
        Attributes of all spans.
    columns
        May hold what resource and scope say; attributes of spans win. ``name`` must be there.

    Returns
    -------
    tuple
        Which spans follow old conventions, and which must be made a row at a time instead.
    """
    order = np.argsort(attributes.key, kind="stable")
    bounds = np.searchsorted(attributes.key[order], np.arange(len(KEYS) + 1))
    code = np.full(len(attributes.key), -1, np.int64)
    odd_value = np.zeros(len(attributes.key), np.bool_)
    odd_value[attributes.key >= 0] = _RULES.odd[attributes.key[attributes.key >= 0]]
    for place in np.flatnonzero(np.diff(bounds)).tolist():
        if _RULES.column[place] >= 0:
            chosen = order[bounds[place] : bounds[place + 1]]
            _read_values(place, chosen, attributes.values, columns, code, odd_value)
    odd = np.zeros(attributes.spans, np.bool_)
    odd[attributes.span[odd_value[attributes.distinct]]] = True
    old = _choose_best(attributes, code, columns)
    key = attributes.key[attributes.distinct]
    composite = np.flatnonzero(np.append(_RULES.composed, False)[key])
    if len(composite):
        old |= _compose(attributes, composite[np.argsort(key[composite], kind="stable")], key, columns)
    _complete_rpc(attributes, key, columns)
    return old, odd


def _read_values(
    place: int, chosen: Int64s, values: Sequence[Any], columns: Columns, code: Int64s, odd_value: Bools
) -> None:
    """Read the distinct values of one name into the numbers of its column."""
    read, column = _READ[KEYS[place]], _RULES.columns[_RULES.column[place]]
    given = [values[number] for number in chosen.tolist()]
    if read is text:
        found = [value or None if type(value) is str else text(value) for value in given]
    else:
        found = [read(value) for value in given]
    code[chosen] = columns.numbers(column, found)
    if None in found:
        odd_value[chosen] |= [
            made is None and value is not None and value != "" for made, value in zip(found, given, strict=True)
        ]


def _choose_best(attributes: Attributes, code: Int64s, columns: Columns) -> Bools:
    """Let the best name win in each column of each span; return which spans a replaced name fed."""
    chosen = np.full((len(_RULES.columns), attributes.spans), -1, np.int64)
    best = np.full((len(_RULES.columns), attributes.spans), _NO_RANK, np.int16)
    _choose(
        attributes.span, attributes.distinct, attributes.key, code, attributes.server, _RULES.column, _RULES.rank, best,
        chosen,
    )  # fmt: skip
    fed = chosen >= 0
    for place in np.flatnonzero(fed.any(axis=1)).tolist():
        name = _RULES.columns[place]
        columns.codes[name] = np.where(fed[place], chosen[place], columns.column(name))
    return np.asarray(((best >= REPLACED) & (best < _NO_RANK)).any(axis=0))


@kernel
def _choose(
    span: Int32s,
    distinct: Int32s,
    key: Int32s,
    code: Int64s,
    server: Bools,
    column: NDArray[np.int8],
    rank: NDArray[np.int16],
    best: NDArray[np.int16],
    chosen: Int64s,
) -> None:
    for place in range(len(span)):
        number = distinct[place]
        name = key[number]
        if name < 0 or column[name] < 0 or code[number] < 0:
            continue
        row = span[place]
        this = rank[1 if server[row] else 0, name]
        if this < best[column[name], row]:
            best[column[name], row] = this
            chosen[column[name], row] = code[number]


def _compose(attributes: Attributes, composite: Int64s, key: Int32s, columns: Columns) -> Bools:
    """Apply the composers in their order; return where a replaced name filled a column."""
    old = np.zeros(attributes.spans, np.bool_)
    keys = key[composite]
    for name, composer in COMPOSERS:
        first, last = np.searchsorted(keys, [_PLACE[name], _PLACE[name] + 1])
        if first == last:
            continue
        places = composite[first:last]
        rows, numbers = attributes.span[places], attributes.distinct[places]
        if composer is query:
            _join_queries(rows, numbers, attributes.values, columns)
        elif isinstance(composer, Composer):
            for server in (False, True):
                these = attributes.server[rows] == server
                if these.any():
                    filled = _fill_parts(composer, server, rows[these], numbers[these], attributes.values, columns)
                    old[filled] |= composer.replaced
    return old


def _fill_parts(
    composer: Composer, server: bool, rows: Int32s, numbers: Int32s, values: Sequence[Any], columns: Columns
) -> Int32s:
    """Fill what a composer says; return the rows in which something was filled, rows possibly repeated."""
    distinct, place = np.unique(numbers, return_inverse=True)
    parts: dict[tuple[int, int, str], dict[int, Any]] = {}
    for at, number in enumerate(distinct.tolist()):
        value = values[number]
        for group_number, group in enumerate(() if value is None else composer.parts(value, server)):
            for turn, (column, found) in enumerate(group):
                if found is not None:
                    part = parts.get((group_number, turn, column))
                    if part is None:
                        part = parts[group_number, turn, column] = {}
                    part[at] = found
    filled: dict[int, Bools] = {}
    for group_number, turn, column in sorted(parts):
        part = parts[group_number, turn, column]
        codes = np.full(len(distinct), -1, np.int64)
        codes[list(part)] = columns.numbers(column, list(part.values()))
        found_codes = codes[place]
        into = columns.column(column)
        free = (found_codes >= 0) & (into[rows] < 0)
        head = filled.setdefault(group_number, np.zeros(len(rows), np.bool_))
        if turn:
            free &= head
        else:
            head |= free
        into[rows[free]] = found_codes[free]
    return rows[np.logical_or.reduce(list(filled.values()))] if filled else rows[:0]


def _join_queries(rows: Int32s, numbers: Int32s, values: Sequence[Any], columns: Columns) -> None:
    into = columns.column("url_path")
    for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
        found = {"url_path": columns.text("url_path", row)}
        if values[number] is not None:
            query(found, values[number], "")
            into[row] = columns.number("url_path", found["url_path"])


def _complete_rpc(attributes: Attributes, key: Int32s, columns: Columns) -> None:
    """Complete service and method of remote calls, as for single rows."""
    system, status = columns.codes.get("rpc_system"), columns.codes.get("rpc_status")
    if system is None and status is None:
        return
    system, status = columns.column("rpc_system"), columns.column("rpc_status")
    remote = (system >= 0) | (status >= 0)
    told = np.zeros(attributes.spans, np.bool_)
    told[attributes.span[np.isin(key, [_PLACE[name] for name in GRPC_STATUS])]] = True
    grpc = columns.number("rpc_system", "grpc")
    system[remote & (system < 0) & told] = grpc
    service, method = columns.column("rpc_service"), columns.column("rpc_method")
    for row in np.flatnonzero(remote & (service < 0)).tolist():
        for column in ("url_path", "name") if system[row] == grpc else ("name",):
            parts = method_parts(columns.text(column, row) or "")
            if all(parts):
                service[row] = columns.number("rpc_service", parts[0])
                if method[row] < 0:
                    method[row] = columns.number("rpc_method", parts[1])
                break
