"""Attributes of many spans at once to columns: the rules of :mod:`analysis.semconv._columns`, compiled.

What a distinct value means is worked out once, however many spans have it, and put down as numbers; a loop over spans
then lets the best names win. Spans whose attributes need looking at together, or hold a value that does not fit, are
only marked: a row at a time is the way for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.semconv._columns import CLIENT_RULES, GRPC_STATUS, KNOWN, REPLACED, RETRY, SERVER_RULES
from analysis.semconv._composed import COMPOSERS, Composer, query
from analysis.semconv._pools import COLUMNS, FIRST_NUMBER, NUMBERS, PLACES, Columns, Pool
from analysis.semconv._values import method_parts, text

__all__ = ["KEYS", "Meanings", "span_vectors"]

#: Attributes that mean something, by number.
KEYS: Final = tuple(sorted(KNOWN))
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Bools = NDArray[np.bool_]

_NO_RANK: Final = 32_000
_PLACE: Final = {name: place for place, name in enumerate(KEYS)}
_READ: Final = {name: rule.read for rules in (CLIENT_RULES, SERVER_RULES) for name, rule in rules.items()}
_COMPOSE: Final = dict(COMPOSERS)
#: Columns of what a value means: the number of its name; what it feeds that name's column with, -1 for nothing; whether
#: its span is odd; and of the parts that it is composed of the first and the last, those of clients and of servers.
_KEY, _CODE, _ODD, _PARTS = range(4)
_WIDTH: Final = _PARTS + 4


@dataclass(frozen=True)
class _Rules:
    """The rules as arrays over :data:`KEYS`: column, rank on either side, and when a composer has its turn."""

    column: NDArray[np.int8]
    rank: NDArray[np.int16]
    turn: NDArray[np.int8]
    replaced: Bools
    odd: frozenset[int]


def _rules() -> _Rules:
    column, rank = np.full(len(KEYS), -1, np.int8), np.full((2, len(KEYS)), _NO_RANK, np.int16)
    for side, rules in enumerate((CLIENT_RULES, SERVER_RULES)):
        for name, rule in rules.items():
            place = _PLACE[name]
            column[place], rank[side, place] = PLACES[rule.column], rule.rank
    turn, replaced = np.full(len(KEYS), -1, np.int8), np.zeros(len(KEYS), np.bool_)
    for number, (name, composer) in enumerate(COMPOSERS):
        if isinstance(composer, Composer):
            turn[_PLACE[name]], replaced[_PLACE[name]] = number, composer.replaced
    singly = {name for name, composer in COMPOSERS if not isinstance(composer, Composer) and composer is not query}
    return _Rules(column, rank, turn, replaced, frozenset(_PLACE[name] for name in singly | RETRY))


_RULES: Final = _rules()


class Meanings:
    """What distinct values of attributes mean, by their numbers; it grows as values are met.

    Attributes
    ----------
    of
        For each value what it means.
    parts
        What the values of composed attributes are made of: a column, whether a group of columns begins, and what to
        fill the column with.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.of = np.empty((0, _WIDTH), np.int64)
        self.parts = np.empty((0, 3), np.int64)
        self._values, self._parts = 0, 0
        self.queries: dict[int, Any] = {}

    def learn(self, keys: Int64s, values: Sequence[Any], broken: Bools) -> None:
        """Learn what the next values mean.

        Parameters
        ----------
        keys
            For each the number of its name in :data:`KEYS`; -1 for a text that is no attribute; -2 and less for
            one that feeds the column -2 - key where no attribute does.
        values
            Plain Python objects.
        broken
            Which could not be read: their spans are odd.
        """
        first, last = self._values, self._values + len(values)
        if last > len(self.of):
            self.of = np.concatenate([self.of[:first], np.empty((2 * last, _WIDTH), np.int64)])
        of = self.of[first:last]
        of[:, _KEY], of[:, _CODE], of[:, _ODD] = keys, -1, broken
        of[:, _PARTS:] = 0
        self._values = last
        for key in np.unique(keys).tolist():
            chosen = np.flatnonzero(keys == key)
            given = [values[number] for number in chosen.tolist()]
            if key < 0:
                of[chosen, _CODE] = self.pool.numbers([text(value) for value in given])
                continue
            if _RULES.column[key] >= 0:
                self._read(of, key, chosen, given)
            composer = _COMPOSE.get(KEYS[key])
            if key in _RULES.odd:
                of[chosen, _ODD] = 1
            elif composer is query:
                self.queries.update(zip((first + chosen).tolist(), given, strict=True))
            elif isinstance(composer, Composer):
                self._compose(of, composer, chosen, given)

    def codes(self, numbers: Int64s) -> Int32s:
        """Return the pool's numbers of values by theirs, -1 for none."""
        found = np.full(len(numbers), -1, np.int32)
        _look_up(numbers, self.of, found)
        return found

    def _read(self, of: Int64s, key: int, chosen: Int64s, given: list[Any]) -> None:
        read = _READ[KEYS[key]]
        if read is text:
            found = [value or None if type(value) is str else text(value) for value in given]
        else:
            found = [read(value) for value in given]
        if _RULES.column[key] < FIRST_NUMBER:
            of[chosen, _CODE] = self.pool.numbers(found)
        else:
            of[chosen, _CODE] = [-1 if value is None else value for value in found]
        if None in found:
            of[chosen, _ODD] |= [
                made is None and value is not None and value != "" for made, value in zip(found, given, strict=True)
            ]

    def _compose(self, of: Int64s, composer: Composer, chosen: Int64s, given: list[Any]) -> None:
        """Put down what a composer makes of values."""
        if composer.column:
            codes = np.array(self.pool.numbers([text(value) for value in given]), np.int64)
            filled = codes >= 0
            made = np.stack([np.full(len(codes), PLACES[composer.column]), filled, codes], axis=1)[filled]
            lasts = np.cumsum(filled, dtype=np.int64)
            firsts = lasts - filled
            bounds = np.stack([firsts, lasts, firsts, lasts], axis=1)
        else:
            made, bounds = self._composed(composer, given)
        of[chosen, _PARTS:] = bounds + self._parts
        last = self._parts + len(made)
        if last > len(self.parts):
            self.parts = np.concatenate([self.parts[: self._parts], np.empty((2 * last, 3), np.int64)])
        self.parts[self._parts : last] = made
        self._parts = last

    def _composed(self, composer: Composer, given: list[Any]) -> tuple[Int64s, Int64s]:
        """Return parts, and for each value which are its own, as a client's and as a server's."""
        made: list[tuple[int, bool, int]] = []
        bounds: list[tuple[int, int]] = []
        for value in given:
            for server in (False, True):
                if server and not composer.sided:
                    bounds.append(bounds[-1])
                    continue
                before = len(made)
                for group in () if value is None else composer.parts(value, server):
                    if group[0][1] is not None:
                        made.extend(
                            (PLACES[column], not turn, self._code(column, found))
                            for turn, (column, found) in enumerate(group)
                            if found is not None
                        )
                bounds.append((before, len(made)))
        return np.array(made, np.int64).reshape(-1, 3), np.array(bounds, np.int64).reshape(-1, 4)

    def _code(self, column: str, found: Any) -> int:
        return int(found) if column in NUMBERS else self.pool.number(found)


def span_vectors(
    meanings: Meanings, columns: Columns, attributes: Int32s, ends: Int64s, server: Bools
) -> tuple[Bools, Bools]:
    """Feed columns from attributes.

    Parameters
    ----------
    meanings
        Of the values.
    columns
        May hold what resource and scope say; attributes of spans win. ``name`` must be there.
    attributes
        Numbers of values, those of a span together and in order of spans.
    ends
        For each span where its attributes end.
    server
        For each span: it is one of a server or consumer.

    Returns
    -------
    tuple
        Which spans follow old conventions, and which must be made a row at a time instead.
    """
    old, odd = np.zeros(len(ends), np.bool_), np.zeros(len(ends), np.bool_)
    # A column of the scan is spread over memory: the loop would be compiled for it once more.
    ends = np.ascontiguousarray(ends)
    _feed(
        attributes, ends, server, meanings.of, meanings.parts, _RULES.column, _RULES.rank, _RULES.turn, _RULES.replaced,
        columns.codes, columns.numbers, columns.used, old, odd, np.full((2, len(COLUMNS)), -1, np.int64),
        np.empty(len(COMPOSERS), np.int64),
    )  # fmt: skip
    if meanings.queries:
        _join_queries(meanings, columns, attributes, ends)
    if columns.used[PLACES["rpc_system"]] or columns.used[PLACES["rpc_status"]]:
        _complete_rpc(meanings, columns, attributes, ends)
    return old, odd


@kernel
def _look_up(numbers: Int64s, meaning: Int64s, found: Int32s) -> None:
    for place in range(len(numbers)):
        if numbers[place] >= 0:
            found[place] = meaning[numbers[place], _CODE]


@kernel
def _feed(
    attributes: Int32s,
    ends: Int64s,
    server: Bools,
    meaning: Int64s,
    parts: Int64s,
    rule_column: NDArray[np.int8],
    rule_rank: NDArray[np.int16],
    turns: NDArray[np.int8],
    replacing: Bools,
    codes: Int32s,
    numbers: Int64s,
    used: Bools,
    old: Bools,
    odd: Bools,
    best: Int64s,
    waiting: Int64s,
) -> None:
    """Let the best name win in each column of each span, then composers fill what is free, each in its turn.

    ``best`` holds for each column the last span that a name fed, and that name's rank; ``waiting`` is as long as there
    are composers.
    """
    place = 0
    for row in range(len(ends)):
        side = 1 if server[row] else 0
        composed = 0
        replaced, exception = False, False
        first = place
        while place < ends[row]:
            number = attributes[place]
            place += 1
            key = meaning[number, _KEY]
            if meaning[number, _ODD]:
                odd[row] = True
            if key < 0:
                exception = True
                continue
            column = np.int64(rule_column[key])
            code = meaning[number, _CODE]
            if column >= 0 and code >= 0:
                rank = np.int64(rule_rank[side, key])
                if rank < (best[1, column] if best[0, column] == row else _NO_RANK):
                    best[0, column], best[1, column] = row, rank
                    used[column] = True
                    replaced = replaced or bool(rank >= REPLACED)
                    if column < FIRST_NUMBER:
                        codes[column, row] = code
                    else:
                        numbers[column - FIRST_NUMBER, row] = code
            if turns[key] >= 0:
                # Few of them come together, and mostly in their order.
                at = composed
                while at > 0 and turns[meaning[waiting[at - 1], _KEY]] > turns[key]:
                    waiting[at] = waiting[at - 1]
                    at -= 1
                waiting[at] = number
                composed += 1
        if replaced:
            # A better name may have come after the replaced one.
            for fed in range(len(used)):
                if best[0, fed] == row and best[1, fed] >= REPLACED:
                    old[row] = True
        for turn in range(composed):
            number = waiting[turn]
            head, filled = False, False
            for part in range(meaning[number, _PARTS + 2 * side], meaning[number, _PARTS + 2 * side + 1]):
                if parts[part, 1]:
                    head = _fill(parts[part, 0], row, parts[part, 2], codes, numbers, used)
                    filled = filled or head
                elif head:
                    _fill(parts[part, 0], row, parts[part, 2], codes, numbers, used)
            if filled and replacing[meaning[number, _KEY]]:
                old[row] = True
        if exception:
            for of_event in range(first, place):
                number = attributes[of_event]
                if meaning[number, _KEY] < -1 and meaning[number, _CODE] >= 0:
                    _fill(-2 - meaning[number, _KEY], row, meaning[number, _CODE], codes, numbers, used)


@kernel
def _fill(column: int, row: int, code: int, codes: Int32s, numbers: Int64s, used: Bools) -> bool:
    """Fill a column that holds nothing yet; return whether it was filled."""
    if column < FIRST_NUMBER:
        if codes[column, row] >= 0:
            return False
        codes[column, row] = code
    else:
        if numbers[column - FIRST_NUMBER, row] >= 0:
            return False
        numbers[column - FIRST_NUMBER, row] = code
    used[column] = True
    return True


def _rows(places: Int64s, ends: Int64s) -> Int64s:
    """Return the spans of attributes by their places."""
    return np.searchsorted(ends, places, side="right")


def _join_queries(meanings: Meanings, columns: Columns, attributes: Int32s, ends: Int64s) -> None:
    places = np.flatnonzero(meanings.of[attributes, _KEY] == _PLACE["url.query"])
    into = columns.column("url_path", len(ends))
    for row, number in zip(_rows(places, ends).tolist(), attributes[places].tolist(), strict=True):
        value = meanings.queries[number]
        if value is not None:
            found = {"url_path": columns.text("url_path", row)}
            query(found, value, "")
            into[row] = columns.pool.number(found["url_path"])


def _complete_rpc(meanings: Meanings, columns: Columns, attributes: Int32s, ends: Int64s) -> None:
    """Complete service and method of remote calls, as for single rows."""
    spans = len(ends)
    system, status = columns.column("rpc_system", spans), columns.column("rpc_status", spans)
    remote = (system >= 0) | (status >= 0)
    told = np.zeros(spans, np.bool_)
    keys = meanings.of[attributes, _KEY]
    told[_rows(np.flatnonzero(np.isin(keys, [_PLACE[name] for name in GRPC_STATUS])), ends)] = True
    grpc = columns.pool.number("grpc")
    system[remote & (system < 0) & told] = grpc
    service, method = columns.column("rpc_service", spans), columns.column("rpc_method", spans)
    for row in np.flatnonzero(remote & (service < 0)).tolist():
        for column in ("url_path", "name") if system[row] == grpc else ("name",):
            parts = method_parts(columns.text(column, row) or "")
            if all(parts):
                service[row] = columns.pool.number(parts[0])
                if method[row] < 0:
                    method[row] = columns.pool.number(parts[1])
                break
