"""What fails a pipeline, and what does not any more or does again."""

from __future__ import annotations

import datetime as dt

import pytest

import analysis as an
from analysis.compare import compare
from analysis.config import Acknowledgement
from analysis.gate import LIMITS, Gate
from tests.shop import shop_file

TODAY = dt.date(2027, 1, 31)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("gate") / "shop.jsonl")))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("earlier") / "shop.jsonl", table="other")))


def test_a_limit_counts_from_its_severity_on(shop):
    counts = {limit: len(Gate((limit,)).judge(shop).failing) for limit in LIMITS[:4]}
    by_severity = {name: sum(item.severity == name for item in shop.finding_objects) for name in LIMITS[:4]}
    assert counts["high"] == by_severity["high"] > 0
    assert counts["medium"] == by_severity["high"] + by_severity["medium"] > counts["high"]
    assert counts["info"] == len(shop.finding_objects)
    assert Gate(()).judge(shop).passed


def test_new_counts_what_was_not_there(shop, earlier):
    verdict = Gate(("new-high",)).judge(shop, compare(earlier, shop))
    assert {item.detector for item in verdict.failing} == {"shared_table"}
    assert Gate(("new-high",)).judge(shop, compare(shop, shop)).passed


def test_several_limits_fail_where_one_is_reached(shop):
    same = compare(shop, shop)
    assert not Gate(("new-info", "high")).judge(shop, same).passed
    assert Gate(("new-info",)).judge(shop, same).passed


def test_new_needs_something_to_compare_with(shop):
    with pytest.raises(ValueError, match="--baseline"):
        Gate(("new-low",)).judge(shop)


def test_an_acknowledged_finding_does_not_count_until_it_expires(shop):
    high = [item.id for item in shop.finding_objects if item.severity == "high"]
    for expires, passed in (("2027-01-31", True), ("2027-02-01", True), ("2027-01-30", False)):
        known = tuple(Acknowledgement(one, "rewritten in March", "team-a", expires) for one in high)
        verdict = Gate(("high",), known, TODAY).judge(shop)
        assert verdict.passed is passed
        assert len(verdict.reaching) == len(high)
        said = " ".join(verdict.sentences())
        assert ("expired on 2027-01-30" in said) is not passed
        assert ("acknowledged by team-a until" in said) is passed


def test_an_acknowledgement_of_nothing_is_told(shop):
    known = (Acknowledgement("0" * 16, "gone", "team-a", "2030-01-01"),)
    assert any("not there" in sentence for sentence in Gate((), known, TODAY).judge(shop).sentences())
