"""Critical paths: CRISP's test cases and what CRISP says of them, Jaeger UI's, and cases worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from analysis.critical_path import critical_path, critical_path_report
from analysis.dataset import open_export
from analysis.sources._ids import canonical_span_id
from tests.conformance.cases_of import Case, cases, export, load

Report = dict[str, Any]

MICROSECOND = 1000
#: CRISP says of each call path how many spans failed by themselves, passed a failure on, absorbed one.
ROOT_OF_ERRORS = "errorCriticalPathSyntheticRoot->"


def shown(span_id: str) -> str:
    return f"{canonical_span_id(span_id):016x}"


def reference(case: Case) -> dict[str, Any]:
    expected: dict[str, Any] = case["expected"]
    found: dict[str, Any] = expected.get("crisp_reference_run") or expected["worked_by_hand"]
    return found


def call_path(text: str) -> tuple[str, ...]:
    """Return "[S1] O1->[S2] O2" as the names that a report shows."""
    steps = text.removeprefix(ROOT_OF_ERRORS).split("->")
    return tuple(re.sub(r"^\[(.*?)\] ", r"\1 ", step) for step in steps)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return load(request.param)


@pytest.fixture
def report(case: Case, tmp_path: Path) -> Report:
    return critical_path_report(open_export([export(case, tmp_path)]))


every_case = pytest.mark.parametrize("case", cases("critical_path", "crisp"), indirect=True)


@every_case
def test_spans_on_the_path(case: Case, report: Report) -> None:
    spans = report["traces"][0]["spans"]
    assert [span["span_id"] for span in spans] == [shown(span) for span in reference(case)["criticalPathSpanIds"]]


@every_case
def test_exclusive_time_of_spans(case: Case, report: Report) -> None:
    found = {span["span_id"]: span["exclusive_ns"] for span in report["traces"][0]["spans"]}
    expected = reference(case)["exclusiveBySpan"]
    assert found == {shown(span): time * MICROSECOND for span, time in expected.items()}


@every_case
def test_exclusive_time_of_operations(case: Case, report: Report) -> None:
    found = {f"[{entry['service']}] {entry['operation']}": entry["exclusive_ns"] for entry in report["operations"]}
    assert found == {name: time * MICROSECOND for name, time in reference(case)["opTimeExclusive"].items()}
    declared = case["expected"].get("declared_testing", {}).get("opTimeExclusive", {})
    assert {name: found[name] for name in declared} == {name: time * MICROSECOND for name, time in declared.items()}


@every_case
def test_drag(case: Case, report: Report) -> None:
    found = {span["span_id"]: span["drag_ns"] for span in report["traces"][0]["spans"]}
    assert found == {shown(span): time * MICROSECOND for span, time in reference(case)["drag"].items()}


@every_case
def test_slack(case: Case, report: Report) -> None:
    trace = report["traces"][0]
    found = {span["span_id"]: span["slack_ns"] for span in trace["spans"] + trace["off_path"]}
    expected = {shown(span): time * MICROSECOND for span, time in reference(case)["slack"].items()}
    assert {span: found[span] for span in expected} == expected


@every_case
def test_failures(case: Case, report: Report) -> None:
    counts = {
        tuple(entry["path"]): [entry["origins"], entry["propagated"], entry["absorbed"]]
        for entry in report["errors"]
        if entry["origins"] or entry["propagated"] or entry["absorbed"]
    }
    assert counts == {call_path(path): count for path, count in reference(case)["errCPErrCounts"].items()}
    reached = {tuple(entry["path"]): entry["reached_root"] for entry in report["errors"] if entry["reached_root"]}
    assert reached == {call_path(path): count for path, count in reference(case)["propToRootErr"].items()}


@every_case
def test_time_saved_without_failures(case: Case, report: Report) -> None:
    # The last of CRISP's five figures: siblings that followed one another still do.
    assert report["traces"][0]["time_saved_ns"] == reference(case)["timeSaved"][4] * MICROSECOND


def test_slack_cases_have_slack() -> None:
    # The test above compares what a case lists: some must list spans that could have run later.
    listed = [reference(load(parameter.values[0])).get("slack", {}) for parameter in cases("critical_path")]
    assert any(time > 0 for slack in listed for time in slack.values())


@pytest.mark.parametrize("path", cases("critical_path", "jaeger-ui-critical-path"))
def test_strict_sections(path: Path, tmp_path: Path) -> None:
    case = load(path)
    table = critical_path(open_export([export(case, tmp_path)]), strict=True)
    found = list(zip(table["span_id"], table["start_ns"], table["end_ns"], strict=True))
    assert found == [
        (shown(one["spanID"]), one["sectionStart"] * MICROSECOND, one["sectionEnd"] * MICROSECOND)
        for one in case["expected"]["critical_path_sections"]
    ]
