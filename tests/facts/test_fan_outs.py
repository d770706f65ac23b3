"""Spans that call several, on forests written by hand."""

from __future__ import annotations

import numpy as np

from analysis.facts import fan_outs
from analysis.facts.fan_outs import _stepped
from tests.facts.chatty_forests import MS, adds_up, client, scan, server, span_ids

FAN = (
    server(1, 0, "web", 0, 200),
    client(2, 1, "web", 0, 20, "a"),
    client(3, 1, "web", 0, 30, "b"),
    client(4, 1, "web", 0, 90, "b", template="GET /more"),
)


def test_calls_at_once_wait_for_the_slowest():
    row = scan(fan_outs, *FAN).iloc[0]
    assert list(row[["service", "operation", "fan", "callees", "templates"]]) == ["web", "GET /web", 3, 2, 3]
    # The longest takes 90 ms, the median 30.
    assert list(row[["penalty_ns", "critical_ns"]]) == [60 * MS, 90 * MS]
    assert row["exemplars"][0].span_ids == span_ids(2, 3, 4)


def test_calls_in_series_pay_no_penalty():
    row = scan(fan_outs, FAN[0], *(client(2 + i, 1, "web", 100 * i, 20 + i * 30, "a") for i in range(2))).iloc[0]
    assert (row["penalty_ns"], row["critical_ns"]) == (0, 70 * MS)


def test_one_call_and_calls_that_failed_are_none():
    assert scan(fan_outs, *FAN[:2]).empty
    assert scan(fan_outs, *FAN[:2], FAN[2] | {"status": "error"}).empty


def test_a_span_that_stands_for_several_counts_so():
    assert scan(fan_outs, FAN[0], FAN[1] | {"multiplicity": 25}).iloc[0]["fan"] == 25


def test_numbers_are_exact_to_thirty_two_then_in_steps():
    assert list(_stepped(np.array([2, 32, 33, 63, 64, 1000]))) == [2, 32, 33, 33, 64, 512]


def test_parts_add_up_to_the_whole():
    assert adds_up(fan_outs, *FAN)
