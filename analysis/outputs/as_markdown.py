"""Findings for a wiki page."""

from __future__ import annotations

from analysis.findings import Finding
from analysis.outputs._plain import plain
from analysis.outputs._wording import answered, counted, money
from analysis.review import Review

__all__ = ["write"]

_SPECIAL = str.maketrans({character: f"\\{character}" for character in r"\`*_{}[]<>()#+!|~$"} | {"&": "&amp;"})


def write(review: Review) -> str:
    """Return the review as Markdown (CommonMark with tables); names from telemetry are escaped."""
    lines = ["# Architecture review", "", counted(review), "", "## Findings", ""]
    if review.finding_objects:
        lines += ["| severity | finding | cost | confidence | traces |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in review.finding_objects]
        for finding in review.finding_objects:
            lines += ["", *_section(finding)]
    else:
        lines.append("None.")
    lines += ["", "## What was looked for", "", "| family | detector | answer | missing |", "|---|---|---|---|"]
    lines += [
        f"| {item.family} | {item.detector} | {answered(item)} | {_shown('; '.join(item.missing))} |"
        for item in review.assessments_made
    ]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    share = f"{finding.traces_affected} of {finding.traces_seen}"
    title = f"[{_shown(finding.title)}](#{finding.id})"
    return f"| {finding.severity} | {title} | {money(finding)} | {finding.confidence:.0%} | {share} |"


def _section(finding: Finding) -> list[str]:
    lines = [f'### <a id="{finding.id}"></a>{_shown(finding.title)}', "", _shown(finding.summary), ""]
    lines.append(f"- {finding.family} / {finding.detector}, {finding.severity}, confidence {finding.confidence:.0%}")
    lines += [f"- looked at against it: {_shown(sentence)}" for sentence in finding.considered]
    lines += [f"- {example.why} trace: `{example.trace_id}`" for example in finding.exemplars]
    lines.append(f"- what to do: {_shown(finding.remedy)}")
    return lines


def _shown(text: str) -> str:
    return plain(text).translate(_SPECIAL)
