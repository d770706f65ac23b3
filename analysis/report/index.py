"""The index of a report: what was looked at, the marks, every finding with a link to its evidence, every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.finding_html import SEVERITY_BARS
from analysis.findings import FAMILIES, Finding
from analysis.report.pages import Page
from analysis.review import Review

__all__ = ["CHAPTERS", "write_index"]

_TEMPLATE: Final = Path(__file__).parent / "template"
#: Chapter of each family: its words, and the notebook that tells it.
CHAPTERS: Final[Mapping[str, tuple[str, str]]] = {
    "chatty": ("Chatty calls", "02-chatty-calls"),
    "shared_data": ("Shared data", "03-shared-data"),
    "cascades": ("Cascading failure", "04-cascading-failures"),
    "boundaries": ("Service boundaries", "05-service-boundaries"),
    "observability": ("Observability", "06-observability"),
}
_ANSWERS: Final = {"found": "found", "not_found": "looked for, not found", "not_assessable": "not assessable"}


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
    text = environment.get_template("index.html.j2").render(
        title=title,
        pages=pages,
        review=review,
        totals=review.totals,
        refused=sum(int(row["count"]) for entry in review.inputs for row in entry["rejected"]),
        findings=[_row(finding) for finding in review.finding_objects],
        answers=list(_answers(review)),
        chapters=CHAPTERS,
        families=FAMILIES,
        scorecard=review.scorecard.to_dict("records"),
        doubts=[doubt.sentence for doubt in review.trust_report.doubts.values()],
    )
    target = folder / "index.html"
    target.write_text(text, encoding="utf-8")
    return target


def _row(finding: Finding) -> dict[str, Any]:
    words, notebook = CHAPTERS[finding.family]
    return {
        "finding": finding,
        "bar": SEVERITY_BARS[finding.severity],
        "chapter": words,
        "link": f"{notebook}.html#finding-{finding.id}",
        "cost": _cost(finding),
        "total_ms": float(finding.cost.get("total_ms", 0.0)),
    }


def _cost(finding: Finding) -> str:
    cost = finding.cost
    parts = []
    if cost.get("requests_failed"):
        parts.append(f"{cost['requests_failed']:,} failed requests")
    if cost.get("critical_path_ms_p95"):
        parts.append(f"{cost['critical_path_ms_p95']:,.1f} ms a request at p95")
    if cost.get("total_ms"):
        parts.append(f"{cost['total_ms']:,.0f} ms in all")
    if not parts and cost.get("share_of_traces"):
        parts.append(f"{cost['share_of_traces']:.1%} of traces")
    return ", ".join(parts) or "not in time"


def _answers(review: Review) -> Iterator[dict[str, Any]]:
    for family in FAMILIES:
        for item in review.assessments_made:
            if item.family == family:
                yield {"item": item, "chapter": CHAPTERS[family][0], "answer": _ANSWERS[item.outcome]}
