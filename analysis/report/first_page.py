"""The first page: what was looked at, how far to trust it, the marks, what costs most, what changed, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd

from analysis._wording import counted, duration, percent, plain
from analysis.compare.html import said_change, sentences
from analysis.figures import change_map, service_map, trend
from analysis.findings import FAMILIES, Assessment, Finding
from analysis.report.chapters import CHAPTERS
from analysis.report.site import Document
from analysis.report.templates import render
from analysis.report.told import Told
from analysis.report.wording import alike, costliest, severities_of, worst_mark
from analysis.review import Review
from analysis.scorecard import MARKS, UNJUDGED

__all__ = ["first_page", "opening"]

_ANSWERS: Final = {"found": "found", "not_found": "nothing found", "not_assessable": "not assessable"}
#: Remedies named under what to do first.
_FIRST: Final = 5
#: Changes of calls, errors and durations that are named.
_CHANGES: Final = 8
#: Services or exports named in a line.
_NAMED: Final = 6
_UNREAD: Final = "unknown"


def first_page(told: Told) -> Document:
    """Return ``index.html``."""
    review = told.review
    findings = review.finding_objects
    said = opening(told)
    rows = said["rows"]
    by_id = {row["finding"].id: row for row in rows}
    body = render(
        "index.html.j2",
        told=told,
        review=review,
        totals=review.totals,
        root="",
        most=[by_id[finding.id] | {"alike": alike(findings, finding)} for finding in costliest(findings)],
        services=sorted({service for finding in findings for service in finding.services}),
        teams=sorted({team for row in rows for team in row["teams"]}),
        answers=list(_answers(review)),
        chapters=CHAPTERS,
        families=FAMILIES,
        scorecard=review.scorecard.to_dict("records"),
        map=service_map(review).to_plotly_json() if review.services else None,
        changed=_changed(told),
        trend=_trend(told),
        **said,
    )
    return Document("index.html", told.title, body, body.count('<div class="figure"'))


def _changed(told: Told) -> dict[str, Any] | None:
    """Return the map of differences, where traffic was compared."""
    if told.comparison is None or not told.comparison.has_traffic:
        return None
    drawn: dict[str, Any] = change_map(told.comparison).to_plotly_json()
    return drawn


def _trend(told: Told) -> dict[str, Any] | None:
    """Return the trend; one review makes none."""
    if told.history is None or len(told.history.entries) < 2:
        return None
    drawn: dict[str, Any] = trend(told.history).to_plotly_json()
    return drawn


def opening(told: Told) -> dict[str, Any]:
    """Return what the first page and the slides say of all of it."""
    review = told.review
    rows = [told.row(finding) for finding in review.finding_objects]
    return {
        "rows": rows,
        "severities": severities_of(review.finding_objects),
        "warnings": list(_warnings(review)),
        "trust": list(_trust(review)),
        "trusted": _trusted(review),
        "summaries": [_summary(review, family) for family in FAMILIES],
        "first": _first(rows),
        "recorded": _recorded(review),
        "since": _since(told),
        "blind": [item for item in review.assessments_made if item.outcome == "not_assessable"],
    }


def _first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings to begin with: the gravest, those whose remedy is known to save something first.

    Of one kind it is the gravest; ``others`` are as many more of it as are worth naming: five remedies for the same are
    one remedy.
    """
    worth = [row for row in rows if row["finding"].severity in ("high", "medium")]
    chosen: dict[str, dict[str, Any]] = {}
    for row in sorted(worth, key=lambda row: (row["finding"].severity != "high", not row["saving"])):
        first = chosen.setdefault(row["finding"].detector, row | {"others": []})
        if first["finding"] is not row["finding"]:
            first["others"].append(row)
    return list(chosen.values())[:_FIRST]


def _recorded(review: Review) -> str:
    """Return how long was recorded, in words; "" where no time is known."""
    first, last = review.totals.get("first"), review.totals.get("last")
    return duration((pd.Timestamp(last) - pd.Timestamp(first)).total_seconds() * 1e3) if first and last else ""


def _graver(findings: Sequence[Finding]) -> list[Finding]:
    """Return the first of those that are more than a shape."""
    return [finding for finding in findings if finding.severity != "info"][:_CHANGES]


def _since(told: Told) -> dict[str, Any] | None:
    comparison = told.comparison
    if comparison is None:
        return None
    changes: dict[str, list[str]] = {"worse": [], "better": []}
    for row in comparison.changes.itertuples(index=False):
        changes[str(row.verdict)].append(said_change(row, verdict=False))
    new = [item.finding for item in comparison.of_status("new")]
    resolved = [item.finding for item in comparison.of_status("resolved")]
    return {
        "sentences": list(sentences(comparison)),
        "new": [told.row(finding) for finding in _graver(new)],
        "more_new": len(new) - len(_graver(new)),
        "resolved": _graver(resolved),
        "more_resolved": len(resolved) - len(_graver(resolved)),
        "unjudged": [item.finding for item in comparison.of_status("unjudged")],
        "worse": changes["worse"][:_CHANGES],
        "better": changes["better"][:_CHANGES],
        "more": sum(max(0, len(said) - _CHANGES) for said in changes.values()),
    }


def _warnings(review: Review) -> Iterator[tuple[str, str]]:
    """Yield what a reader must know before all else, as a headline and a sentence."""
    totals = review.totals
    if review.shows_values:
        sentence = (
            "It was made with --show-values: statements, addresses and messages of the traces that findings name stand "
            "under the pointer in waterfalls. Pass it on only to those who may read them."
        )
        yield "This report shows values.", sentence
    if not totals["spans"] and not totals["logs"]:
        yield "The exports hold no record.", "Nothing below says anything about the system; see what was read."
    elif not totals["spans"]:
        yield (
            "The exports hold no traces.",
            "Log records alone do not say who calls whom, what a request waits for or how failures climb.",
        )
    doubt = review.trust_report.doubts.get("propagation")
    if doubt is not None:
        sentence = (
            f"{counted(len(review.services), 'service')} record spans, and none of their traces leads from one to "
            "another. Either context propagation is broken between them (the traceparent header is not passed on, or "
            "not read), or they never call each other. Until that is known, what was not found between services below "
            "may only not have been seen."
        )
        yield "No trace crosses a service.", sentence


def _trusted(review: Review) -> str:
    """Return in a sentence how far all of it can be trusted."""
    blind = sum(item.outcome == "not_assessable" for item in review.assessments_made)
    asked = len(review.assessments_made)
    answered = f"{asked - blind} of {asked} questions could be answered"
    doubts = len(review.trust_report.doubts)
    if not doubts:
        return f"Nothing lowers confidence in what the telemetry says; {answered}."
    return f"Confidence is lowered by {counted(doubts, 'doubt')} about the telemetry; {answered}."


def _trust(review: Review) -> Iterator[str]:
    """Yield what was not read, what lowers confidence, and which attributes are missing, a sentence each."""
    unread = [entry for entry in review.inputs if entry["format"] == _UNREAD]
    if unread:
        names = ", ".join(plain(str(entry["path"])) for entry in unread[:_NAMED])
        more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        read = f"{len(unread)} of {counted(len(review.inputs), 'export')}"
        yield f"{read} could not be read, so nothing here knows what they say: {names}{more}."
    refused = sum(int(row["count"]) for entry in review.inputs for row in entry["rejected"])
    yield f"{counted(refused, 'record was', 'records were')} refused." if refused else "No record was refused."
    for doubt in review.trust_report.doubts.values():
        yield f"{doubt.sentence[:1].upper()}{doubt.sentence[1:]}."
    if "orphans" not in review.trust_report.doubts and review.totals["spans"]:
        yield "Traces are whole: no span, or next to none, has lost its parent."
    said = {name: share for name, share in review.trust.get("attribute_coverage", {}).items() if share is not None}
    partial = {name: share for name, share in said.items() if share < 1}
    # What a doubt has said above is not said twice.
    untold = [name for name in partial if f"{name}s" not in review.trust_report.doubts]
    if untold:
        named = ", ".join(f"{name.replace('_', ' ')} {percent(partial[name])}" for name in untold)
        yield f"Attributes that spans should carry and not all do: {named}."
    elif said and not partial:
        yield "Every attribute that the detectors ask for is there."


def _summary(review: Review, family: str) -> dict[str, Any]:
    """Return what is said of a chapter: its mark, its findings, how many services have which mark."""
    own = review.of_family(family)
    judged = [item for item in review.assessments_made if item.family == family]
    blind = sum(item.outcome == "not_assessable" for item in judged)
    marks = [str(mark) for mark in review.scorecard[family]]
    spread = [(mark, marks.count(mark)) for mark in (*MARKS, UNJUDGED) if mark in marks]
    return {
        "chapter": CHAPTERS[family],
        "mark": worst_mark(marks),
        "spread": spread,
        "said": ", ".join(f"{count} {mark}" for mark, count in spread) or "no service",
        "counts": severities_of(own) or ("not assessable" if judged and blind == len(judged) else "nothing found"),
        "judged": _judged(judged, blind),
    }


def _judged(judged: Sequence[Assessment], blind: int) -> str:
    looked = counted(len(judged), "anti-pattern")
    return f"{looked} looked for, {blind} not assessable" if blind else f"{looked} looked for"


def _answers(review: Review) -> Iterator[dict[str, Any]]:
    for family in FAMILIES:
        for item in review.assessments_made:
            if item.family == family:
                yield {"item": item, "chapter": CHAPTERS[family].words, "answer": _ANSWERS[item.outcome]}
