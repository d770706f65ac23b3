"""Findings as annotations of GitHub Actions: workflow commands, a line each, the gate's verdict last."""

from __future__ import annotations

from typing import Final

from analysis._wording import plain
from analysis.compare import Comparison
from analysis.findings import Finding, Severity
from analysis.gate import Verdict
from analysis.outputs._sentences import overview, seen, tally
from analysis.review import Review

__all__ = ["write"]

_COMMANDS: Final[dict[Severity, str]] = {"info": "notice", "low": "notice", "medium": "warning", "high": "error"}
#: GitHub shows ten of a kind a step; the rest stands in the log and in the job summary.
_TITLE: Final = 200
_SENTENCES: Final = 1500


def write(review: Review, comparison: Comparison | None = None, verdict: Verdict | None = None) -> str:
    """Return a workflow command for each finding, worst first; those that are acknowledged are notices."""
    lines = [f"{overview(review)} {tally(review)}"]
    lines += [_command(finding, comparison) for finding in review.finding_objects]
    if verdict is not None:
        kind = "notice" if verdict.passed else "error"
        lines += [f"::{kind} title=archreview::{_data(sentence)}" for sentence in verdict.sentences()]
    return "\n".join(lines) + "\n"


def _command(finding: Finding, comparison: Comparison | None) -> str:
    kind = "notice" if finding.acknowledged else _COMMANDS[finding.severity]
    status = comparison.status_of(finding.id) if comparison is not None else ""
    title = f"{finding.severity}{f', {status}' if status else ''}: {finding.title}"
    where = f" In {seen(finding)}." if seen(finding) else ""
    told = f"{finding.summary} To do: {finding.remedy}{where} {finding.detector} {finding.id}"
    return f"::{kind} title={_property(title)}::{_data(told)}"


def _data(text: str) -> str:
    """Return a text that cannot end the command, nor begin another."""
    return plain(text, _SENTENCES).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    escaped = plain(text, _TITLE).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C")
