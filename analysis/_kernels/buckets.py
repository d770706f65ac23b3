"""Buckets of values, and histograms of groups of rows: counted from the buckets of rows, or added up from theirs."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.sorting import sort_few
from analysis._kernels.steps import octave_of

__all__ = ["add_buckets", "add_up_buckets", "bucket_of", "count_buckets", "fill_buckets", "fill_seen"]

_LARGEST: Final = (1 << 63) - 1
#: Buckets that may lie between two that are filled, before sorting them costs less than looking at each.
_GAPS: Final = 16
#: So many buckets are put in order by insertion.
_FEW: Final = 12
#: Bits that hold a bucket: there are 3,712 (:data:`analysis._histogram.BUCKET_COUNT`).
_BITS: Final = 12
_BUCKET: Final = (1 << _BITS) - 1


@walker
def bucket_of(value: int) -> int:
    """Return the bucket of a value (:mod:`analysis._histogram`); values below zero count as zero."""
    if value < 64:
        return max(0, value)
    octave = octave_of(value)
    return ((octave - 5) << 6) + ((value >> (octave - 6)) & 63)


@kernel
def fill_buckets(values: NDArray[np.int64], out: NDArray[np.int32]) -> None:
    """Fill in the bucket of each value."""
    for index in range(len(values)):
        out[index] = bucket_of(values[index])


@kernel
def fill_seen(values: NDArray[np.int64], out: NDArray[np.int32]) -> None:
    """Fill in the bucket of each value; -1 for values below zero."""
    for index in range(len(values)):
        out[index] = bucket_of(values[index]) if values[index] >= 0 else -1


@kernel
def count_buckets(
    group: NDArray[np.int32],
    bucket: NDArray[np.int32],
    counts: NDArray[np.int64],
    bucket_count: int,
    group_offset: NDArray[np.int64],
    found: NDArray[np.int32],
    total: NDArray[np.int64],
) -> None:
    """Count how often each bucket is in each group; rows whose bucket is negative do not count.

    ``counts`` is how often each row counts, and empty where each counts once. Fills ``found`` and ``total``, as long as
    there are rows, with the buckets of group g, ascending, and their counts, at
    ``group_offset[g]:group_offset[g + 1]``; that is one longer than there are groups, and filled with zeros. Sorting is
    by counting, by bucket and then by group (Knuth, The Art of Computer Programming 3, section 5.2.5).
    """
    weighted = len(counts) > 0
    of_bucket = np.zeros(bucket_count + 1, np.int32)
    of_group = np.zeros(len(group_offset), np.int32)
    for row in range(len(group)):
        if bucket[row] >= 0 and (not weighted or counts[row] > 0):
            of_bucket[bucket[row] + 1] += 1
            of_group[group[row] + 1] += 1
    for one in range(1, len(of_bucket)):
        of_bucket[one] += of_bucket[one - 1]
    for number in range(1, len(of_group)):
        of_group[number] += of_group[number - 1]
    # What belongs together is written together: reading it row by row from where it lies waits for memory.
    size = of_group[len(of_group) - 1]
    pairs = np.empty(size, np.int64)
    weights = np.empty(size if weighted else 0, np.int64)
    for row in range(len(group)):
        if bucket[row] >= 0 and (not weighted or counts[row] > 0):
            place = of_bucket[bucket[row]]
            of_bucket[bucket[row]] = place + 1
            pairs[place] = (np.int64(group[row]) << _BITS) | bucket[row]
            if weighted:
                weights[place] = counts[row]
    buckets = np.empty(size, np.int32)
    added = np.empty(size if weighted else 0, np.int64)
    for index in range(size):
        number = pairs[index] >> _BITS
        place = of_group[number]
        of_group[number] = place + 1
        buckets[place] = pairs[index] & _BUCKET
        if weighted:
            added[place] = weights[index]
    used = 0
    begin = 0
    for number in range(len(group_offset) - 1):
        # Each place was moved to where the next group begins.
        end = of_group[number]
        for place in range(begin, end):
            more = added[place] if weighted else 1
            if place == begin or buckets[place] != buckets[place - 1]:
                found[used], total[used] = buckets[place], more
                used += 1
            else:
                before = total[used - 1]
                total[used - 1] = before + more if before <= _LARGEST - more else _LARGEST
        begin = end
        group_offset[number + 1] = used


@kernel
def add_buckets(
    offset: NDArray[np.int64],
    order: NDArray[np.int64],
    begins: NDArray[np.int32],
    bucket: NDArray[np.int32],
    count: NDArray[np.int64],
    bucket_count: int,
    group_offset: NDArray[np.int64],
    found: NDArray[np.int32],
    total: NDArray[np.int64],
) -> None:
    """Add up the histograms of the rows of each group, which are ``order[offset[g]:offset[g + 1]]``.

    That of row i are its buckets, ascending, and their counts, all above zero, at ``begins[i]:begins[i + 1]``. Fills
    ``found``, ``total`` and ``group_offset`` as :func:`count_buckets` does.
    """
    held = np.zeros(bucket_count, np.int64)
    touched = np.empty(bucket_count, np.int32)
    used = 0
    for number in range(len(group_offset) - 1):
        if offset[number + 1] - offset[number] == 1:
            row = order[offset[number]]
            for entry in range(begins[row], begins[row + 1]):
                found[used], total[used] = bucket[entry], count[entry]
                used += 1
        else:
            many = 0
            for place in range(offset[number], offset[number + 1]):
                row = order[place]
                for entry in range(begins[row], begins[row + 1]):
                    many = _hold(bucket[entry], count[entry], held, touched, many)
            _put_in_order(held, touched, many)
            used = _write_down(held, touched, many, found, total, used)
        group_offset[number + 1] = used


@kernel
def add_up_buckets(
    bucket: NDArray[np.int32],
    count: NDArray[np.int64],
    bucket_count: int,
    found: NDArray[np.int32],
    total: NDArray[np.int64],
) -> int:
    """Add up counts by bucket; those below one do not count. Returns how many buckets are left; -1 where one is none.

    Fills the beginnings of ``found`` and ``total``, which are as long as ``bucket``, with buckets, ascending, and their
    counts.
    """
    held = np.zeros(bucket_count, np.int64)
    touched = np.empty(bucket_count, np.int32)
    many = 0
    for entry in range(len(bucket)):
        if bucket[entry] < 0 or bucket[entry] >= bucket_count:
            return -1
        if count[entry] > 0:
            many = _hold(bucket[entry], count[entry], held, touched, many)
    _put_in_order(held, touched, many)
    return _write_down(held, touched, many, found, total, 0)


@walker
def _hold(which: int, added: int, held: NDArray[np.int64], touched: NDArray[np.int32], many: int) -> int:
    """Add to what a bucket holds; return how many buckets hold something."""
    before = held[which]
    if before == 0:
        touched[many] = which
        many += 1
    held[which] = before + added if before <= _LARGEST - added else _LARGEST
    return many


@kernel
def _put_in_order(held: NDArray[np.int64], touched: NDArray[np.int32], many: int) -> None:
    """Put the buckets that hold something in their order."""
    if many <= _FEW:
        sort_few(touched, many)
        return
    lowest = highest = touched[0]
    for place in range(1, many):
        lowest, highest = min(lowest, touched[place]), max(highest, touched[place])
    # Those that lie close together are passed in order: looking at all between costs less than sorting them.
    if highest - lowest < _GAPS * many:
        place = 0
        for which in range(lowest, highest + 1):
            if held[which] > 0:
                touched[place] = which
                place += 1
    else:
        touched[:many].sort()


@walker
def _write_down(
    held: NDArray[np.int64],
    touched: NDArray[np.int32],
    many: int,
    found: NDArray[np.int32],
    total: NDArray[np.int64],
    used: int,
) -> int:
    """Write down what buckets hold, which is then nothing; return where the next is written."""
    for place in range(many):
        found[used + place] = touched[place]
        total[used + place] = held[touched[place]]
        held[touched[place]] = 0
    return used + many
