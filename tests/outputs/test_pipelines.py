"""What build servers read: SARIF, JUnit, annotations and a job summary, on names that attack them too."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

import analysis as an
from analysis import outputs
from analysis.compare import compare
from analysis.gate import Gate
from tests.shop import shop_file

SCHEMA = json.loads((Path(__file__).parent / "sarif_2_1_0.json").read_text())
HOSTILE = "::error::x\n::set-output name=a::b [a](http://evil) {0} %0A <b>&amp; \x1b[2J\u202e]]>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("pipelines") / "the shop.jsonl")


@pytest.fixture(scope="module")
def shop(path):
    return an.review(an.open_export(path))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    given = {"service": HOSTILE, "operation": HOSTILE, "statement": f'SELECT * FROM "{HOSTILE}" WHERE a = 1'}
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("attacked") / "shop.jsonl", **given)))


def sarif(review, comparison=None):
    log = json.loads(outputs.write(review, "sarif", comparison))
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    return log["runs"][0]


def test_sarif_is_valid_and_names_every_finding(shop):
    run = sarif(shop)
    assert [item["fingerprints"]["archreview/finding/v1"] for item in run["results"]] == [
        finding.id for finding in shop.finding_objects
    ]
    rules = run["tool"]["driver"]["rules"]
    for result, finding in zip(run["results"], shop.finding_objects, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.detector
        assert result["level"] == {"high": "error", "medium": "warning"}.get(finding.severity, "note")
        [location] = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "the%20shop.jsonl"
        assert [place["name"] for place in location["logicalLocations"]] == list(finding.services)
    blind = {item.detector for item in shop.assessments_made if item.outcome == "not_assessable"}
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert {rules[item["associatedRule"]["index"]]["id"] for item in told} == blind


def test_fingerprints_are_the_same_for_twice_as_many_traces(shop, tmp_path):
    more = an.review(an.open_export(shop_file(tmp_path / "other.jsonl", 60)))
    prints = [{item["fingerprints"]["archreview/finding/v1"] for item in sarif(one)["results"]} for one in (shop, more)]
    assert prints[0] == prints[1]


def test_sarif_escapes_what_it_would_take_for_links_and_placeholders(attacked):
    for result in sarif(attacked)["results"]:
        text = result["message"]["text"]
        assert not re.search(r"(?<!\\)\[", text)
        assert "{{0}}" in text or "{0}" not in text
        assert not re.search(r"(?<!\{)\{\d+\}", text)


def test_sarif_says_what_is_new_gone_and_accepted(shop, path, tmp_path):
    earlier = an.review(an.open_export(shop_file(tmp_path / "earlier.jsonl", table="other")))
    states = {}
    for item in sarif(shop, compare(earlier, shop))["results"]:
        states.setdefault(item["ruleId"], set()).add(item["baselineState"])
    assert states["shared_table"] == {"new", "absent"}
    assert states["n_plus_one_queries"] == {"unchanged"}
    known = shop.finding("shared_table").id
    settings = {"acknowledgements": [{"finding": known, "reason": "r [x]", "owner": "o", "expires": "2030-01-01"}]}
    accepted = sarif(an.review(an.open_export(path), config=settings))
    suppressed = [item for item in accepted["results"] if "suppressions" in item]
    assert [item["fingerprints"]["archreview/finding/v1"] for item in suppressed] == [known]
    assert suppressed[0]["suppressions"][0]["justification"] == "r [x] (o, until 2030-01-01)"


def test_junit_fails_what_is_worth_fixing(shop):
    whole = ET.fromstring(outputs.write(shop, "junit"))
    worth = [item for item in shop.finding_objects if item.severity != "info"]
    failed = {case.get("name")[:16] for case in whole.iter("testcase") if case.find("failure") is not None}
    assert failed == {item.id for item in worth}
    assert int(whole.get("failures")) == len(worth)
    assert int(whole.get("tests")) == len(list(whole.iter("testcase")))
    skipped = {case.get("name") for case in whole.iter("testcase") if case.find("skipped") is not None}
    assert skipped == {item.detector for item in shop.assessments_made if item.outcome == "not_assessable"}
    for suite in whole.iter("testsuite"):
        assert int(suite.get("tests")) == len(list(suite.iter("testcase")))


def test_junit_fails_what_the_gate_fails(shop):
    verdict = Gate(("high",)).judge(shop)
    whole = ET.fromstring(outputs.write(shop, "junit", None, verdict))
    high = [item for item in shop.finding_objects if item.severity == "high"]
    assert int(whole.get("failures")) == len(high) > 0


def test_junit_survives_names_that_xml_cannot_hold(attacked):
    text = outputs.write(attacked, "junit")
    ET.fromstring(text)
    assert "\x1b" not in text


def test_annotations_are_one_command_a_finding(shop):
    lines = outputs.write(shop, "github").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert [line.split(" ", 1)[0] for line in commands] == [
        {"high": "::error", "medium": "::warning"}.get(item.severity, "::notice") for item in shop.finding_objects
    ]
    assert all(len(line) < 3_000 for line in lines)


def test_no_name_becomes_a_command_of_its_own(attacked):
    text = outputs.write(attacked, "github", None, Gate(("high",)).judge(attacked))
    for line in text.splitlines()[1:]:
        assert re.match(r"::(error|warning|notice) title=[^,:]*::", line)
        assert "\x1b" not in line
        # A percent sign begins an escape only where the command put it.
        assert not re.search(r"%(?!25|3A|2C)", line)


def test_the_summary_begins_with_the_verdict(shop, attacked, path):
    text = outputs.write(shop, "summary", None, Gate(("high",)).judge(shop))
    assert text.splitlines()[2].startswith("**Failed.**")
    quiet = an.review(an.open_export(path), only=["hub_service"])
    assert outputs.write(quiet, "summary", None, Gate(("high",)).judge(quiet)).splitlines()[2].startswith("**Passed.**")
    attacked_text = outputs.write(attacked, "summary")
    assert "](http" not in attacked_text
    assert "<b>" not in attacked_text
