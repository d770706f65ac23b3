"""Whom the failure of one service reaches, worked out by hand on the shop of the blast radius."""

from __future__ import annotations

import pytest

from analysis.resilience import failure_reach
from tests.resilience.facts import table
from tests.resilience.test_reach import SHOP


def climbed(origin, service, waited, failed):
    names = dict(zip(("origin_service", "origin_operation"), origin, strict=True))
    names |= dict(zip(("service", "operation"), service, strict=True))
    return names | {"hops": 1, "waited": waited, "failed": failed}


SEEN = SHOP | {
    "propagation": table(
        "propagation",
        climbed(("ads", "GET /ads"), ("web", "GET /"), 10, 2),
        climbed(("ads", "GET /ads"), ("ads", "GET /ads"), 10, 10),
    )
}


def test_a_caller_fails_as_far_as_it_does_not_survive():
    [web] = failure_reach(SEEN, "ads").callers.to_dict("records")
    # Half of 200 visits of GET / call it; 8 of its 10 failures were survived, by Wilson's bounds 49.0 % to 94.3 %.
    assert (web["service"], web["hops"], web["visits"], web["used"]) == ("web", 1, 260, 100)
    assert (web["expected"], web["low"], web["high"]) == pytest.approx((20, 5.67, 50.98), abs=0.01)
    assert (web["below"], web["failed"]) == (10, 2)


def test_what_never_failed_is_known_by_its_bounds_alone():
    reach = failure_reach(SEEN, "bank.example")
    rows = {row["service"]: row for row in reach.callers.to_dict("records")}
    assert list(rows) == ["payments", "web"]
    told = [(row["hops"], row["used"], row["low"], row["high"]) for row in rows.values()]
    assert told == [(1, 30, 0, 30), (2, 30, 0, 30)]
    edges = {(row["caller"], row["callee"]): row for row in reach.edges.to_dict("records")}
    assert {pair: edge["travels"] for pair, edge in edges.items()} == {
        ("payments", "bank.example"): True,
        ("web", "payments"): True,
        ("web", "ads"): False,
    }
    unknown = edges["payments", "bank.example"]
    assert (unknown["failures"], unknown["low"], unknown["high"]) == (0, 0, 1)
    assert unknown["tolerance"] != unknown["tolerance"]
    required = edges["web", "payments"]
    assert (required["visits"], required["failures"], required["survived"], required["tolerance"]) == (60, 10, 0, 0)
    assert required["high"] == pytest.approx(0.2775, abs=1e-4)


def test_nobody_waits_for_who_is_never_called():
    reach = failure_reach(SEEN, "web")
    assert reach.callers.empty
    assert not reach.edges["travels"].any()
