"""Findings: their identity, their order, and the JSON they are told in."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from analysis.findings import SEVERITIES, Assessment, Example, Finding, finding_id, rank
from tests.claims import finding


def test_identity_is_detector_and_subject_alone():
    one = finding()
    assert one.id == finding(severity="high", measures={"calls": 7}, traces_seen=3, services=()).id
    assert one.id == finding_id("loop", {"service": "cart"})
    assert one.id != finding(detector="other").id
    assert one.id != finding(subject={"service": "Cart"}).id
    assert len(one.id) == 16


def test_identity_does_not_depend_on_the_order_of_members_or_on_the_kind_of_list():
    assert finding_id("a", {"x": 1, "y": ("b", "c")}) == finding_id("a", {"y": ["b", "c"], "x": 1})
    assert finding_id("a", {"y": ["c", "b"]}) != finding_id("a", {"y": ["b", "c"]})


def test_order_is_severity_then_cost_then_identity():
    cheap, dear = finding(subject={"n": 1}, cost={"total_ms": 1.0}), finding(subject={"n": 2}, cost={"total_ms": 9.0})
    free = finding(subject={"n": 3}, cost={"total_ms": None})
    worst = finding(subject={"n": 4}, severity="high")
    assert rank([free, cheap, worst, dear]) == [worst, dear, cheap, free]
    twins = [finding(subject={"n": n}) for n in range(5, 15)]
    assert rank(twins) == rank(twins[::-1]) == sorted(twins, key=lambda item: item.id)
    assert SEVERITIES == ("info", "low", "medium", "high")


def test_json_is_plain_and_finite():
    told = finding(
        measures={
            "a": np.int64(3),
            "b": np.float64(1 / 3),
            "c": math.nan,
            "d": math.inf,
            "e": (1, 2),
            "f": np.bool_(True),
        },
        exemplars=(Example("0" * 31 + "1", ("00000000000000ff",), "worst", 12.0),),
    ).to_json()
    text = json.dumps(told, allow_nan=False)
    assert json.loads(text) == told
    assert told["measures"] == {"a": 3, "b": 0.333333, "c": None, "d": None, "e": [1, 2], "f": True}
    assert told["exemplars"] == [
        {"trace_id": "0" * 31 + "1", "span_ids": ["00000000000000ff"], "why": "worst", "url": ""}
    ]
    assert told["id"] == finding().id


def test_a_finding_is_read_back_whatever_was_added():
    one = finding(considered=("retries",), exemplars=(Example("1" * 32, ("2" * 16,), "median"),))
    assert Finding.from_json(json.loads(json.dumps(one.to_json() | {"new": 1}))) == one


@pytest.mark.parametrize("outcome", ["found", "not_found", "not_assessable"])
def test_an_answer_counts_its_findings(outcome):
    found = (finding(),) if outcome == "found" else ()
    told = Assessment("loop", "chatty", outcome, found, missing=("kinds",)).to_json()
    assert told["outcome"] == outcome
    assert told["findings"] == len(found)
    assert told["missing"] == ["kinds"]
