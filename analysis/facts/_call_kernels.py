"""Loops over calls: who answers them, which are layers around others, and which of one owner agree."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.schema import KINDS

__all__ = [
    "fill_missing",
    "find_previous",
    "find_servers",
    "mark_around",
    "mark_several",
    "number_within",
]

_SERVER: Final = KINDS.index("server")
_CLIENT: Final = KINDS.index("client")
_PRODUCER: Final = KINDS.index("producer")
_CONSUMER: Final = KINDS.index("consumer")


@kernel
def find_servers(
    parent: NDArray[np.int32],
    service: NDArray[np.int32],
    kind: NDArray[np.int8],
    able: NDArray[np.bool_],
    server: NDArray[np.int64],
) -> None:
    """Fill for each row its first child that answers it, among those that are able to.

    That is a server or consumer span, or one of another service that calls nobody itself.
    """
    for row in range(len(parent) - 1, -1, -1):
        above = parent[row]
        if above < 0 or not able[row]:
            continue
        what = kind[row]
        answers = what in (_SERVER, _CONSUMER)
        if answers or (service[row] != service[above] and what not in (_CLIENT, _PRODUCER)):
            server[above] = row


@kernel
def mark_around(
    parent: NDArray[np.int32],
    service: NDArray[np.int32],
    kind: NDArray[np.int8],
    called: NDArray[np.bool_],
    around: NDArray[np.bool_],
) -> None:
    """Mark the calls that are around another of their service and kind."""
    for row in range(len(parent)):
        above = parent[row]
        if above >= 0 and called[row] and called[above]:
            around[above] |= service[above] == service[row] and kind[above] == kind[row]


@kernel
def fill_missing(codes: NDArray[np.int32], rows: NDArray[np.int64], shift: int, filled: NDArray[np.int32]) -> None:
    """Fill what is below zero with the codes of another column at some rows, shifted; a row below zero has none."""
    for place in range(len(rows)):
        row = rows[place]
        if filled[place] < 0 and row >= 0 and codes[row] >= 0:
            filled[place] = codes[row] + shift


@kernel
def find_previous(
    owner: NDArray[np.int32], call: NDArray[np.int64], last: NDArray[np.int64], previous: NDArray[np.int64]
) -> None:
    """Fill for each call the one of the same owner before it; ``last`` has a place for each owner, filled with -1."""
    for place in range(len(owner)):
        previous[call[place]] = last[owner[place]]
        last[owner[place]] = call[place]


@kernel
def number_within(
    owner: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64], number: NDArray[np.int64]
) -> int:
    """Give each combination of owner and two values a number in order of appearance; return how many there are.

    The entries of an owner lie together, and are few as a rule: what is known of one stays at hand, which a table of
    all combinations does not. Hashing as in :func:`analysis._kernels.grouping.number_by_hash`.
    """
    size = len(owner)
    first = np.empty(size, np.int64)
    table = np.full(64, -1, np.int64)
    count = 0
    begin = 0
    while begin < size:
        end = begin + 1
        while end < size and owner[end] == owner[begin]:
            end += 1
        slots = 4
        while slots < 2 * (end - begin):
            slots *= 2
        if slots > len(table):
            table = np.full(slots, -1, np.int64)
        last = slots - 1
        # What is below it is of owners before.
        known = count
        for place in range(begin, end):
            a, b = one[place], other[place]
            hashed = (np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(b)
            hashed *= np.uint64(0xBF58476D1CE4E5B9)
            slot = np.int64((hashed ^ (hashed >> np.uint64(32))) & np.uint64(last))
            while table[slot] >= known and (one[first[table[slot]]] != a or other[first[table[slot]]] != b):
                slot = (slot + 1) & last
            if table[slot] < known:
                table[slot] = count
                first[count] = place
                count += 1
            number[place] = table[slot]
        begin = end
    return count


@kernel
def mark_several(number: NDArray[np.int64], many: NDArray[np.int64], count: int, several: NDArray[np.bool_]) -> None:
    """Mark the entries whose number occurs more than once, or that count more than once themselves."""
    seen = np.zeros(count, np.int8)
    for place in range(len(number)):
        which = number[place]
        seen[which] = 2 if seen[which] > 0 or many[place] > 1 else 1
    for place in range(len(number)):
        several[place] = seen[number[place]] > 1
