"""The index of a report: what was looked at, how far to trust it, what to do first, every finding, every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis._wording import counted, duration, percent, plain
from analysis.finding_html import SEVERITY_BARS
from analysis.findings import FAMILIES, SEVERITIES, Assessment, Finding
from analysis.outputs._sentences import cost
from analysis.report.pages import Page
from analysis.review import Review

__all__ = ["CHAPTERS", "Chapter", "write_index"]

_TEMPLATE: Final = Path(__file__).parent / "template"


@dataclass(frozen=True)
class Chapter:
    """What the report says of a family, and in which notebook."""

    words: str
    notebook: str
    question: str


CHAPTERS: Final[Mapping[str, Chapter]] = {
    "chatty": Chapter("Chatty calls", "02-chatty-calls", "Which requests hold too many conversations?"),
    "shared_data": Chapter("Shared data", "03-shared-data", "Which services are coupled through their stores?"),
    "cascades": Chapter("Cascading failures", "04-cascading-failures", "How does one failure become many?"),
    "boundaries": Chapter("Service boundaries", "05-service-boundaries", "Do the services depend as they should?"),
    "observability": Chapter("Observability", "06-observability", "What cannot be seen?"),
}
_ANSWERS: Final = {"found": "found", "not_found": "nothing found", "not_assessable": "not assessable"}
#: Findings named under what to do first.
_FIRST: Final = 5
_BAD_MARKS: Final = ("D", "E")
#: Services named in a line; the marks below name all of them.
_NAMED: Final = 6
_UNREAD: Final = "unknown"
_TITLE: Final = 300


def write_index(review: Review, pages: Sequence[Page], folder: Path, title: str) -> Path:
    """Write ``index.html``.

    Parameters
    ----------
    review
        What is reported.
    pages
        The pages beside it.
    folder
        Where the report is.
    title
        Heading of the report.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(counted=counted, percent=percent, plain=plain, name=lambda text: plain(text, _TITLE))
    findings = review.finding_objects
    text = environment.get_template("index.html.j2").render(
        title=plain(title, _TITLE) or "Architecture review",
        pages=pages,
        review=review,
        totals=review.totals,
        count=counted(len(findings), "finding"),
        severities=_by_severity(findings),
        warnings=list(_warnings(review)),
        summaries=[_summary(review, family) for family in FAMILIES],
        first=[_row(finding) for finding in findings if finding.severity in ("high", "medium")][:_FIRST],
        trust=list(_trust(review)),
        findings=[_row(finding) for finding in findings],
        answers=list(_answers(review)),
        chapters=CHAPTERS,
        families=FAMILIES,
        scorecard=review.scorecard.to_dict("records"),
    )
    target = folder / "index.html"
    target.write_text(text, encoding="utf-8")
    return target


def _warnings(review: Review) -> Iterator[tuple[str, str]]:
    """Yield what a reader must know before all else, as a headline and a sentence."""
    totals = review.totals
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
    partial = [f"{name.replace('_', ' ')} {percent(share)}" for name, share in said.items() if share < 1]
    if partial:
        yield f"Attributes that spans should carry and not all do: {', '.join(partial)}."
    elif said:
        yield "Every attribute that the detectors ask for is there."


def _summary(review: Review, family: str) -> dict[str, Any]:
    chapter = CHAPTERS[family]
    own = review.of_family(family)
    judged = [item for item in review.assessments_made if item.family == family]
    blind = sum(item.outcome == "not_assessable" for item in judged)
    bad = [row["service"] for row in review.scorecard.to_dict("records") if row[family] in _BAD_MARKS]
    names = ", ".join(plain(str(service), _TITLE) for service in bad[:_NAMED])
    return {
        "words": chapter.words,
        "question": chapter.question,
        "link": f"{chapter.notebook}.html",
        "worst": own[0].severity if own else "",
        "counts": _by_severity(own) or ("not assessable" if judged and blind == len(judged) else "none"),
        "marked": f"{names} and {len(bad) - _NAMED} more" if len(bad) > _NAMED else names,
        "judged": _judged(judged, blind),
    }


def _judged(judged: Sequence[Assessment], blind: int) -> str:
    return f"{len(judged)}, {blind} of them not assessable" if blind else str(len(judged))


def _by_severity(findings: Sequence[Finding]) -> str:
    counts = [(severity, sum(item.severity == severity for item in findings)) for severity in reversed(SEVERITIES)]
    return ", ".join(f"{count} {severity}" for severity, count in counts if count)


def _row(finding: Finding) -> dict[str, Any]:
    chapter = CHAPTERS[finding.family]
    return {
        "finding": finding,
        "bar": SEVERITY_BARS[finding.severity],
        "chapter": chapter.words,
        "link": f"{chapter.notebook}.html#finding-{finding.id}",
        "cost": cost(finding),
        "saving": _saving(finding),
        "total_ms": float(finding.cost.get("total_ms", 0.0)),
    }


def _saving(finding: Finding) -> str:
    saving = finding.saving
    parts = []
    if saving.get("requests"):
        parts.append(counted(int(saving["requests"]), "failed request"))
    if saving.get("critical_path_ms_p95"):
        parts.append(f"{duration(saving['critical_path_ms_p95'])} a request at p95")
    if saving.get("calls"):
        parts.append(counted(int(saving["calls"]), "call"))
    if saving.get("total_ms"):
        parts.append(f"{duration(saving['total_ms'])} in all")
    return ", ".join(parts)


def _answers(review: Review) -> Iterator[dict[str, Any]]:
    for family in FAMILIES:
        for item in review.assessments_made:
            if item.family == family:
                yield {"item": item, "chapter": CHAPTERS[family].words, "answer": _ANSWERS[item.outcome]}
