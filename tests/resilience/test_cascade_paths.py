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
