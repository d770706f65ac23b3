"""Mechanisms against failure, as calls written by hand show them."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.facts import Histogram
from analysis.resilience import mechanisms
from tests.resilience.facts import depends, empty, table

MS = 1_000_000
EDGE = {"service": "orders", "target": "payments"}


def of(values, counts=None):
    return Histogram.from_values(np.array(values) * MS, np.array(counts or [1] * len(values)))


def story(**facts):
    calls = table(
        "dependencies",
        depends("orders POST /orders", "payments POST /pay", 90),
        depends("orders POST /orders", "payments POST /pay", 10, failed=True, visit_failed=True),
    )
    return empty() | {"dependencies": calls} | {name: table(name, *rows) for name, rows in facts.items()}


def told(facts, *columns):
    [row] = mechanisms(facts)[list(columns)].itertuples(index=False, name=None)
    return row


def test_what_was_never_needed_is_not_told():
    assert told(
        story(), "caller", "callee", "visits", "failures", "timeouts", "attempts_per_call", "most_attempts"
    ) == (*("orders", "payments", 100, 10, 0, 1.0, 1),)
    assert told(story(), "backoff", "idempotency", "breaker", "survived_share") == ("", "", "", 0.0)


def test_the_timeout_is_what_calls_that_met_one_waited():
    waits = EDGE | {"end": "timeout", "calls": 3, "latency": of([1000], [3])}
    count, after = told(story(waits=[waits, EDGE | {"end": "answered", "calls": 9}]), "timeouts", "timeout_ms")
    assert (count, after) == (3, pytest.approx(1000, rel=0.01))


def test_attempts_keys_and_gaps():
    tried = EDGE | {"calls": 10, "attempts": 16, "most": 3, "uncertain": 4, "keyed": 4}
    assert told(story(attempts=[tried]), "attempts_per_call", "most_attempts", "idempotency") == (1.6, 3, "key")
    assert told(story(attempts=[tried | {"keyed": 3}]), "idempotency") == ("no key seen",)
    for gaps, backoff in (([2, 3, 4], "none"), ([100, 101, 102], "constant"), ([100, 210, 390], "varying"), ([2], "")):
        first = EDGE | {"first": True, "gap": of([500, 900, 700])}
        assert told(story(retry_gaps=[first, EDGE | {"gap": of(gaps)}]), "backoff") == (backoff,)


def test_a_breaker_is_known_by_what_it_keeps_back_or_says():
    bad = EDGE | {"minute": 7, "calls": 20, "failures": 10}
    assert told(story(call_minutes=[bad]), "breaker") == ("not seen",)
    assert told(story(call_minutes=[bad | {"failures": 9}]), "breaker") == ("",)
    assert told(story(call_minutes=[bad | {"kept_by_breaker": 1}]), "breaker") == ("open",)
    line = {"service": "orders", "signal": "open breaker", "minute": 7, "lines": 5}
    assert told(story(call_minutes=[bad], log_signals=[line]), "breaker") == ("open",)
    assert told(story(call_minutes=[bad], log_signals=[line | {"minute": 8}]), "breaker") == ("not seen",)
    proxy = {"service": "envoy", "target": "payments", "signal": "overflow", "minute": 1, "lines": 1}
    assert told(story(log_signals=[proxy]), "breaker") == ("open",)


def test_nothing_called_has_no_mechanisms():
    assert mechanisms(empty()).empty
