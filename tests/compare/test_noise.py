"""Intervals of a change: they hold what they claim, on traffic whose truth is known because it was drawn."""

from __future__ import annotations

import math

import numpy as np

from analysis._histogram import Histogram
from analysis.compare.noise import MEASURES, Sampled, interval
from analysis.facts.call_samples import GROUPS


def drawn(seed: int, *, traces: int = 640, calls: float = 3.0, failing: float = 0.05, ms: float = 20.0) -> Sampled:
    """Draw an edge: Poisson calls a trace, each failing with a probability, with a duration that is exponential."""
    generator = np.random.default_rng(seed)
    group = generator.integers(0, GROUPS, traces)
    made = generator.poisson(calls, traces) + 1
    failed = generator.binomial(made, failing)
    totals = [np.bincount(group, weights, GROUPS).astype(float) for weights in (made, failed, np.ones(traces))]
    latency = []
    for number in range(GROUPS):
        durations = generator.exponential(ms * 1e6, int(totals[0][number])).astype(np.int64)
        latency.append(Histogram.from_values(durations))
    return Sampled(*totals, latency)


def holds(name: str, change: float, seeds: range, **after: float) -> int:
    """Count how many intervals hold the true change."""
    held = 0
    for seed in seeds:
        low, high = interval(MEASURES[name], drawn(seed), drawn(seed + 10_000, **after))
        held += low <= change <= high
    return held


def test_of_a_hundred_recordings_of_the_same_traffic_nearly_none_is_called_changed():
    """A 99 % interval errs once in a hundred: more than 5 in 100 have a probability of 0.05 % (binomial)."""
    for name in MEASURES:
        assert holds(name, 0.0, range(100)) >= 95, name


def test_the_true_change_lies_in_the_interval():
    # Calls a trace are Poisson(3) + 1 = 4, and Poisson(5) + 1 = 6: two more.
    assert holds("calls_per_trace", 2.0, range(100), calls=5.0) >= 95
    assert holds("error_share", 0.10, range(100), failing=0.15) >= 95
    # The median of an exponential distribution is its mean times ln 2.
    assert holds("p50_ms", 20 * math.log(2), range(100), ms=40.0) >= 95
    # Its 95th percentile is the mean times ln 20.
    assert holds("p95_ms", 20 * math.log(20), range(100), ms=40.0) >= 95


def test_a_change_that_is_large_is_told_from_chance():
    low, _ = interval(MEASURES["calls_per_trace"], drawn(1), drawn(2, calls=5.0))
    assert low > 0
    _, high = interval(MEASURES["p95_ms"], drawn(1), drawn(2, ms=10.0))
    assert high < 0


def test_the_same_groups_give_the_same_interval():
    before, after = drawn(1), drawn(2)
    assert interval(MEASURES["p95_ms"], before, after) == interval(MEASURES["p95_ms"], before, after)


def test_values_are_those_of_the_whole():
    whole = Sampled(
        np.array([6.0, 2.0] + [0.0] * (GROUPS - 2)),
        np.array([1.0, 1.0] + [0.0] * (GROUPS - 2)),
        np.array([2.0, 2.0] + [0.0] * (GROUPS - 2)),
        [Histogram.from_values(np.array([100]))] + [Histogram()] * (GROUPS - 1),
    )
    assert MEASURES["calls_per_trace"].value(whole) == 2.0
    assert MEASURES["error_share"].value(whole) == 0.25
    assert MEASURES["p50_ms"].value(whole) == 0.0001


def test_small_changes_are_not_worth_a_word():
    assert not MEASURES["error_share"].worth_a_word(0.0, 0.009)
    assert MEASURES["error_share"].worth_a_word(0.0, 0.011)
    assert not MEASURES["p95_ms"].worth_a_word(100.0, 109.0)
    assert MEASURES["p95_ms"].worth_a_word(100.0, 120.0)
    assert not MEASURES["p95_ms"].worth_a_word(0.02, 0.09)
