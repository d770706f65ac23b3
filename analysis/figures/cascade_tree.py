"""How failures travel: from where they begin, along the services they fail, to the user or to what absorbs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed, fact, percent, trace_ids
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import (
    DESIGN_WIDTH,
    PLATE,
    PLATE_INK,
    PLATE_LINE,
    VERMILION,
    annotate,
    empty_figure,
    figure_of,
)

__all__ = ["cascade_tree"]

_TITLE: Final = "Failure cascades"
#: Ways that are drawn; those seen in the fewest traces are hidden first.
WAYS_AT_MOST: Final = 20
#: Visits drawn on one way; of longer ones the middle is left out.
VISITS_AT_MOST: Final = 6
_ROW_PX: Final = 70
_BOX_HALF: Final = 0.37
_BOX_PX: Final = 56
#: Width of the band of all traces together, in pixels.
_BAND_PX: Final = 44
_REACHED, _ABSORBED, _UNSEEN, _SENT = "reached", "absorbed", "unseen", "sent"
_ENDS: Final = {
    _REACHED: "✖ request failed",
    _ABSORBED: "◆ absorbed by",
    _SENT: "✉ not waited for by",
    _UNSEEN: "○ end not seen",
}
_BANDS: Final = {"onward": "rgba(213,94,0,0.38)", _REACHED: "rgba(213,94,0,0.38)"}
_BANDS_END: Final = {
    _SENT: "rgba(140,140,140,0.35)",
    _ABSORBED: "rgba(0,158,115,0.38)",
    _UNSEEN: "rgba(140,140,140,0.35)",
}


def cascade_tree(result: Reviewed, finding: Any = None) -> go.Figure:
    """Draw failures from their origins on the left to the user's request, or to the service that absorbed them.

    Parameters
    ----------
    result
        A review: its ``failures`` fact.
    finding
        Draw only the failures this finding is about: a finding, a row of ``result.findings``, or an id.

    Returns
    -------
    plotly.graph_objects.Figure
        Width of a band grows with the traces. Each box tells in how many traces it failed, and in which share of
        those in which the box before it failed.
    """
    failures = fact(result, "failures")
    if failures is None:
        return empty_figure(_nothing_travelled(result), _TITLE)
    if finding is not None:
        subject = _subject(result, finding)
        if subject.get("kind") == "latency":
            return empty_figure("This finding is about slowness; the tree shows failures.", _TITLE)
        for name in ("origin_service", "origin_operation"):
            if name in subject:
                failures = failures[failures[name] == subject[name]]
        if failures.empty:
            return empty_figure("None of the failures seen belongs to this finding.", _TITLE)
    return _draw(_Forest(failures))


def _nothing_travelled(result: Reviewed) -> str:
    operations = fact(result, "operations")
    errors = 0 if operations is None else int(operations["errors"].sum())
    if not errors:
        return "No failed span was seen, so no failure could travel."
    return (
        f"{plural(errors, 'failed span')} seen, but no failure that could travel: answers to the client's own mistakes "
        "(4xx) and cancellations are left out."
    )


def _subject(result: Reviewed, finding: Any) -> Mapping[str, Any]:
    """Return what a finding is about; nothing, and so all failures, for an id that is not there."""
    if isinstance(finding, str):
        rows = result.findings
        found = list(rows.loc[rows["id"] == finding, "subject"]) if len(rows) else []
        if not found:
            message = f"no finding has the id {shown(finding, 40)!r}"
            raise KeyError(message)
        return dict(found[0])
    subject = finding["subject"] if isinstance(finding, (Mapping, pd.Series)) else finding.subject
    return dict(subject)


@dataclass
class _Visit:
    """A failed visit on a way, or its end."""

    text: str
    service: str = ""
    end: str = ""
    depth: int = 0
    traces: int = 0
    failures: int = 0
    above: _Visit | None = None
    onward: dict[tuple[str, str], _Visit] = field(default_factory=dict)
    mechanisms: dict[str, int] = field(default_factory=dict)
    examples: dict[str, None] = field(default_factory=dict)
    row: float = 0.0

    def leaves(self) -> Iterator[_Visit]:
        """Yield the ends of the ways through here, top to bottom."""
        if not self.onward:
            yield self
        for child in self.ordered():
            yield from child.leaves()

    def ordered(self) -> list[_Visit]:
        return sorted(self.onward.values(), key=lambda visit: (-visit.traces, visit.end, visit.text))

    def all(self) -> Iterator[_Visit]:
        yield self
        for child in self.ordered():
            yield from child.all()


class _Forest:
    """The ways of failures with their beginnings in common."""

    def __init__(self, failures: pd.DataFrame) -> None:
        rows: Sequence[Mapping[Any, Any]] = failures.to_dict("records")
        ranked = sorted(rows, key=lambda row: (-int(row["traces"]), tuple(row["path"]), str(row["stopped_at"])))
        self.services = sorted({str(row["origin_service"]) for row in rows}, key=lambda name: (-len(name), name))
        self.origins: dict[tuple[str, str], _Visit] = {}
        self.ways = len({_way_key(row) for row in rows})
        self.traces = sum(int(row["traces"]) for row in rows)
        self.failures = sum(int(row["failures"]) for row in rows)
        self.reached = sum(int(row["traces"]) for row in rows if row["reached_root"] and not row.get("sent_by"))
        self.hidden_traces = 0
        self.cut = 0
        drawn: set[tuple[Any, ...]] = set()
        for row in ranked:
            if _way_key(row) in drawn or len(drawn) < WAYS_AT_MOST:
                drawn.add(_way_key(row))
                self._add(row)
            else:
                self.hidden_traces += int(row["traces"])
        self.hidden = self.ways - len(drawn)

    def _add(self, row: Mapping[Any, Any]) -> None:
        origin = f"{row['origin_service']} {row['origin_operation']}".strip()
        path = [str(step) for step in row["path"]]
        steps = [origin, *(path[1:] if path and path[0] == origin else path)]
        if len(steps) > VISITS_AT_MOST:
            self.cut += 1
            left_out = len(steps) - VISITS_AT_MOST + 1
            steps = [*steps[:3], f"… {left_out} visits left out", *steps[-(VISITS_AT_MOST - 4) :]]
        level, above = self.origins, None
        for step in steps:
            above = self._count(level, above, step, "", row)
            level = above.onward
        stopped, sender = str(row["stopped_at"] or ""), str(row.get("sent_by") or "")
        end = _SENT if sender else _REACHED if row["reached_root"] else _ABSORBED if stopped else _UNSEEN
        self._count(level, above, sender or stopped, end, row)

    def _count(
        self,
        level: dict[tuple[str, str], _Visit],
        above: _Visit | None,
        text: str,
        end: str,
        row: Mapping[Any, Any],
    ) -> _Visit:
        depth = 0 if above is None else above.depth + 1
        service = str(row["origin_service"]) if above is None else ""
        visit = level.setdefault((end, text), _Visit(text, service, end, depth, above=above))
        visit.traces += int(row["traces"])
        visit.failures += int(row["failures"])
        how = str(row["mechanism"])
        visit.mechanisms[how] = visit.mechanisms.get(how, 0) + int(row["failures"])
        visit.examples.update(dict.fromkeys(trace_ids(row.get("exemplars"))))
        return visit

    def roots(self) -> list[_Visit]:
        return sorted(self.origins.values(), key=lambda visit: (-visit.traces, visit.text))


def _way_key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    path = tuple(str(step) for step in row["path"])
    ends = (str(row["stopped_at"] or ""), str(row.get("sent_by") or ""), bool(row["reached_root"]))
    return (str(row["origin_service"]), str(row["origin_operation"]), path, *ends)


def _draw(forest: _Forest) -> go.Figure:
    visits = [visit for root in forest.roots() for visit in root.all()]
    rows = _place(forest.roots())
    columns = 1 + max(visit.depth for visit in visits)
    column_px = (DESIGN_WIDTH - 24) / max(columns, 3)
    notes = []
    if forest.hidden:
        notes.append(
            f"{forest.hidden:,} of {plural(forest.ways, 'way')} hidden, those seen least, with "
            f"{forest.hidden_traces:,} of {plural(forest.traces, 'trace')}."
        )
    if forest.cut:
        notes.append(f"The middle of {plural(forest.cut, 'long way')} is left out.")
    notes += [
        "Read from left to right: where failures begin, then what failed because of it. Bands: wider in more traces.",
        "(%): share of the traces of the box before. A trace with several failures counts once for each of its ways.",
    ]
    figure = figure_of(
        [*_bands(visits, forest.traces), _hovers(visits, forest)],
        title=_TITLE,
        subtitle=(
            f"{plural(forest.failures, 'failure')} from {plural(len(forest.origins), 'origin')}; "
            f"in {forest.reached:,} of {plural(forest.traces, 'trace')} the request failed"
        ),
        plot_height_px=rows * _ROW_PX,
        notes=notes,
        showlegend=False,
        xaxis={"visible": False, "range": [-0.45, max(columns, 3) - 0.55]},
        yaxis={"visible": False, "range": [rows - 0.5, -0.5]},
        shapes=[_box(visit) for visit in visits],
    )
    annotate(figure, (_words(visit, 2 * _BOX_HALF * column_px - 10, forest) for visit in visits))
    return figure


def _place(roots: Sequence[_Visit]) -> int:
    """Give each way a row, and each box the middle of its ways; return how many rows there are."""
    row = 0
    for root in roots:
        for leaf in root.leaves():
            leaf.row = float(row)
            row += 1
        for visit in reversed(list(root.all())):
            if visit.onward:
                below = [child.row for child in visit.onward.values()]
                visit.row = (min(below) + max(below)) / 2
    return row


def _box(visit: _Visit) -> dict[str, Any]:
    half = _BOX_PX / 2 / _ROW_PX
    return {
        "type": "rect",
        "x0": visit.depth - _BOX_HALF,
        "x1": visit.depth + _BOX_HALF,
        "y0": visit.row - half,
        "y1": visit.row + half,
        "fillcolor": PLATE,
        "line": {
            "color": VERMILION if visit.depth == 0 or visit.end == _REACHED else PLATE_LINE,
            "width": 2 if visit.depth == 0 or visit.end else 1,
            "dash": "dot" if visit.end in (_UNSEEN, _SENT) else "solid",
        },
        "layer": "above",
    }


def _words(visit: _Visit, width_px: float, forest: _Forest) -> dict[str, Any]:
    service, operation = _split(visit, forest)
    title = _ENDS.get(visit.end, "")
    lines = [f"<b>{title or fitted(service, width_px, 11.5)}</b>"]
    if visit.end in (_ABSORBED, _SENT):
        lines.append(fitted(visit.text, width_px, 11))
    elif not visit.end and operation:
        lines.append(fitted(operation, width_px, 11))
    if visit.above is None:
        lines.append(plural(visit.traces, "trace"))
    else:
        lines.append(f"{plural(visit.traces, 'trace')} ({percent(visit.traces, visit.above.traces)})")
    return {
        "x": visit.depth,
        "y": visit.row,
        "text": "<br>".join(lines),
        "showarrow": False,
        "font": {"size": 11, "color": PLATE_INK},
        "name": "visit",
    }


def _split(visit: _Visit, forest: _Forest) -> tuple[str, str]:
    """Take service and operation apart: by a known service, else at the first space."""
    known = next((name for name in forest.services if visit.text.startswith(f"{name} ")), None)
    if visit.above is None:
        known = visit.service
    if known is None:
        service, _, operation = visit.text.partition(" ")
        return service, operation
    return known, visit.text[len(known) :].strip()


def _bands(visits: Sequence[_Visit], traces: int) -> list[go.Scatter]:
    """Draw the band from each box to those that failed because of it, stacked on its right side."""
    bands = []
    scale = _BAND_PX / _ROW_PX / max(traces, 1)
    for visit in visits:
        children = visit.ordered()
        level = visit.row - sum(child.traces for child in children) * scale / 2
        for child in sorted(children, key=lambda child: child.row):
            width = max(child.traces * scale, 2 / _ROW_PX)
            colour = _BANDS_END.get(child.end, _BANDS["onward"])
            bands.append(_band((visit.depth + _BOX_HALF, level + width / 2), child, width, colour))
            level += child.traces * scale
    return bands


def _band(start: tuple[float, float], child: _Visit, width: float, colour: str) -> go.Scatter:
    x0, y0 = start
    x1, y1 = child.depth - _BOX_HALF, child.row
    steps = [step / 16 for step in range(17)]
    middle = [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t * t * (3 - 2 * t)) for t in steps]
    upper = [(x, y - width / 2) for x, y in middle]
    lower = [(x, y + width / 2) for x, y in reversed(middle)]
    return go.Scatter(
        x=[x for x, _ in (*upper, *lower)],
        y=[y for _, y in (*upper, *lower)],
        mode="lines",
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        hoverinfo="skip",
        name="band",
    )


def _hovers(visits: Sequence[_Visit], forest: _Forest) -> go.Scatter:
    # Three points a box, since a label opens near a point only.
    places = [(visit, shift) for visit in visits for shift in (-0.25, 0.0, 0.25)]
    return go.Scatter(
        x=[visit.depth + shift for visit, shift in places],
        y=[visit.row for visit, _ in places],
        mode="markers",
        marker={"size": _BOX_PX, "opacity": 0, "symbol": "square"},
        hoverinfo="text",
        hovertext=[_hover(visit, forest) for visit, _ in places],
        name="visits",
    )


def _hover(visit: _Visit, forest: _Forest) -> str:
    service, operation = _split(visit, forest)
    heads = {
        _REACHED: "the request failed",
        _ABSORBED: f"absorbed by {shown(visit.text, HOVER_CHARACTERS)}",
        _SENT: f"no request waits: sent by {shown(visit.text, HOVER_CHARACTERS)}",
        _UNSEEN: "what came above was not seen: its parent is missing or did not wait",
    }
    before = visit.above
    share = f"{percent(visit.traces, before.traces)} of the traces before" if before is not None else "where it began"
    return hover(
        [
            f"<b>{heads.get(visit.end) or shown(service, HOVER_CHARACTERS)}</b>",
            "" if visit.end else shown(operation, HOVER_CHARACTERS) if operation else "",
            f"{plural(visit.failures, 'failure')} in {plural(visit.traces, 'trace')}, {share}",
            ", ".join(f"{count:,} {shown(how, 30)}" for how, count in sorted(visit.mechanisms.items())),
            *(f"trace {shown(trace_id, 32)}" for trace_id in list(visit.examples)[:3]),
        ]
    )
