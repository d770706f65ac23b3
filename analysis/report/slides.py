"""The review as slides for a room: one finding a slide, the evidence in the speaker's notes."""

from __future__ import annotations

from typing import Any, Final

from analysis.figures import exemplar, service_map
from analysis.finding_html import measured, said
from analysis.findings import Finding
from analysis.report.finding_pages import is_plain
from analysis.report.first_page import opening
from analysis.report.templates import TEMPLATES, VENDOR, drawing_script, render
from analysis.report.told import Told
from analysis.report.wording import alike, costliest

__all__ = ["slides"]

#: Spans drawn on a slide: what can be read from the last row.
_SPANS_AT_MOST: Final = 18
#: Edges of the map on a slide.
_EDGES_AT_MOST: Final = 40
#: Lines of a list on a slide.
_LINES: Final = 5


def slides(told: Told) -> str:
    """Return the slides as one HTML file that needs nothing else."""
    review = told.review
    vendored = {name: (VENDOR / file).read_text(encoding="utf-8") for name, file in _VENDORED.items()}
    return render(
        "slides.html.j2",
        told=told,
        review=review,
        totals=review.totals,
        root="",
        lines=_LINES,
        map=service_map(review, max_edges=_EDGES_AT_MOST).to_plotly_json() if review.services else None,
        findings=[_slide(told, finding) for finding in costliest(review.finding_objects)],
        style=(TEMPLATES / "slides.css").read_text(encoding="utf-8"),
        drawing=drawing_script(),
        script=(TEMPLATES / "slides.js").read_text(encoding="utf-8"),
        **opening(told),
        **vendored,
    )


_VENDORED: Final = {
    "reveal": "reveal.js",
    "reveal_style": "reveal.css",
    "notes": "reveal-notes.js",
}


def _slide(told: Told, finding: Finding) -> dict[str, Any]:
    figure = None
    if finding.exemplars:
        figure = exemplar(told.review.traces, finding, spans_at_most=_SPANS_AT_MOST).to_plotly_json()
    measures = [said(name, value) for name, value in finding.measures.items() if is_plain(value)]
    return told.row(finding) | {
        "figure": figure,
        "alike": alike(told.review.finding_objects, finding),
        "costs": [said(name, value) for name, value in measured(finding.cost).items()],
        "savings": [said(name, value) for name, value in finding.saving.items()],
        "measures": [pair for pair in measures if pair[1]],
    }
