"""Histograms: bucket borders worked out by hand, the stated value error, and merging."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis._histogram import BUCKET_COUNT, Histogram, bucket, buckets, lower, lowers, mid, upper, uppers
from analysis.facts._cells import histogram_cells
from analysis.facts._grouping import HISTOGRAM

LARGEST = 2**63 - 1
VALUES = st.lists(st.integers(min_value=0, max_value=LARGEST), max_size=60)


def test_small_values_have_a_bucket_each() -> None:
    assert [bucket(value) for value in (-5, 0, 1, 63, 64, 127)] == [0, 0, 1, 63, 64, 127]


def test_wider_buckets_begin_at_powers_of_two() -> None:
    # 128..255 is one octave in 64 buckets of two values: 128 and 129 share the first, 254 and 255 the last.
    assert [bucket(value) for value in (128, 129, 130, 254, 255, 256)] == [128, 128, 129, 191, 191, 192]
    assert (lower(128), upper(128), mid(128)) == (128, 129, 128.5)


def test_largest_value_is_in_the_last_bucket() -> None:
    assert bucket(LARGEST) == BUCKET_COUNT - 1
    assert upper(BUCKET_COUNT - 1) == LARGEST


def test_buckets_follow_one_another_without_gap() -> None:
    assert all(upper(index) + 1 == lower(index + 1) for index in range(BUCKET_COUNT - 1))


def test_the_ends_of_many_buckets_are_those_of_each():
    every = np.arange(BUCKET_COUNT)
    assert lowers(every).tolist() == [lower(index) for index in range(BUCKET_COUNT)]
    assert uppers(every).tolist() == [upper(index) for index in range(BUCKET_COUNT)]


@given(st.integers(min_value=0, max_value=LARGEST))
def test_middle_is_within_the_stated_error(value: int) -> None:
    assert lower(bucket(value)) <= value <= upper(bucket(value))
    assert abs(mid(bucket(value)) - value) <= 0.008 * value


@settings(deadline=None)  # the first call compiles
@given(VALUES)
def test_many_values_as_one_by_one(values: list[int]) -> None:
    assert buckets(np.array(values, dtype=np.int64)).tolist() == [bucket(value) for value in values]


def test_percentiles_of_small_values_are_exact() -> None:
    # Ranks 0..4 hold 10, 20, 30, 40, 100; rank 0.9 * 4 = 3.6 is 40 + 0.6 * 60.
    histogram = Histogram.from_values(np.array([40, 10, 100, 30, 20]))
    assert histogram.percentile(0.0) == 10
    assert histogram.percentile(0.5) == 30
    assert histogram.percentile(0.9) == pytest.approx(76)
    assert histogram.percentile(1.0) == 100


def test_counts_weigh_values() -> None:
    histogram = Histogram.from_values(np.array([10, 50, 90]), np.array([3, 0, 1]))
    assert histogram.count == 4
    assert histogram.buckets.tolist() == [10, 90]
    assert histogram.percentile(0.5) == 10


def test_empty_has_no_percentile() -> None:
    assert math.isnan(Histogram().percentile(0.5))
    assert Histogram().count == 0


def test_share_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram.from_values(np.array([1])).percentile(95)


@given(VALUES, VALUES, VALUES)
def test_merging_is_associative_and_loses_nothing(first: list[int], second: list[int], third: list[int]) -> None:
    a, b, c = (Histogram.from_values(np.array(part, dtype=np.int64)) for part in (first, second, third))
    together = Histogram.from_values(np.array(first + second + third, dtype=np.int64))
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == Histogram.merged([c, a, b]) == together
    assert together.count == len(first) + len(second) + len(third)


@given(st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=60), st.floats(0, 1))
def test_percentile_is_within_the_stated_error(values: list[int], share: float) -> None:
    exact = float(np.quantile(np.array(values, dtype=np.float64), share))
    assert Histogram.from_values(np.array(values)).percentile(share) == pytest.approx(exact, rel=0.008, abs=1e-6)


@pytest.mark.parametrize("number", [-1, BUCKET_COUNT, 1 << 30])
def test_what_is_no_bucket_is_refused(number):
    with pytest.raises(ValueError, match=f"none is {number}"):
        Histogram.from_buckets(np.array([3, number]))
    column = pa.array([[{"bucket": number, "count": 1}]], HISTOGRAM)
    with pytest.raises(ValueError, match=f"none is {number}"):
        histogram_cells(column)
