"""What became of a finding between two reviews, by hand."""

from __future__ import annotations

from analysis.compare import standings
from analysis.findings import Assessment
from tests.claims import finding


def answer(detector: str, outcome: str, *findings):
    return Assessment(detector, "chatty", outcome, tuple(findings))  # type: ignore[arg-type]


def stood(*found):
    return [(item.status, item.finding.subject["service"], item.graver, item.judged_before) for item in found]


CART, ORDERS = finding(subject={"service": "cart"}), finding(subject={"service": "orders"})


def test_found_now_and_not_before_is_new():
    found = standings([CART], {"loop": "found"}, [answer("loop", "found", CART, ORDERS)])
    assert stood(*found) == [("new", "orders", 0, True), ("persisting", "cart", 0, True)]


def test_found_before_and_looked_for_in_vain_is_resolved():
    found = standings([CART, ORDERS], {"loop": "found"}, [answer("loop", "found", ORDERS)])
    assert stood(*found) == [("persisting", "orders", 0, True), ("resolved", "cart", 0, True)]
    assert found[1].after is None


def test_found_before_by_a_detector_that_cannot_judge_now_is_not_resolved():
    found = standings([CART], {"loop": "found"}, [answer("loop", "not_assessable")])
    assert stood(*found) == [("unjudged", "cart", 0, True)]


def test_found_before_by_a_detector_that_is_not_asked_now_is_left_out():
    assert standings([CART], {"loop": "found"}, [answer("other", "not_found")]) == ()


def test_new_to_a_detector_that_could_not_judge_before_may_be_old():
    found = standings([], {"loop": "not_assessable"}, [answer("loop", "found", CART)])
    assert stood(*found) == [("new", "cart", 0, False)]
    assert stood(*standings([], {}, [answer("loop", "found", CART)])) == [("new", "cart", 0, False)]


def test_severity_may_rise_while_a_finding_persists():
    worse = finding(subject={"service": "cart"}, severity="high", title="A long loop")
    (item,) = standings([CART], {"loop": "found"}, [answer("loop", "found", worse)])
    assert item.status == "persisting"
    assert item.graver == 2
    assert item.finding.title == "A long loop"
    assert item.to_json() == {
        "id": CART.id,
        "detector": "loop",
        "family": "chatty",
        "status": "persisting",
        "title": "A long loop",
        "severity": "high",
        "severity_before": "low",
        "judged_before": True,
    }


def test_the_worst_comes_first_within_a_status():
    high = finding(subject={"service": "pricing"}, severity="high")
    found = standings([], {"loop": "not_found"}, [answer("loop", "found", CART, high)])
    assert [item.finding.severity for item in found] == ["high", "low"]
