"""Which numbers come together, or one after the other: a number for each set and each list that is seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.sorting import sort_few

__all__ = ["number_lists", "number_sets"]

#: So many are put in order by insertion.
_FEW: Final = 32


@kernel
def number_sets(
    offset: NDArray[np.int64],
    order: NDArray[np.int64],
    member: NDArray[np.int32],
    member_count: int,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Put the members of each owner together, each once and ascending, and number the sets by appearance.

    The entries of owner o are ``order[offset[o]:offset[o + 1]]``; an owner without entries is passed over. Members are
    0 to ``member_count - 1``; of an owner with more than ``most`` the smallest are kept.

    Returns for each owner the first entry of its smallest member, and the number of its set; then where each set begins
    in the last array, one more at its end, and the members of the sets.
    """
    owners, largest = 0, 0
    for owner in range(len(offset) - 1):
        owners += offset[owner + 1] > offset[owner]
        largest = max(largest, offset[owner + 1] - offset[owner])
    entry, chosen = np.empty(owners, np.int64), np.empty(owners, np.int32)
    begins, members = np.zeros(owners + 1, np.int64), np.empty(len(order), np.int32)
    slots = 2
    while slots < 2 * owners:
        slots *= 2
    place = np.full(slots, -1, np.int32)
    seen = np.full(member_count, -1, np.int64)
    found = np.empty(min(largest, member_count), np.int32)
    sets, known = 0, 0
    for owner in range(len(offset) - 1):
        size = 0
        for index in range(offset[owner], offset[owner + 1]):
            one = member[order[index]]
            if seen[one] < offset[owner]:
                seen[one] = index
                found[size] = one
                size += 1
        if size == 0:
            continue
        if size > _FEW:
            found[:size].sort()
        else:
            sort_few(found, size)
        entry[known] = order[seen[found[0]]]
        size = min(size, most)
        hashed = np.uint64(size)
        for index in range(size):
            hashed = (hashed ^ np.uint64(found[index])) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(32)
        slot = np.int64(hashed & np.uint64(slots - 1))
        while place[slot] >= 0 and not _is_set(place[slot], begins, members, found, size):
            slot = (slot + 1) & (slots - 1)
        if place[slot] < 0:
            place[slot] = sets
            for index in range(size):
                members[begins[sets] + index] = found[index]
            begins[sets + 1] = begins[sets] + size
            sets += 1
        chosen[known] = place[slot]
        known += 1
    return entry, chosen, begins[: sets + 1].copy(), members[: begins[sets]].copy()


@kernel
def number_lists(
    begin: NDArray[np.int64], end: NDArray[np.int64], values: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give lists of values numbers in order of appearance; list i is ``values[begin[i]:end[i]]``.

    Returns the number of each list, and the first list of each number.
    """
    lists = len(begin)
    number, first = np.empty(lists, np.int32), np.empty(lists, np.int64)
    slots = 2
    while slots < 2 * lists:
        slots *= 2
    place = np.full(slots, -1, np.int32)
    count = 0
    for one in range(lists):
        size = end[one] - begin[one]
        hashed = np.uint64(size)
        for index in range(begin[one], end[one]):
            hashed = (hashed ^ np.uint64(values[index])) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(32)
        slot = np.int64(hashed & np.uint64(slots - 1))
        while place[slot] >= 0:
            other = first[place[slot]]
            if end[other] - begin[other] == size and _same(values, begin[one], begin[other], size):
                break
            slot = (slot + 1) & (slots - 1)
        if place[slot] < 0:
            place[slot] = count
            first[count] = one
            count += 1
        number[one] = place[slot]
    return number, first[:count].copy()


@walker
def _same(values: NDArray[np.int32], one: int, other: int, size: int) -> bool:
    for index in range(size):  # noqa: SIM110 - kernels have no generators
        if values[one + index] != values[other + index]:
            return False
    return True


@walker
def _is_set(
    number: int, begins: NDArray[np.int64], members: NDArray[np.int32], found: NDArray[np.int32], size: int
) -> bool:
    begin = begins[number]
    if begins[number + 1] - begin != size:
        return False
    for index in range(size):  # noqa: SIM110 - kernels have no generators
        if members[begin + index] != found[index]:
            return False
    return True
