"""Small pictures of findings: the exemplar trace as a strip of bars, drawn without a browser and readable in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import pyarrow as pa
from markupsafe import Markup

from analysis._wording import counted, duration, plain
from analysis.findings import Finding
from analysis.review import Review

__all__ = ["Strips"]

_WIDTH: Final = 300.0
_HEIGHT: Final = 104.0
_ROWS_AT_MOST: Final = 40
_NARROWEST: Final = 1.5
_NAME: Final = 26


@dataclass(frozen=True)
class _Span:
    id: str
    start: int
    end: int
    failed: bool


class Strips:
    """Draws the exemplar of a finding as a strip; the spans of all exemplars are looked up once."""

    def __init__(self, review: Review) -> None:
        self._traces = _spans_by_trace(review.exemplar_spans)

    def draw(self, finding: Finding) -> Markup:
        """Return an SVG: a bar a span in order of start, the offending spans dark.

        Where the finding names no trace that is kept, its services stand there instead.
        """
        chosen = next((item for item in finding.exemplars if item.why == "median"), None)
        chosen = chosen or next(iter(finding.exemplars), None)
        spans = self._traces.get(chosen.trace_id, ()) if chosen else ()
        if not spans or chosen is None:
            return _services(finding)
        return _strip(spans, frozenset(chosen.span_ids))


def _spans_by_trace(table: pa.Table) -> Mapping[str, Sequence[_Span]]:
    found: dict[str, list[_Span]] = {}
    columns = ("trace_id_high", "trace_id_low", "span_id", "start_ns", "duration_ns", "status")
    for high, low, span, start, length, status in zip(*(table[name].to_pylist() for name in columns), strict=True):
        if start is not None and length is not None:
            one = _Span(f"{span:016x}", start, start + length, status == "error")
            found.setdefault(f"{high:016x}{low:016x}", []).append(one)
    return {trace: sorted(spans, key=lambda span: (span.start, -span.end, span.id)) for trace, spans in found.items()}


def _strip(spans: Sequence[_Span], marked: frozenset[str]) -> Markup:
    shown = _chosen(spans, marked)
    begin, end = min(span.start for span in spans), max(span.end for span in spans)
    per_ns = _WIDTH / max(end - begin, 1)
    step = min(_HEIGHT / len(shown), 13.0)
    height = step * len(shown)
    bars = []
    for row, span in enumerate(shown):
        width = max((span.end - span.start) * per_ns, _NARROWEST)
        left = min((span.start - begin) * per_ns, _WIDTH - width)
        kind = "marked" if span.id in marked else "failed" if span.failed else "bar"
        bars.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{row * step:.1f}" width="{width:.1f}" '
            f'height="{max(step * 0.78, 1):.1f}"/>'
        )
    count = sum(span.id in marked for span in spans)
    said = (
        f"{counted(len(spans), 'span')} in {duration((end - begin) / 1e6)}"
        + (f", {count} of them marked" if count else "")
        + (f"; {len(shown)} drawn" if len(shown) < len(spans) else "")
    )
    return _svg("".join(bars), height, f"Exemplar trace: {said}")


def _chosen(spans: Sequence[_Span], marked: frozenset[str]) -> Sequence[_Span]:
    """Return the spans that are drawn, in order: the first, then the marked ones, then the longest."""
    if len(spans) <= _ROWS_AT_MOST:
        return spans
    order = sorted(
        range(len(spans)),
        key=lambda row: (row != 0, spans[row].id not in marked, spans[row].start - spans[row].end, row),
    )
    return [spans[row] for row in sorted(order[:_ROWS_AT_MOST])]


def _services(finding: Finding) -> Markup:
    names = list(finding.services[:3]) or ["the whole system"]
    more = len(finding.services) - len(names)
    height = 30.0
    parts = []
    for row, name in enumerate(names):
        label = escape(plain(name, _NAME))
        if row == len(names) - 1 and more > 0:
            label += f" and {more} more"
        parts.append(f'<rect class="box" x="0.5" y="{row * height + 1:.1f}" width="{_WIDTH - 1}" height="24"/>')
        parts.append(f'<text x="{_WIDTH / 2}" y="{row * height + 17:.1f}">{label}</text>')
    return _svg("".join(parts), height * len(names), f"Services concerned: {', '.join(names)}")


def _svg(inside: str, height: float, label: str) -> Markup:
    return Markup(  # noqa: S704 - made here of numbers and of texts that are escaped
        f'<svg class="strip" viewBox="0 0 {_WIDTH:.0f} {height:.1f}" role="img" '
        f'aria-label="{escape(plain(label), quote=True)}">{inside}</svg>'
    )
