"""Findings for a terminal: plain text, worst first, no colours that a log would keep."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from analysis._wording import percent, plain
from analysis.compare import Comparison
from analysis.compare.html import said_change, sentences
from analysis.findings import FAMILIES, Finding
from analysis.outputs._sentences import CHAPTERS, answered, cost, overview, seen, tally
from analysis.review import Review

__all__ = ["write"]

_WIDTH: Final = 96
_INDENT: Final = " " * 8
_TITLE: Final = 200
_SENTENCES: Final = 600
#: Changes of calls, errors and durations that are told.
_CHANGES: Final = 10


def write(review: Review, comparison: Comparison | None = None) -> str:
    """Return the review as text.

    What costs something is told in full; what is only worth knowing (info) with its title and where to look.
    """
    lines = [*_wrapped(overview(review), ""), tally(review), ""]
    if comparison is not None:
        lines += [*_since(comparison), ""]
    for finding in review.finding_objects:
        status = "" if comparison is None else comparison.status_of(finding.id)
        lines += [*_lines(finding, status), ""]
    lines.append("What was looked for")
    lines += _answers(review)
    if review.finding_objects:
        lines += ["", "More of each: --format markdown or json; how one is decided: archreview detectors NAME"]
    return "\n".join(lines) + "\n"


def _since(comparison: Comparison) -> Iterator[str]:
    """Yield what became better and worse since the earlier review."""
    yield "Since the earlier review"
    for sentence in sentences(comparison):
        yield from _wrapped(sentence, "  ")
    for status, words in (("resolved", "Resolved"), ("unjudged", "Cannot be judged now")):
        for standing in comparison.standings:
            if standing.status == status:
                yield from _wrapped(f"{words}: {plain(standing.finding.title, _TITLE)}", "  ")
    for row in comparison.changes.head(_CHANGES).itertuples(index=False):
        yield from _wrapped(said_change(row), "  ")
    if len(comparison.changes) > _CHANGES:
        yield f"  and {len(comparison.changes) - _CHANGES} more changes: --format markdown or json"


def _lines(finding: Finding, status: str = "") -> Iterator[str]:
    title = _wrapped(plain(finding.title, _TITLE) + (f" [{status}]" if status else ""))
    yield finding.severity.upper().ljust(len(_INDENT)) + title[0].lstrip() if title else finding.severity.upper()
    yield from title[1:]
    if finding.severity != "info":
        yield from _wrapped(plain(finding.summary, _SENTENCES))
        yield from _wrapped(f"To do: {plain(finding.remedy, _SENTENCES)}")
    told = [f"costs {cost(finding)}"] if cost(finding) else []
    told += [f"in {seen(finding)}"] if seen(finding) else []
    sentence = "; ".join([*told, f"confidence {percent(finding.confidence)}"])
    yield from _wrapped(f"{sentence[0].upper()}{sentence[1:]}.")
    worst = {example.why: example.trace_id for example in finding.exemplars}
    shown = next((f", {why} trace {worst[why]}" for why in ("worst", "median", "recent") if why in worst), "")
    yield f"{_INDENT}{finding.detector} {finding.id}{shown}"


def _answers(review: Review) -> Iterator[str]:
    wide = max((len(item.detector) for item in review.assessments_made), default=0)
    for family in FAMILIES:
        for item in (item for item in review.assessments_made if item.family == family):
            yield f"  {CHAPTERS[family]:<18}  {item.detector:<{wide}}  {answered(item)}"
            for what in item.missing:
                yield from _wrapped(f"missing: {plain(what, 300)}", " " * 22)


def _wrapped(text: str, indent: str = _INDENT) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
