"""Cascade paths, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.facts import Histogram
from analysis.resilience import cascade_paths
from tests.resilience.facts import depends, empty, table

MS = 1_000_000


def failed(path, failures, **more):
    service, _, operation = path[0].partition(" ")
    climb = Histogram.from_values(np.array([20 * MS]), np.array([failures]))
    row = {"origin_service": service, "origin_operation": operation, "path": path, "mechanism": "timeout"}
    return row | {"failures": failures, "traces": failures, "climb": climb} | more


FACTS = empty() | {
    "failures": table(
        "failures",
        failed(("bank pay", "shop POST /pay"), 6, reached_root=True, requests=6),
        failed(("ads GET /ads",), 3, stopped_at="shop GET /"),
        failed(("stock GET /stock",), 2, stopped_at="shop GET /", retried_well=2),
        failed(("mail receive",), 1, sent_by="shop POST /pay", reached_root=True),
        failed(("late x",), 1),
    ),
    "visits": table(
        "visits",
        {"service": "shop", "operation": "POST /pay", "visits": 40, "failures": 10},
        {"service": "shop", "operation": "GET /", "visits": 50},
    ),
    "propagation": table(
        "propagation",
        {"origin_service": "bank", "origin_operation": "pay", "service": "shop", "operation": "POST /pay"}
        | {"waited": 8, "failed": 6},
    ),
}


def rows(facts, *columns):
    return [tuple(row[name] for name in columns) for row in cascade_paths(facts).to_dict("records")]


def test_ways_are_ranked_and_told_with_their_ends():
    assert rows(FACTS, "origin_service", "ended", "ended_at", "absorbed_how", "failures") == [
        ("bank", "request failed", "", "", 6),
        ("ads", "absorbed", "shop GET /", "default", 3),
        ("stock", "absorbed", "shop GET /", "retry that worked", 2),
        ("late", "not seen", "", "", 1),
        ("mail", "not waited for", "shop POST /pay", "", 1),
    ]


def test_how_surely_how_much_more_than_usual_and_how_fast():
    first = cascade_paths(FACTS).iloc[0]
    # Six of eight payments that waited for the bank failed with it; four of the other thirty-two failed without it.
    assert (first["probability"], first["base_rate"], first["lift"]) == pytest.approx((0.75, 0.125, 6.0))
    assert (first["share"], first["climb_ms_p50"]) == pytest.approx((6 / 13, 20), rel=0.01)
    assert np.isnan(cascade_paths(FACTS).iloc[1]["lift"])


def test_what_is_called_instead_and_not_otherwise_is_a_fallback():
    facts = FACTS | {
        "dependencies": table(
            "dependencies",
            depends("shop GET /", "ads GET /ads", 3, failed=True),
            depends("shop GET /", "house GET /house", 4),
        ),
        "stand_ins": table(
            "stand_ins",
            {"service": "shop", "operation": "GET /", "target": "ads", "template": "ads GET /ads", "visits": 3}
            | {"then_target": "house", "then_template": "house GET /house"},
        ),
    }
    assert ("ads", "fallback: house house GET /house") in rows(facts, "origin_service", "absorbed_how")
    # Called in twenty of the other forty-seven visits as well, it is part of the page.
    usual = depends("shop GET /", "house GET /house", 20)
    facts["dependencies"] = table("dependencies", *facts["dependencies"].to_dict("records"), usual)
    assert ("ads", "default") in rows(facts, "origin_service", "absorbed_how")


def test_nothing_failed_is_an_empty_table():
    assert cascade_paths(empty()).empty


def own(way, carried, *values_ms, **more):
    service, _, operation = way[0].partition(" ")
    histogram = Histogram.from_values(np.array(values_ms) * MS)
    row = {"origin_service": service, "origin_operation": operation, "way": way, "carried": carried, "whole": True}
    climb = Histogram.from_values(np.array([2 * MS]), np.array([len(values_ms)]))
    return row | {"own": histogram, "climb": climb, "spans": len(values_ms), "traces": len(values_ms)} | more


def ran(operation, *values_ms):
    service, _, name = operation.partition(" ")
    return {"service": service, "operation": name, "latency": Histogram.from_values(np.array(values_ms) * MS)}


#: The store's query takes 10 ms as a rule: 40 ms and more are slow.
SLOW = empty() | {
    "slow_ways": table(
        "slow_ways",
        own(("shop SELECT", "shop GET /"), 2, 10, 10, 50, 90, requests=4),
        own(("shop SELECT", "shop GET /"), 1, 60),
        own(("shop GET /",), 1, 500, requests=1),
        own(("mail send",), 1, 400, sent_by="shop GET /"),
    ),
    "operations": table(
        "operations", ran("shop SELECT", *([10] * 20)), ran("shop GET /", *([20] * 20)), ran("mail send", *([5] * 20))
    ),
    "visits": table("visits", {"service": "shop", "operation": "GET /", "visits": 13}),
}


def test_slowness_has_ways_of_its_own():
    assert rows(SLOW, "path", "mechanism", "ended", "ended_at", "absorbed_how", "failures", "requests") == [
        (("shop SELECT", "shop GET /"), "slowness", "request slow", "", "", 2, 2),
        (("mail send",), "slowness", "not waited for", "shop GET /", "", 1, 0),
        (("shop GET /",), "slowness", "request slow", "", "", 1, 1),
        (("shop SELECT",), "slowness", "absorbed", "shop GET /", "took longer itself", 1, 0),
    ]


def test_how_much_likelier_a_slow_origin_makes_its_caller_slow():
    first = cascade_paths(SLOW).iloc[0]
    # Two of three slow queries made the page slow; of its ten other visits one was slow, by itself.
    assert (first["probability"], first["base_rate"], first["lift"]) == pytest.approx((2 / 3, 0.1, 20 / 3))
    assert (first["share"], first["climb_ms_p50"]) == pytest.approx((2 / 5, 2), rel=0.01)


def test_what_is_slow_is_asked_in_medians():
    # The page's own 500 ms are 25 of its medians, the mail's 400 ms are 80.
    assert [row[0] for row in rows(SLOW, "path")][-1] == ("shop SELECT",)
    assert cascade_paths(SLOW, slow=50)["path"].tolist() == [("mail send",)]
    assert cascade_paths(SLOW, slow=200).empty


def test_a_way_given_up_is_absorbed_by_that():
    facts = SLOW | {"slow_ways": table("slow_ways", own(("cart get", "shop GET /"), 1, 900, gave_up=1))}
    facts["operations"] = table("operations", ran("cart get", 10, 10, 900))
    assert rows(facts, "ended", "ended_at", "absorbed_how") == [("absorbed", "shop GET /", "gave up waiting")]


def test_failures_stand_before_slowness_and_what_logs_say_after_failures():
    logged = {"service": "cart", "operation": "GET /", "template": "no price", "lines": 9, "traces": 8}
    coverage = {"service": "cart", "spans": 20, "with_outcome": 20}
    facts = SLOW | {
        "failures": FACTS["failures"],
        "untold_logs": table("untold_logs", logged),
        "coverage": table("coverage", coverage),
    }
    mechanisms = [row[0] for row in rows(facts, "mechanism")]
    assert mechanisms == ["timeout"] * 5 + ["logged error"] + ["slowness"] * 4
    said = cascade_paths(facts).iloc[5]
    assert (said["path"], said["failures"], said["traces"], said["ended"]) == (("cart GET /",), 9, 8, "absorbed")
    assert (said["confidence"], said["share"]) == (0.6, 1.0)
    # Where no span says how it ended, that none failed says nothing.
    facts["coverage"] = table("coverage", coverage | {"with_outcome": 0})
    assert cascade_paths(facts).iloc[5]["ended"] == "not seen"


def test_a_message_in_a_trace_of_its_own_names_who_publishes_to_its_queue():
    one = {"system": "kafka", "destination": "orders"}
    facts = empty() | {
        "failures": table("failures", failed(("mail receive",), 1, reached_root=True, entry_kind="consumer")),
        "messages": table(
            "messages",
            one | {"service": "shop", "operation": "publish", "kind": "producer"},
            one | {"service": "mail", "operation": "receive", "kind": "consumer"},
        ),
    }
    assert rows(facts, "ended", "ended_at") == [("not waited for", "shop publish")]
    facts["messages"] = facts["messages"].iloc[1:]
    assert rows(facts, "ended", "ended_at") == [("not waited for", "")]


def test_a_link_that_was_seen_names_the_sender_before_the_queue_does():
    # Two publish to the queue; of three failed messages the link of one was seen, and it leads to the shop.
    one = {"system": "kafka", "destination": "orders"}
    alone = {"reached_root": True, "entry_kind": "consumer"}
    facts = empty() | {
        "failures": table(
            "failures",
            failed(("mail receive",), 2, **alone),
            failed(("mail receive",), 1, sent_by="shop POST /pay", **alone),
        ),
        "slow_ways": table(
            "slow_ways",
            own(("mail receive",), 1, 400, 400, entry_kind="consumer"),
            own(("mail receive",), 1, 400, entry_kind="consumer", sent_by="shop POST /pay"),
        ),
        "operations": table("operations", ran("mail receive", *([5] * 20))),
        "messages": table(
            "messages",
            one | {"service": "shop", "operation": "publish", "kind": "producer"},
            one | {"service": "back office", "operation": "publish", "kind": "producer"},
            one | {"service": "mail", "operation": "receive", "kind": "consumer"},
        ),
    }
    assert rows(facts, "mechanism", "ended", "ended_at", "failures") == [
        ("timeout", "not waited for", "shop POST /pay", 3),
        ("slowness", "not waited for", "shop POST /pay", 3),
    ]
