"""Which tables each data call reads or writes: found once for a forest, and shared by the facts that ask.

Of a cache, what its keys begin with takes the place of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis import sql
from analysis.facts import _data_calls
from analysis.facts._grouping import number_of
from analysis.facts._modes import mode_of
from analysis.facts._numbering import combined, firsts
from analysis.forest import Codes, Forest
from analysis.operations import key_prefix
from analysis.stores import located

__all__ = ["COLUMNS", "UNKNOWN_TABLE", "Access", "Accesses", "accesses_of"]

UNKNOWN_TABLE: Final = "(unknown)"
#: Keys of one command that are looked at; templates name fewer.
_MOST_KEYS: Final = 16
COLUMNS: Final = _data_calls.COLUMNS


class Access(NamedTuple):
    """What a call does with one table.

    Parameters
    ----------
    table
        ``(unknown)`` where nothing names it.
    mode
        read, write or unknown.
    method
        How the table is known: named, parsed, scanned or none.
    confidence
        That table and mode are right, in %.
    """

    table: str
    mode: str
    method: str
    confidence: int


@dataclass(frozen=True, eq=False)
class Accesses:
    """The data accesses of a forest, an entry a table of a call, by row ascending.

    Attributes
    ----------
    rows
        The span of the call.
    place
        Place of the access in ``found``.
    found
        The different accesses.
    stores
        Store of each entry.
    """

    rows: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    found: tuple[Access, ...]
    stores: Codes

    def texts(self, member: str) -> Codes:
        """Return the table, mode or method of each entry."""
        named = [str(getattr(access, member)) for access in self.found]
        levels = tuple(sorted(set(named)))
        code = {text: index for index, text in enumerate(levels)}
        return Codes(np.array([code[text] for text in named], np.int32)[self.place], levels)

    def where(self, member: str, value: str) -> npt.NDArray[np.bool_]:
        """Mark the entries whose table, mode or method is a text."""
        return np.array([getattr(access, member) == value for access in self.found], np.bool_)[self.place]


_known: Final[WeakKeyDictionary[Forest, Accesses]] = WeakKeyDictionary()


def accesses_of(forest: Forest) -> Accesses:
    """Return the data accesses of a forest planted with the columns of :data:`COLUMNS`."""
    known = _known.get(forest)
    if known is None:
        calls = _data_calls.data_calls(forest)
        which, place, found = _accesses(forest, calls)
        rows = calls[which]
        known = _known[forest] = _located(rows, place, found, _data_calls.stores(forest, rows))
    return known


def _located(rows: npt.NDArray[np.int64], place: npt.NDArray[np.int64], found: list[Access], stores: Codes) -> Accesses:
    """Write one table of one store in one way (:func:`analysis.stores.located`)."""
    pair = combined(place, stores.codes)
    first = firsts(pair)
    accesses = [found[index] for index in place[first].tolist()]
    names = [stores.values[code] for code in stores.codes[first].tolist()]
    moved = [
        (store, access.table) if access.table == UNKNOWN_TABLE else located(store, access.table)
        for store, access in zip(names, accesses, strict=True)
    ]
    levels = tuple(sorted({store for store, _ in moved}))
    code = {store: index for index, store in enumerate(levels)}
    return Accesses(
        rows=rows,
        place=pair,
        found=tuple(Access(table, *access[1:]) for access, (_, table) in zip(accesses, moved, strict=True)),
        stores=Codes(np.array([code[store] for store, _ in moved], np.int32)[pair], levels),
    )


def _accesses(
    forest: Forest, calls: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Access]]:
    """Return for each access the position of its call in ``calls``, and its place in the list that comes last."""
    names = ("template", "db_system", "db_collection", "db_operation", "category")
    parts = [forest.codes(name) for name in names]
    stated = (forest.codes("db_statement").codes[calls] >= 0).astype(np.int64)
    number, first = number_of(
        (*(Codes(part.codes[calls], part.values) for part in parts), stated.astype(np.int64)), len(calls)
    )
    found: list[Access] = []
    begins = [0]
    rows = calls[first]
    texts = [[*part.values, ""] for part in parts]
    codes = [part.codes[rows].tolist() for part in parts]
    for is_stated, *of_parts in zip(stated[first].tolist(), *codes, strict=True):
        template, *others = (values[code] for values, code in zip(texts, of_parts, strict=True))
        # Without a statement the template is made of what the span says beside it, which is no table.
        found += _told(template if is_stated else "", *others)
        begins.append(len(found))
    offset = np.array(begins, np.int64)
    counts = np.diff(offset)[number]
    which = np.repeat(np.arange(len(calls)), counts)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, offset[number][which] + inside, found


@lru_cache(maxsize=1 << 14)
def _told(text: str, system: str, collection: str, operation: str, category: str) -> tuple[Access, ...]:
    """Return what a call does; partitions repeat one another's."""
    if category == "cache" and not collection:
        return tuple(_families(text, operation))
    return tuple(_tables(text, system, collection, operation))


def _tables(template: str, system: str, collection: str, operation: str) -> list[Access]:
    statement = sql.tables(template or operation, system)
    if statement.control:
        return []
    percent = round(statement.confidence * 100)
    if collection:
        modes: set[str] = {access.mode for access in statement.accesses if access.table == collection.lower()}
        if not modes:
            modes = {access.mode for access in statement.accesses} if len(statement.accesses) == 1 else set()
        if not modes:
            modes = {mode_of(operation)}
        return [Access(collection, mode, "named", 100 if mode != "unknown" else 60) for mode in sorted(modes)]
    if not template or not statement.accesses:
        return [Access(UNKNOWN_TABLE, mode_of(operation or statement.verb), "none", 0)]
    return [Access(access.table, access.mode, statement.method, percent) for access in statement.accesses]


def _families(commands: str, operation: str) -> list[Access]:
    """Return what a pipeline of commands does with which families of keys."""
    modes: dict[str, set[str]] = {}
    for command in commands.split("; "):
        name, *keys = command.split()[: _MOST_KEYS + 1] or [""]
        for key in keys:
            modes.setdefault(key_prefix(key), set()).add(mode_of(name))
    known = [Access(family, mode, "parsed", 90) for family in sorted(modes) for mode in sorted(modes[family]) if family]
    return known or [Access(UNKNOWN_TABLE, mode_of(operation or commands), "none", 0)]
