"""Blast radius and availability of a small shop, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.resilience import availability, availability_steps, blast_radius, dominators, network
from tests.resilience.facts import depends, empty, table


def requested(service, operation, count, errors=0):
    key = {"entry_service": service, "entry_operation": operation, "entry_kind": "server"}
    return key | {"requests": count, "errors": errors}


def visited(service, operation, visits, failures=0):
    return {"service": service, "operation": operation, "visits": visits, "failures": failures}


def waits_for(service, operation, count, *services):
    return {"entry_service": service, "entry_operation": operation, "services": services, "requests": count}


def began(service, operation, failures, requests, *path, entry=("web", "POST /pay")):
    key = {"origin_service": service, "origin_operation": operation, "path": path or (f"{service} {operation}",)}
    return key | {"entry_service": entry[0], "entry_operation": entry[1], "failures": failures, "requests": requests}


SHOP = empty() | {
    "requests": table("requests", requested("web", "GET /", 200, 2), requested("web", "POST /pay", 60, 10)),
    "visits": table(
        "visits",
        visited("web", "GET /", 200, 2),
        visited("web", "POST /pay", 60, 10),
        visited("ads", "GET /ads", 100, 10),
        visited("payments", "POST /charge", 60, 10),
    ),
    "request_services": table(
        "request_services",
        waits_for("web", "GET /", 100, "ads", "web"),
        waits_for("web", "GET /", 100, "web"),
        waits_for("web", "POST /pay", 60, "payments", "web"),
    ),
    "dependencies": table(
        "dependencies",
        depends("web GET /", "ads GET /ads", 90),
        depends("web GET /", "ads GET /ads", 8, failed=True),
        depends("web GET /", "ads GET /ads", 2, failed=True, visit_failed=True),
        depends("web POST /pay", "payments POST /charge", 50),
        depends("web POST /pay", "payments POST /charge", 10, failed=True, visit_failed=True),
        depends("payments POST /charge", "bank.example", 30),
    ),
    "failures": table(
        "failures",
        began("ads", "GET /ads", 8, 0, entry=("web", "GET /")),
        began("ads", "GET /ads", 2, 2, "ads GET /ads", "web GET /", entry=("web", "GET /")),
        began("payments", "POST /charge", 10, 10, "payments POST /charge", "web POST /pay"),
    ),
}


def by_entry(name):
    rows = blast_radius(SHOP, grain="entry")
    return rows[rows["service"] == name].to_dict("records")


def test_a_tolerated_failure_reaches_as_far_as_it_is_not_survived():
    [row] = by_entry("ads")
    # A hundred requests wait for it, and two of its ten failures were not survived; bounds of 8 of 10 by Wilson.
    assert (row["used"], row["requests"], row["observed"]) == (100, 200, 2)
    assert (row["expected"], row["low"], row["high"]) == pytest.approx((20, 5.67, 50.98), abs=0.01)


def test_a_required_service_takes_all_who_wait_for_it():
    [row] = by_entry("payments")
    assert (row["used"], row["expected"], row["high"], row["observed"]) == (60, 60, 60, 10)
    assert row["low"] == pytest.approx(60 * (1 - 0.2775), abs=0.01)


def test_what_never_failed_counts_as_required_and_its_bound_says_that_nobody_knows():
    [row] = by_entry("bank.example")
    # Half of the payments call it; 0.7225 is the least share of payments' failures that fail the request.
    assert (row["used"], row["expected"], row["low"], row["high"]) == pytest.approx((30, 30, 0, 30))


def test_services_are_ranked_by_what_would_fail_with_them():
    table = blast_radius(SHOP)
    assert list(table["service"]) == ["web", "payments", "bank.example", "ads"]
    assert list(table["observed_services"]) == [(), ("web",), (), ("web",)]
    assert list(table["callers"]) == [0, 1, 2, 1]
    assert list(table["failures"]) == [0, 10, 0, 10]
    with pytest.raises(ValueError, match="no grain 'team'"):
        blast_radius(SHOP, grain="team")


def test_availability_is_the_product_along_what_is_required():
    rows = availability(SHOP).set_index("entry_operation")
    # payments fails by itself in 10 of 60 visits, all of them pass.
    assert rows.loc["POST /pay", ["product", "seen"]].tolist() == pytest.approx([50 / 60, 50 / 60])
    # Half of the requests visit ads, a tenth of the visits fails, a fifth of the failures is not survived.
    assert rows.loc["GET /", ["product", "seen"]].tolist() == pytest.approx([0.99, 0.99])
    assert rows.loc["GET /", "low"] == pytest.approx(1 - 0.5 * 0.1 * 0.5098, abs=1e-4)
    assert rows.loc["POST /pay", "weakest"] == "payments POST /charge"
    assert rows.loc["POST /pay", "required"] == 2


def test_what_retries_mend_costs_nothing():
    facts = SHOP | {
        "visits": table(
            "visits",
            visited("web", "POST /pay", 60, 10),
            # Seventy attempts of sixty charges: ten more failed, and were mended by another attempt.
            visited("payments", "POST /charge", 70, 20),
        ),
        "failures": table("failures", began("payments", "POST /charge", 20, 10)),
    }
    steps = availability_steps(facts, "web", "POST /pay").to_dict("records")
    assert (steps[0]["service"], steps[0]["own_failures"]) == ("payments", 20)
    assert (steps[0]["own_rate"], steps[0]["loss"]) == pytest.approx((2 / 7, 1 / 6))
    with pytest.raises(KeyError, match="no request of 'web' 'GET /nowhere'"):
        availability_steps(facts, "web", "GET /nowhere")


def test_several_visits_of_one_request_fail_it_sooner():
    attempts = table("attempts", depends("web GET /", "ads GET /ads", 0, calls=200) | {"attempts": 200})
    facts = SHOP | {"attempts": attempts}
    rows = availability(facts).set_index("entry_operation")
    # Two visits to each that is visited: one of the two fails in 1 - 0.9² of them.
    assert rows.loc["GET /", "product"] == pytest.approx(1 - 0.5 * 0.2 * (1 - 0.81))


def test_circles_come_to_an_end():
    facts = empty() | {
        "visits": table("visits", visited("a", "x", 10), visited("b", "y", 10), visited("c", "z", 10)),
        "dependencies": table(
            "dependencies", depends("a x", "b y", 10), depends("b y", "a x", 5), depends("b y", "c z", 5)
        ),
    }
    net = network(facts)
    assert net.nodes == (("a", "x"), ("b", "y"), ("c", "z"))
    # b fails with c in half of its visits, or with a in half: 1 - (1 - 0.5)(1 - 0.5 b) = b, so b = 2 / 3.
    assert net.used(net.of("c"))[:2] == pytest.approx([2 / 3, 2 / 3], abs=1e-6)
    assert np.isfinite(net.visits_of(0)).all()


def test_calls_without_spans_of_their_own_are_known_by_visits():
    pair = {"caller_service": "web", "caller_operation": "GET /", "callee_service": "db", "callee_operation": "find"}
    climbed = {"origin_service": "db", "origin_operation": "find", "service": "web", "operation": "GET /", "hops": 1}
    facts = SHOP | {
        "dependencies": table("dependencies"),
        "visits": table("visits", visited("web", "GET /", 200, 5), visited("db", "find", 120, 20)),
        "slowdowns": table("slowdowns", pair | {"visits": 100}),
        "propagation": table("propagation", climbed | {"waited": 20, "failed": 5}),
    }
    net = network(facts)
    [edge] = zip(net.use, net.tolerance, net.failures, strict=True)
    assert edge == pytest.approx((0.6, 0.75, 20))


def test_nothing_seen_reaches_nothing():
    assert blast_radius(empty()).empty
    assert blast_radius(empty(), grain="entry").empty
    assert availability(empty()).empty


def told(facts):
    return [
        tuple(row[name] for name in ("node", "behind", "dominates")) for row in dominators(facts).to_dict("records")
    ]


def test_what_stands_on_every_way_dominates():
    assert told(SHOP) == [
        ("web", "", ("ads", "bank.example", "payments")),
        ("ads", "web", ()),
        ("payments", "web", ("bank.example",)),
        ("bank.example", "payments", ()),
    ]
    # Of 420 visits web has 260, ads 100, payments 60; a bank that is not instrumented has none.
    assert dominators(SHOP)["visits_share"].tolist() == pytest.approx([1, 100 / 420, 60 / 420, 0])


def test_a_second_way_leaves_only_what_both_pass():
    around = depends("ads GET /ads", "bank.example", 5)
    facts = SHOP | {"dependencies": table("dependencies", *SHOP["dependencies"].to_dict("records"), around)}
    assert ("bank.example", "web", ()) in told(facts)


def test_an_entry_of_its_own_is_behind_nobody():
    direct = requested("payments", "POST /charge", 3)
    facts = SHOP | {"requests": table("requests", *SHOP["requests"].to_dict("records"), direct)}
    assert ("payments", "", ("bank.example",)) in told(facts)
    # Who is only sent messages is reached by no request.
    facts["requests"] = facts["requests"].assign(entry_kind="consumer")
    assert dominators(facts).empty
