"""Boundaries of real systems: said where they can be seen, and not assessable where they cannot."""

from __future__ import annotations

import pytest

import analysis as an
from analysis.trust import NO_CROSSING
from tests.detectors.test_trainticket_tables import MAPPING


@pytest.fixture(scope="module")
def classroom(shared_exports):
    """A school app whose services never pass their context on (as the notes beside the export say)."""
    return an.review(
        an.open_export([str(path) for path in sorted((shared_exports / "jaeger").glob("classroom_*.json"))])
    )


@pytest.fixture(scope="module")
def trainticket(shared_exports):
    return an.review(an.open_rows(shared_exports / "trainticket" / "normal", MAPPING))


def test_where_context_is_lost_no_boundary_is_judged(classroom):
    assert classroom.trust_report.doubts["propagation"].sentence == NO_CROSSING
    boundaries = [item for item in classroom.assessments_made if item.family == "boundaries"]
    assert {item.outcome for item in boundaries} == {"not_assessable"}
    assert set(classroom.scorecard["boundaries"]) == {"?"}


def test_where_context_is_lost_there_is_no_context_map_but_what_to_mend(classroom):
    found = an.contexts(classroom)
    assert found.contexts == ()
    assert "context propagation is broken" in found.reason
    first = an.instrument_next(classroom).iloc[0]
    assert "context propagation is broken" in first["instrument"]
    assert "cyclic_dependency" in first["answers"]


@pytest.mark.slow
def test_trainticket_has_a_reasoned_context_map(trainticket):
    found = an.contexts(trainticket)
    assert found.fronts == ("ts-gateway-service",)
    of = found.context_of
    # What a journey is made of is asked for by one service; the shops of food by another; codes by the login.
    basic = {"ts-basic-service", "ts-price-service", "ts-route-service", "ts-station-service", "ts-train-service"}
    assert {name for name in of if of[name] == of["ts-price-service"]} == basic
    assert of["ts-station-food-service"] == of["ts-train-food-service"] == of["ts-food-service"]
    assert of["ts-verification-code-service"] == of["ts-auth-service"]
    # One call ties nothing.
    assert of["ts-user-service"] == "ts-user-service"
    assert found.differences["speaks_against"].map(bool).all()


@pytest.mark.slow
def test_no_service_of_trainticket_reaches_into_the_tables_of_another(trainticket):
    told = an.responsibilities(trainticket.facts)
    # Tables of one schema, none of them of two services (as the notes beside the export say).
    assert not told["uses"].map(bool).any()
    owned = [table for tables in told["owns"] for table in tables]
    assert len(owned) == len(set(owned)) > 0


def test_the_clocks_of_one_real_trace_are_told_with_little_confidence(shared_exports):
    path = shared_exports / "zipkin" / "smartthings-oauth-authorization.json"
    result = an.review(an.open_export(path))
    assert result.trust["skew_corrected_hosts"]
    finding = result.finding("clock_skew")
    assert finding.severity == "info"
    assert any("low support" in sentence for sentence in finding.considered)
    assert "fewer than 20" in an.contexts(result).reason
