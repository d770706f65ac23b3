"""What is said of findings, and what mending them would save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest

from analysis.findings import Example, Finding
from analysis.talking import savings, talking_points

DAY_MS = 3_600_000


@dataclass
class Made:
    """A review made by hand."""

    findings: tuple[Finding, ...]
    facts: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def of_family(self, family: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.family == family)


def finding(title: str, severity: Any = "high", family: str = "chatty", **more: Any) -> Finding:
    return Finding("x", family, severity, 0.9, title, "", ("a",), more.pop("subject", {}), **more)


def test_a_point_says_claim_cost_evidence_and_remedy():
    made = Made(
        (
            finding(
                "a runs one statement 12 times",
                cost={"critical_path_ms_p95": 72.0},
                saving={"critical_path_ms_p95": 60.0},
                measures={"saved_share_of_p95": 0.3},
                traces_seen=1200,
                traces_affected=30,
                exemplars=(Example("ab" * 16, ("1" * 16,), "median"),),
                considered=("the values differ",),
                remedy="Join.",
            ),
            finding("b is shared", family="shared_data"),
        )
    )
    [point] = talking_points(made, "chatty").to_dict("records")
    assert point["say"] == (
        "a runs one statement 12 times. It takes 72 ms of a request at p95 and would save 60 ms of it if mended. "
        "That is 30% of what users wait for."
    )
    assert point["how we know"] == f"30 traces of 1,200, 90% sure; look at trace {'ab' * 16}"
    assert (point["against it"], point["ask for"]) == ("the values differ", "Join.")
    [other] = talking_points(made, "shared_data").to_dict("records")
    assert other["say"] == "b is shared."
    assert talking_points(made, "cascades").empty


def test_savings_are_taken_by_what_they_save_and_added_up():
    day = {"total_ms_per_day": 2 * DAY_MS, "calls_per_day": 500}
    made = Made(
        (
            finding("less", saving={"total_ms": 1.0}),
            finding("information", "info", saving={"total_ms": 99.0}),
            finding("most", "low", saving={"total_ms": 9.0, "critical_path_ms_p95": 40.0} | day),
            finding("middle", saving={"total_ms": 5.0, "total_ms_per_day": DAY_MS}),
            finding("least", saving={}),
        )
    )
    found = savings(made, "chatty")
    assert list(found["finding"]) == ["most", "middle", "less", "together, at most"]
    assert found.loc[0, "saved_ms_p95"] == 40
    assert list(found["hours_a_day"])[:2] == [2, 1]
    assert found.loc[3, "hours_a_day"] == pytest.approx(3)
    assert found.loc[3, "calls_a_day"] == 500
    # Times of different requests are not added up.
    assert pd.isna(found.loc[3, "saved_ms_p95"])
    assert found["pairs_freed"].isna().all()


def test_a_pair_is_freed_when_no_table_couples_it_any_more():
    uses = [("t", "a"), ("t", "b"), ("u", "a"), ("u", "b"), ("v", "b"), ("v", "c"), ("w", "d")]
    rows = [
        {"store": "s", "table": table, "service": service, "mode": "write", "calls": 1, "confidence": 1.0}
        for table, service in uses
    ]
    tables = [finding(name, family="shared_data", subject={"store": "s", "table": name}) for name in ("t", "v", "u")]
    found = savings(Made(tuple(tables), {"data_access": pd.DataFrame(rows)}), "shared_data")
    # Of a and b each of t and u alone leaves the other; both together free them, and v frees b and c.
    assert list(found["pairs_freed"]) == [0, 1, 0, 2]


def test_nothing_worth_mending_saves_nothing():
    found = savings(Made((finding("information", "info"),)), "chatty")
    assert found.empty
    assert "hours_a_day" in found.columns
