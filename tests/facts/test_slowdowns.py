from __future__ import annotations

import numpy as np
import pytest

from analysis.facts.slowdowns import step
from tests.facts.rows import MS, read, rows_of, span, span_ids


def test_of_several_calls_in_one_visit_the_longest_counts():
    found = read(
        "slowdowns",
        span(1, ms=100),
        span(2, 1, at=0, ms=10, service="cart"),
        span(3, 1, at=20, ms=40, service="cart"),
        span(4, 1, at=70, ms=40, service="cart"),
    )
    columns = ("caller_service", "callee_service", "visits", "traces", "caller_ns", "callee_ns")
    assert rows_of(found, *columns) == [("shop", "cart", 1, 1, 100 * MS, 40 * MS)]
    # Of two equally long ones the first.
    assert span_ids(found.exemplars[0]) == [(1, 3)]
    # 2^26 ns is 67 ms, times the root of 2 is 95; 2^25 ns is 34 ms, times the root of 2 is 47.
    assert rows_of(found, "caller_step", "callee_step") == [(53, 50)]


def test_failed_and_unawaited_calls_are_left_out():
    assert read(
        "slowdowns",
        span(1),
        span(2, 1, service="cart", status="error"),
        span(3, 1, service="mail", asynchronous=True),
        span(4, 1, kind="internal"),
        span(5, 1, service="tax", start_ns=None, duration_ns=None),
    ).empty


@pytest.mark.parametrize(
    ("duration_ns", "expected"),
    # The root of 2 is 1.41421356…, so that 2^20 times it is 1482910.4.
    [(-5, 0), (0, 0), (1, 0), (2, 2), (3, 3), (4, 4), (1 << 20, 40), (1_482_910, 40), (1_482_911, 41), (1 << 62, 124)],
)
def test_a_step_is_half_an_octave(duration_ns, expected):
    assert step(np.array([duration_ns])).tolist() == [expected]
