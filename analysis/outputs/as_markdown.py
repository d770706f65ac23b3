"""Findings for a wiki page."""

from __future__ import annotations

import re
from typing import Final

from analysis._wording import percent, plain
from analysis.compare import Comparison
from analysis.compare.html import said_change, sentences
from analysis.findings import Finding
from analysis.outputs._sentences import CHAPTERS, answered, cost, overview, seen, tally
from analysis.review import Review

__all__ = ["escaped", "write"]

#: What means something in CommonMark, in GitHub's dialect (`|`, `~`, `$`, `@` of mentions, `:` of bare addresses), or
#: in HTML. A backslash before punctuation always means the character itself (CommonMark 0.31, 2.4).
_SPECIAL: Final = str.maketrans(
    {character: f"\\{character}" for character in r"\`*_{}[]()#+!|~$@:="} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
#: What begins a list, a rule or a heading where it stands first on a line.
_FIRST: Final = re.compile(r"^(\d{1,9})?([-.)])")
#: GitHub makes a link of it, even without a scheme.
_BARE_ADDRESS: Final = re.compile(r"\bwww\.", re.IGNORECASE)


def write(review: Review, comparison: Comparison | None = None) -> str:
    """Return the review as Markdown (CommonMark with tables); names from telemetry are escaped."""
    lines = ["# Architecture review", "", f"{overview(review)} {tally(review)}", ""]
    if comparison is not None:
        lines += ["## Since the earlier review", "", *_since(comparison), ""]
    lines += ["## Findings", ""]
    if review.finding_objects:
        since = ("", "") if comparison is None else (" since |", "---|")
        lines += [f"| severity | finding | cost | traces | confidence |{since[0]}", f"|---|---|---|---|---|{since[1]}"]
        for finding in review.finding_objects:
            status = "" if comparison is None else f" {comparison.status_of(finding.id)} |"
            lines.append(f"{_row(finding)}{status}")
        for finding in review.finding_objects:
            lines += ["", *_section(finding)]
    else:
        lines.append("None.")
    lines += ["", "## What was looked for", "", "| chapter | detector | answer | missing |", "|---|---|---|---|"]
    lines += [
        f"| {CHAPTERS[item.family]} | {item.detector} | {answered(item)} | {escaped('; '.join(item.missing))} |"
        for item in review.assessments_made
    ]
    return "\n".join(lines) + "\n"


def _since(comparison: Comparison) -> list[str]:
    lines = [f"- {escaped(sentence)}" for sentence in sentences(comparison)]
    lines += [f"- resolved: {escaped(item.finding.title, 200)}" for item in comparison.of_status("resolved")]
    lines += [
        f"- cannot be judged now: {escaped(item.finding.title, 200)}" for item in comparison.of_status("unjudged")
    ]
    return lines + [f"- {escaped(said_change(row))}" for row in comparison.changes.itertuples(index=False)]


def _row(finding: Finding) -> str:
    title = f"[{escaped(finding.title, 200)}](#finding-{finding.id})"
    known = (cost(finding) or "–", seen(finding) or "–")  # noqa: RUF001 - a dash, as tables have it
    cells = (finding.severity, title, *known, percent(finding.confidence))
    return f"| {' | '.join(cells)} |"


def _section(finding: Finding) -> list[str]:
    lines = [f'### <a id="finding-{finding.id}"></a>{escaped(finding.title, 200)}', "", escaped(finding.summary), ""]
    lines.append(f"- {CHAPTERS[finding.family]}: `{finding.detector}`, {finding.severity}")
    lines.append(f"- what to do: {escaped(finding.remedy)}")
    lines += [f"- looked at against it: {escaped(sentence)}" for sentence in finding.considered]
    lines += [f"- {example.why} trace: `{example.trace_id}`" for example in finding.exemplars]
    return lines


def escaped(text: str, longest: int = 2000) -> str:
    """Return a text from telemetry so that Markdown shows it as it is, on one line."""
    line = plain(text, longest).translate(_SPECIAL)
    line = _FIRST.sub(lambda match: f"{match[1] or ''}\\{match[2]}", line)
    return _BARE_ADDRESS.sub(lambda match: f"{match[0][:-1]}\\.", line)
