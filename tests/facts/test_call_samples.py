from __future__ import annotations

import numpy as np

from analysis.facts.call_samples import GROUPS
from tests.facts.rows import query, read, rows_of, span


def test_calls_of_a_trace_are_in_one_sixteenth():
    found = read("call_samples", span(1, ms=100), query(2, 1, ms=5, multiplicity=3), query(3, 1, at=10, status="error"))
    stored = found[found.kind == "data"]
    assert rows_of(stored, "caller", "callee", "calls", "errors", "traces") == [
        ("shop", "postgresql://db:6432/shop", 4, 1, 1)
    ]
    assert stored.latency.iloc[0].count == 4
    assert found.group.nunique() == 1


def test_sixteenths_add_up_to_the_calls_and_are_even():
    spans = [span(number, trace_id_low=number) for number in range(1, 1601)]
    found = read("call_samples", *spans)
    assert found.calls.sum() == found.traces.sum() == 1600
    assert sorted(found.group) == list(range(GROUPS))
    # 100 expected; five standard deviations of a binomial count with p = 1/16 are 5 x 9.7.
    assert np.abs(found.traces - 100).max() < 49
