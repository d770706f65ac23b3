"""What the first page says: what to do first, once for each kind, and what changed without a word said twice."""

from __future__ import annotations

import dataclasses
import re

import pytest

import analysis as an
from analysis.findings import Assessment
from analysis.report.first_page import first_page, opening
from analysis.report.told import Told
from analysis.report.wording import alike, costliest
from tests.shop import shop_file


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> an.Review:
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("first") / "shop.jsonl")))


def of_kinds(review: an.Review, *kinds: tuple[str, str, int]) -> an.Review:
    """Return the review with findings of these detectors, each of a severity and with a saving in calls."""
    base = review.finding_objects[0]
    made = [
        dataclasses.replace(
            base,
            detector=detector,
            severity=severity,
            subject={"number": number},
            title=f"{detector} {number}",
            cost={"total_ms": 1000.0 - number},
            saving={"calls": calls} if calls else {},
        )
        for number, (detector, severity, calls) in enumerate(kinds)
    ]
    answers = tuple(
        Assessment(name, base.family, "found", tuple(one for one in made if one.detector == name))
        for name in sorted({one.detector for one in made})
    )
    return dataclasses.replace(review, assessments_made=answers)


def test_what_to_do_first_is_named_once_for_each_kind(shop):
    review = of_kinds(
        shop,
        ("retry_amplification", "high", 7),
        ("retry_amplification", "high", 5),
        ("shared_table", "high", 0),
        ("retry_amplification", "medium", 3),
        ("n_plus_one_queries", "medium", 9),
        ("ping_pong", "low", 9),
    )
    first = opening(Told(review, "Shop"))["first"]
    # The gravest first, and among these what is known to save something; low findings are not where to begin.
    assert [row["finding"].title for row in first] == [
        "retry_amplification 0",
        "shared_table 2",
        "n_plus_one_queries 4",
    ]
    assert [row["finding"].title for row in first[0]["others"]] == ["retry_amplification 1", "retry_amplification 3"]
    assert [row["others"] for row in first[1:]] == [[], []]
    page = first_page(Told(review, "Shop")).body
    # Thirty traces that begin a second apart, the last of which takes 300 ms.
    assert "What is saved is of the 29.3 s that were recorded" in page


def test_shapes_are_counted_behind_what_is_graver(shop):
    before = of_kinds(shop, ("ping_pong", "low", 0))
    after = of_kinds(shop, *[("shared_table", "info", 0)] * 2, ("retry_amplification", "high", 7))
    told = Told(after, "Shop", an.compare(before, after))
    since = opening(told)["since"]
    assert [row["finding"].title for row in since["new"]] == ["retry_amplification 2"]
    assert (since["more_new"], since["more_resolved"]) == (2, 0)
    assert "2 more new ones, none graver" in first_page(told).body


def test_of_findings_without_a_cost_one_stands_for_those_that_ask_for_the_same(shop):
    review = of_kinds(shop, ("n_plus_one_queries", "high", 0), ("attribute_gaps", "medium", 0))
    costly, gap = review.finding_objects
    gaps = [
        dataclasses.replace(
            gap,
            title=f"{service}: no span says its {aspect}",
            services=(service,),
            subject={"service": service, "aspect": aspect},
            cost={"total_ms": 0.0},
            remedy=f"Let {service} set its {aspect}.",
        )
        for service, aspect in (("cart", "kind"), ("orders", "kind"), ("prices", "kind"), ("cart", "route"))
    ]
    answers = (
        Assessment(costly.detector, costly.family, "found", (costly, costly)),
        Assessment(gap.detector, gap.family, "found", tuple(gaps)),
    )
    review = dataclasses.replace(review, assessments_made=answers)
    chosen = costliest(review.finding_objects)
    assert [finding.detector for finding in chosen] == ["n_plus_one_queries"] * 2 + ["attribute_gaps"] * 2
    assert {finding.subject["aspect"] for finding in chosen[2:]} == {"kind", "route"}
    assert [alike(review.finding_objects, finding) for finding in gaps] == [2, 2, 2, 0]
    page = first_page(Told(review, "Shop")).body
    assert "The 4 findings that cost most" in page
    assert page.count("and 2 more findings alike") == 1


def test_what_appeared_or_went_and_is_a_shape_only_is_no_more_of_nothing(shop):
    shapes = of_kinds(shop, *[("shared_table", "info", 0)] * 2)
    answers = (dataclasses.replace(shapes.assessments_made[0], outcome="not_found", findings=()),)
    nothing = dataclasses.replace(shop, assessments_made=answers)
    assert "2 findings, new and only shapes" in first_page(Told(shapes, "Shop", an.compare(nothing, shapes))).body
    page = first_page(Told(nothing, "Shop", an.compare(shapes, nothing))).body
    assert "2 findings, resolved and only shapes" in page


def test_a_change_says_its_verdict_where_no_heading_does(shop, tmp_path):
    slow = an.review(an.open_export(shop_file(tmp_path / "slow.jsonl", 120)))
    told = Told(slow, "Shop", an.compare(shop, slow))
    page = first_page(told).body
    assert "No edge between services, stores and queues appeared or vanished." in page
    assert re.search(r"\((worse|better)\)", page) is None


def test_what_lowers_confidence_is_said_once(shop):
    trust = shop.trust_report
    measures = {**trust.measures, "attribute_coverage": {"route": 0.87, "instance": 0.5, "status": None}}
    doubts = {"routes": an.trust.Doubt(0.13, 0.3, "13% of the HTTP server spans name no route")}
    told = Told(
        dataclasses.replace(shop, trust_report=dataclasses.replace(trust, measures=measures, doubts=doubts)), ""
    )
    said = opening(told)["trust"]
    assert "13% of the HTTP server spans name no route." in said
    assert "Attributes that spans should carry and not all do: instance 50%." in said
