"""Mergeable histograms of non-negative integers: 64 buckets an octave, kept sparse.

Values below 128 have a bucket of their own; above, a bucket is 1/64 to 1/128 of its values wide, so that its middle
is within 1/128 (0.8 %) of every value in it. Two histograms merge by adding counts, whatever the order. The layout is
that of HdrHistogram (Tene) with 64 sub-buckets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.buckets import add_up_buckets, bucket_of, fill_buckets, fill_seen

__all__ = [
    "BUCKET_COUNT",
    "Histogram",
    "bucket",
    "buckets",
    "lower",
    "lowers",
    "mid",
    "require_buckets",
    "seen_buckets",
    "upper",
    "uppers",
]

_STEPS: Final = 6
#: Buckets that a signed 64-bit value can fall into.
BUCKET_COUNT: Final = 58 << _STEPS


def bucket(value: int) -> int:
    """Return the bucket of one value; values below zero count as zero."""
    return bucket_of(value)


def buckets(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return the bucket of every value.

    Parameters
    ----------
    values
        Integers, usually nanoseconds; values below zero count as zero.
    """
    wide = np.ascontiguousarray(values, dtype=np.int64)
    out = np.empty(wide.shape[0], dtype=np.int32)
    fill_buckets(wide, out)
    return out


def seen_buckets(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return the bucket of every value; -1 for values below zero."""
    wide = np.ascontiguousarray(values, dtype=np.int64)
    out = np.empty(wide.shape[0], dtype=np.int32)
    fill_seen(wide, out)
    return out


def lower(bucket: int) -> int:
    """Return the smallest value of a bucket."""
    if bucket < 64:
        return bucket
    return (64 + (bucket & 63)) << ((bucket >> _STEPS) - 1)


def upper(bucket: int) -> int:
    """Return the largest value of a bucket."""
    if bucket < 64:
        return bucket
    return lower(bucket) + (1 << ((bucket >> _STEPS) - 1)) - 1


def lowers(buckets: NDArray[Any]) -> NDArray[np.int64]:
    """Return the smallest value of each bucket."""
    wide = np.asarray(buckets, dtype=np.int64)
    return np.where(wide < 64, wide, (64 + (wide & 63)) << np.maximum((wide >> _STEPS) - 1, 0))


def uppers(buckets: NDArray[Any]) -> NDArray[np.int64]:
    """Return the largest value of each bucket."""
    wide = np.asarray(buckets, dtype=np.int64)
    return lowers(wide) + np.where(wide < 64, 0, (np.int64(1) << np.maximum((wide >> _STEPS) - 1, 0)) - 1)


def mid(bucket: int) -> float:
    """Return the value that stands for a bucket: halfway between its smallest and its largest."""
    return (lower(bucket) + upper(bucket)) / 2


def require_buckets(numbers: NDArray[Any]) -> None:
    """Make sure that all numbers are those of buckets: kernels count in arrays that have places for these alone.

    Raises
    ------
    ValueError
        If one is not.
    """
    strange = numbers[(numbers < 0) | (numbers >= BUCKET_COUNT)]
    if len(strange):
        raise ValueError(f"there are buckets 0 to {BUCKET_COUNT - 1}, and none is {strange[0]}: the file is damaged")


def _no_buckets() -> NDArray[np.int32]:
    return np.empty(0, dtype=np.int32)


def _no_counts() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of values by bucket, without the empty buckets.

    Attributes
    ----------
    buckets
        Buckets that hold a value, ascending.
    counts
        How many values each of them holds, above zero.
    """

    buckets: NDArray[np.int32] = field(default_factory=_no_buckets)
    counts: NDArray[np.int64] = field(default_factory=_no_counts)

    @classmethod
    def from_values(cls, values: NDArray[Any], counts: NDArray[Any] | None = None) -> Histogram:
        """Build a histogram of values, each counted once or as often as `counts` says.

        Parameters
        ----------
        values
            Integers, usually nanoseconds; values below zero count as zero.
        counts
            How often each value is seen; values seen less than once are left out.
        """
        return cls.from_buckets(buckets(values), counts)

    @classmethod
    def from_buckets(cls, which: NDArray[Any], counts: NDArray[Any] | None = None) -> Histogram:
        """Build a histogram of bucket numbers in any order, repeats allowed.

        Raises
        ------
        ValueError
            If a number is none of a bucket.
        """
        size = which.shape[0]
        # Copies, where they are not made anyway: kernels are compiled for arrays that can be written to.
        weights = np.ones(size, np.int64) if counts is None else np.array(counts, np.int64)
        found, total = np.empty(size, np.int32), np.empty(size, np.int64)
        many = add_up_buckets(np.array(which, np.int32), weights, BUCKET_COUNT, found, total)
        if many < 0:
            require_buckets(np.asarray(which))
        return cls(found[:many], total[:many])

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Add up any number of histograms; the order makes no difference."""
        parts = list(histograms)
        if not parts:
            return cls()
        if len(parts) == 1:
            return parts[0]
        return cls.from_buckets(
            np.concatenate([part.buckets for part in parts]), np.concatenate([part.counts for part in parts])
        )

    def merge(self, other: Histogram) -> Histogram:
        """Return the sum of this histogram and another."""
        return Histogram.merged((self, other))

    @property
    def count(self) -> int:
        """How many values it holds."""
        return int(self.counts.sum())

    def percentile(self, share: float) -> float:
        """Return the value below which a share of the values lies.

        The rank is ``share * (count - 1)``, counted from zero; between two ranks the value is interpolated linearly
        (numpy's default, type 7 of Hyndman and Fan 1996). A value is taken as the middle of its bucket, hence within
        0.8 %.

        Parameters
        ----------
        share
            Between 0 and 1.

        Returns
        -------
        float
            In the unit of the values, usually nanoseconds; not a number where the histogram is empty.

        Raises
        ------
        ValueError
            If the share is outside 0 to 1.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a share lies between 0 and 1, not {share}")
        reached = self.counts.cumsum()
        total = int(reached[-1]) if len(reached) else 0
        if total == 0:
            return float("nan")
        rank = share * (total - 1)
        below = int(rank)
        low = self._value_at(below, reached)
        fraction = rank - below
        return low if fraction == 0.0 else low + (self._value_at(below + 1, reached) - low) * fraction

    def _value_at(self, rank: int, reached: NDArray[np.int64]) -> float:
        place = int(reached.searchsorted(rank, side="right"))
        return mid(int(self.buckets[min(place, len(self.buckets) - 1)]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return np.array_equal(self.buckets, other.buckets) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.buckets.tobytes(), self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, buckets={len(self.buckets)})"
