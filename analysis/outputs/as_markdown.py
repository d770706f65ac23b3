"""Findings for a wiki page."""

from __future__ import annotations

import re
from typing import Final

from analysis._wording import percent, plain
from analysis.findings import Finding
from analysis.outputs._sentences import CHAPTERS, answered, cost, overview, seen, tally
from analysis.review import Review

__all__ = ["write"]

#: What means something in CommonMark, in GitHub's dialect (`|`, `~`, `$`, `@` of mentions, `:` of bare addresses), or
#: in HTML. A backslash before punctuation always means the character itself (CommonMark 0.31, 2.4).
_SPECIAL: Final = str.maketrans(
    {character: f"\\{character}" for character in r"\`*_{}[]()#+!|~$@:="} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
#: What begins a list, a rule or a heading where it stands first on a line.
_FIRST: Final = re.compile(r"^(\d{1,9})?([-.)])")
#: GitHub makes a link of it, even without a scheme.
_BARE_ADDRESS: Final = re.compile(r"\bwww\.", re.IGNORECASE)


def write(review: Review) -> str:
    """Return the review as Markdown (CommonMark with tables); names from telemetry are escaped."""
    lines = ["# Architecture review", "", f"{overview(review)} {tally(review)}", "", "## Findings", ""]
    if review.finding_objects:
        lines += ["| severity | finding | cost | traces | confidence |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in review.finding_objects]
        for finding in review.finding_objects:
            lines += ["", *_section(finding)]
    else:
        lines.append("None.")
    lines += ["", "## What was looked for", "", "| chapter | detector | answer | missing |", "|---|---|---|---|"]
    lines += [
        f"| {CHAPTERS[item.family]} | {item.detector} | {answered(item)} | {_shown('; '.join(item.missing))} |"
        for item in review.assessments_made
    ]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    title = f"[{_shown(finding.title, 200)}](#finding-{finding.id})"
    cells = (finding.severity, title, cost(finding) or "–", seen(finding), percent(finding.confidence))  # noqa: RUF001 - a dash, as tables have it
    return f"| {' | '.join(cells)} |"


def _section(finding: Finding) -> list[str]:
    lines = [f'### <a id="finding-{finding.id}"></a>{_shown(finding.title, 200)}', "", _shown(finding.summary), ""]
    lines.append(f"- {CHAPTERS[finding.family]}: `{finding.detector}`, {finding.severity}")
    lines.append(f"- what to do: {_shown(finding.remedy)}")
    lines += [f"- looked at against it: {_shown(sentence)}" for sentence in finding.considered]
    lines += [f"- {example.why} trace: `{example.trace_id}`" for example in finding.exemplars]
    return lines


def _shown(text: str, longest: int = 2000) -> str:
    escaped = plain(text, longest).translate(_SPECIAL)
    escaped = _FIRST.sub(lambda match: f"{match[1] or ''}\\{match[2]}", escaped)
    return _BARE_ADDRESS.sub(lambda match: f"{match[0][:-1]}\\.", escaped)
