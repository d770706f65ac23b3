"""Findings as JUnit XML, which every build server shows: a suite a chapter, a test for each finding and each detector.

A finding fails its test where it reaches the gate, or, without one, where it is worth fixing (low and above). A
detector that found nothing is a test that passed; one that could not judge is skipped, and says what was missing.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Final

from analysis._wording import plain
from analysis.compare import Comparison
from analysis.findings import FAMILIES, SEVERITIES, Assessment, Finding
from analysis.gate import Verdict
from analysis.outputs._sentences import CHAPTERS, cost, seen
from analysis.review import Review

__all__ = ["write"]

_WORTH_FIXING: Final = SEVERITIES[1:]
_TITLE: Final = 200


def write(review: Review, comparison: Comparison | None = None, verdict: Verdict | None = None) -> str:
    """Return the review as JUnit XML; beside an earlier review the name of a finding's test says what became of it."""
    whole = ET.Element("testsuites", name="archreview")
    gated = verdict is not None and bool(verdict.gate.limits)
    failing = {finding.id for finding in verdict.failing} if gated and verdict is not None else None
    for family in FAMILIES:
        judged = [item for item in review.assessments_made if item.family == family]
        if judged:
            suite = ET.SubElement(whole, "testsuite", name=CHAPTERS[family])
            for item in judged:
                _cases(suite, item, comparison, failing)
            _count(suite)
    _count(whole)
    ET.indent(whole, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(whole, encoding="unicode")}\n'


def _cases(suite: ET.Element, item: Assessment, comparison: Comparison | None, failing: set[str] | None) -> None:
    if not item.findings:
        case = ET.SubElement(suite, "testcase", classname=item.family, name=item.detector)
        if item.outcome == "not_assessable":
            ET.SubElement(case, "skipped", message=_line(f"missing: {'; '.join(item.missing)}", 1000))
        return
    for finding in item.findings:
        status = comparison.status_of(finding.id) if comparison is not None else ""
        name = f"{finding.id}{f' ({status})' if status else ''} {finding.title}"
        case = ET.SubElement(suite, "testcase", classname=f"{item.family}.{item.detector}", name=_line(name, _TITLE))
        if finding.id in failing if failing is not None else _fails(finding):
            failure = ET.SubElement(case, "failure", type=finding.severity, message=_line(finding.title, _TITLE))
            failure.text = _told(finding)
        else:
            ET.SubElement(case, "system-out").text = _told(finding)


def _fails(finding: Finding) -> bool:
    return finding.severity in _WORTH_FIXING and not finding.acknowledged


def _told(finding: Finding) -> str:
    lines = [finding.summary, f"To do: {finding.remedy}"]
    lines += [f"Seen in {seen(finding)}."] if seen(finding) else []
    lines += [f"Costs {cost(finding)}."] if cost(finding) else []
    lines += [f"{example.why} trace: {example.trace_id}" for example in finding.exemplars]
    if finding.acknowledged:
        known = finding.acknowledged
        lines.append(f"Acknowledged by {known['owner']} until {known['expires']}: {known['reason']}")
    return "\n".join(_line(line, 2000) for line in lines)


def _line(text: str, longest: int) -> str:
    """Return a text on one line, without the characters that XML 1.0 does not have."""
    return plain(text, longest)


def _count(element: ET.Element) -> None:
    for name, inside in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        element.set(name, str(len(list(element.iter(inside)))))
    element.set("errors", "0")
