"""The scorecard: the worst finding of a chapter marks a service."""

from __future__ import annotations

import pytest

from analysis.findings import FAMILIES, SEVERITIES, Assessment
from analysis.scorecard import MARKS, UNJUDGED, scorecard, team_scorecard
from tests.claims import finding


def card(*assessments, services=("cart", "billing"), **more):
    return scorecard(services, assessments, **more).set_index("service")


@pytest.mark.parametrize(("severity", "mark"), list(zip(SEVERITIES, MARKS[1:], strict=True)))
def test_the_worst_finding_is_the_mark(severity, mark):
    findings = (finding(subject={"n": 1}, severity="info"), finding(subject={"n": 2}, severity=severity))
    marks = card(Assessment("loop", "chatty", "found", findings))
    assert marks.at["cart", "chatty"] == mark
    assert marks.at["billing", "chatty"] == "A"


def test_a_chapter_that_nobody_could_judge_has_no_mark():
    marks = card(
        Assessment("a", "chatty", "not_assessable"),
        Assessment("b", "cascades", "not_assessable"),
        Assessment("c", "cascades", "not_found"),
    )
    assert marks.at["cart", "chatty"] == UNJUDGED
    assert marks.at["cart", "cascades"] == "A"
    assert marks.at["cart", "boundaries"] == UNJUDGED


def test_findings_are_listed_worst_first():
    low = finding(subject={"n": 1}, cost={"total_ms": 1})
    dear = finding(subject={"n": 2}, cost={"total_ms": 2})
    high = finding(subject={"n": 3}, severity="high", family="cascades")
    marks = card(Assessment("a", "chatty", "found", (low, dear)), Assessment("b", "cascades", "found", (high,)))
    assert marks.at["cart", "findings"] == (high.id, dear.id, low.id)
    assert marks.at["billing", "findings"] == ()


def test_columns_and_rows_are_in_a_fixed_order():
    marks = scorecard(("b", "a"), (), {"a": "checkout"})
    assert list(marks.columns) == ["service", "team", *FAMILIES, "findings"]
    assert list(marks["service"]) == ["a", "b"]
    assert list(marks["team"]) == ["checkout", ""]
    assert list(scorecard((), ()).columns) == list(marks.columns)


def test_a_team_has_the_worst_marks_of_its_services():
    low = finding(subject={"n": 1}, severity="low")
    assessments = (Assessment("a", "chatty", "found", (low,)), Assessment("b", "cascades", "not_assessable"))
    teams = {"cart": "checkout", "billing": "checkout", "mail": "post"}
    services = scorecard(("cart", "billing", "mail", "stray"), assessments, teams)
    [checkout, post] = team_scorecard(services, (low,)).to_dict("records")
    assert (checkout["team"], checkout["services"], checkout["findings"]) == (
        "checkout",
        ("billing", "cart"),
        (low.id,),
    )
    assert (checkout["chatty"], checkout["cascades"]) == ("C", UNJUDGED)
    assert (post["chatty"], post["cascades"], post["findings"]) == ("A", UNJUDGED, ())


def test_without_a_catalogue_there_are_no_teams():
    services = scorecard(("cart",), ())
    assert team_scorecard(services, ()).empty
    assert list(team_scorecard(services, ()).columns) == ["team", "services", *FAMILIES, "findings"]
