"""Times of a partition's rows: within limits that leave room for arithmetic, and relative to their traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._columns import Codes, Columns
from analysis._kernels.numbering import sort_within

__all__ = ["RawTimes", "by_start", "near_the_ends", "shifts_of"]

_LONGEST: Final = 2**61 - 1
_EARLIEST: Final = -(2**62)
_LATEST: Final = 2**62 - 1
_LARGEST_SHIFT: Final = 2**60
_LEAST_MARGIN_NS: Final = 1_000_000_000
_MARGIN_OF_WINDOW: Final = 10


@dataclass(eq=False)
class RawTimes:
    """Times as the export has them, within limits that leave room for arithmetic."""

    columns: Columns
    trace_offset: NDArray[np.int64]
    trace_of: NDArray[np.int32]
    has_time: NDArray[np.bool_] = field(init=False)
    start: NDArray[np.int64] = field(init=False)
    duration: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.has_time = self.columns.valid("start_ns") & self.columns.valid("duration_ns")
        self.start = np.clip(self.columns.array("start_ns"), _EARLIEST, _LATEST)
        self.duration = np.where(self.has_time, np.clip(self.columns.array("duration_ns"), 0, _LONGEST), 0)

    def relative(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return starts relative to those of the traces, and those."""
        earliest = self._earliest(self.start)
        # Wrapping subtraction of unsigned numbers is exact where the difference is not negative, however far apart the
        # two are.
        since = self.start.view(np.uint64) - earliest[self.trace_of].view(np.uint64)
        start = np.where(self.has_time, np.minimum(since, np.uint64(_LONGEST)).view(np.int64), 0)
        return start, earliest

    def shifted(
        self, start: NDArray[np.int64], trace_start_ns: NDArray[np.int64], shift: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Shift relative starts and make them relative again."""
        moved = start + shift
        earliest = self._earliest(moved)
        moved = np.where(self.has_time, np.minimum(moved - earliest[self.trace_of], _LONGEST), 0)
        return moved, trace_start_ns + earliest

    def _earliest(self, start: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(start):
            return np.empty(0, np.int64)
        never = np.iinfo(np.int64).max
        earliest = np.minimum.reduceat(np.where(self.has_time, start, never), self.trace_offset[:-1])
        return np.where(earliest == never, 0, earliest)


def shifts_of(clock: Codes, offsets: Mapping[str, int]) -> NDArray[np.int64]:
    """Return what to add to the start of every row; a row of unknown host and service stays."""
    by_code = [min(max(offsets.get(value, 0), -_LARGEST_SHIFT), _LARGEST_SHIFT) for value in clock.values]
    return np.array([*by_code, 0], np.int64)[clock.codes]


def by_start(trace_of: NDArray[np.int32], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows by trace, start and row. Uncorrected, they are nearly always in this order already."""
    ordered = (trace_of[1:] != trace_of[:-1]) | (start[1:] >= start[:-1])
    if ordered.all():
        return np.arange(len(start), dtype=np.int64)
    offset = np.append(np.flatnonzero(np.diff(trace_of, prepend=-1)), len(trace_of)).astype(np.int64)
    order = np.arange(len(start), dtype=np.int64)
    sort_within(offset, order, start, np.empty(int(np.diff(offset).max()), np.int64))
    return order


def near_the_ends(raw: RawTimes, window: tuple[int, int] | None) -> NDArray[np.bool_]:
    """Return what is so close to the ends of the export's window that something it refers to may lie outside.

    That is what starts within a margin of the first start or ends within it of the last end. The margin is the longest
    duration in the row's trace, at least a second, at most a tenth of the window. What has no time is not near.
    """
    if window is None or not len(raw.start):
        return np.zeros(len(raw.start), np.bool_)
    first, last = (min(max(time, _EARLIEST), _LATEST) for time in window)
    longest = np.maximum.reduceat(raw.duration, raw.trace_offset[:-1])
    margin = np.minimum(np.maximum(longest, _LEAST_MARGIN_NS), max(last - first, 0) // _MARGIN_OF_WINDOW)[raw.trace_of]
    near = (raw.start < first + margin) | (raw.start + raw.duration > last - margin)
    return raw.has_time & near
