"""One trace as a waterfall: what ran when, under what, on the critical path or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import plotly.graph_objects as go

from analysis._critical_path import find_paths, find_sections
from analysis.dataset import Dataset
from analysis.figures._reviewed import milliseconds
from analysis.figures._text import HOVER_CHARACTERS, cleaned, fitted, hover, plural, shown, text_width
from analysis.figures._theme import DESIGN_WIDTH, INK, PLATE_INK, VERMILION, empty_figure, figure_of
from analysis.figures._waterfall_rows import Line, Lines, choose, pieces, stripes
from analysis.forest import Forest, plant
from analysis.planting import planting

__all__ = ["trace_waterfall", "waterfall"]

_TITLE: Final = "Trace"
#: Spans that are drawn.
SPANS_AT_MOST: Final = 200
#: Where the bars begin; labels stand to the left. Shares of the width.
_BARS_FROM: Final = 0.36
#: Beside a slide's words figures are this wide, and labels have the same room everywhere.
_NARROW_PX: Final = 760
_LABEL_PX: Final = _BARS_FROM * _NARROW_PX
_INDENT_PX: Final = 11.0
_DEEPEST_INDENT_PX: Final = 110.0
#: Okabe and Ito's colours, lightened so that the line of the critical path stands out on them, and patterns for more.
_FILLS: Final = ("#66aad7", "#f3c766", "#66c5ab", "#e0afca", "#a5d8f5", "#ee9f66", "#bdbdbd")
#: Columns that hold values, in words.
_VALUES: Final = {
    "name": "name",
    "db_statement": "statement",
    "url_path": "address",
    "status_message": "status",
    "exception_message": "exception",
}
#: Gaps in the line of the critical path that are shorter than this part of the trace are less than half a pixel.
_PIECES: Final = 2_000
#: Of a row. Left to itself, a service's bars are as thick as the distance between its two nearest rows.
_THICKNESS: Final = 0.78
_PATTERNS: Final = ("", "/", ".", "x", "-", "\\", "|", "+")


def waterfall(
    data: Dataset, trace_id: str, highlight: Iterable[str] = (), *, spans_at_most: int = SPANS_AT_MOST
) -> go.Figure:
    """Draw one trace.

    Parameters
    ----------
    data
        Where the trace is.
    trace_id
        Hexadecimal digits.
    highlight
        Ids of spans to be marked: the offending ones of a finding.
    spans_at_most
        Draw no more spans than these; marked ones, the critical path, failed ones and their ancestors come first.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar a span, in ms since the start of the trace, clock skew corrected as in `data`. The black line in the
        bars is the critical path; ✖ is a failed span, ▶ a marked one.

    Raises
    ------
    ValueError
        If `trace_id` is not a trace id.
    """
    forest = forest_of_trace(data, trace_id)
    if forest.size == 0:
        return empty_figure(f"There is no trace {cleaned(trace_id)[:40]} in this export.", _TITLE)
    return trace_waterfall(forest, 0, highlight, spans_at_most=spans_at_most, values=data.shows_values)


def forest_of_trace(data: Dataset, trace_id: str) -> Forest:
    """Return one trace, planted as the whole dataset would be; without a row where it is not there."""
    ground = planting(data)
    return plant(
        data.find_trace(trace_id),
        offsets=None if ground.offsets is None else ground.offsets.offsets,
        window=ground.window,
        adjust_within_ns=ground.adjust_within_ns,
    )


def trace_waterfall(
    forest: Forest,
    trace: int,
    highlight: Iterable[str] = (),
    *,
    spans_at_most: int = SPANS_AT_MOST,
    values: bool = False,
) -> go.Figure:
    """Draw one trace of a forest; as :func:`waterfall`.

    Parameters
    ----------
    forest
        A forest of whole spans: names, services and templates are read from it.
    trace
        Index of the trace in the forest.
    highlight
        Ids of spans to be marked.
    spans_at_most
        Spans drawn at most.
    values
        Show what spans say of their requests, under the pointer.
    """
    return _draw(replace(_Trace.of(forest, trace, highlight, spans_at_most), values=values))


@dataclass(frozen=True)
class _Trace:
    forest: Forest
    rows: range
    trace_id: str
    lines: Sequence[Line]
    marked: frozenset[int]
    sections: Mapping[int, Sequence[tuple[int, int]]]
    exclusive: Mapping[int, int]
    extent: int
    notes: Sequence[str]
    values: bool = False

    @classmethod
    def of(cls, forest: Forest, trace: int, highlight: Iterable[str], spans_at_most: int) -> _Trace:
        """Choose the spans of a trace and find its critical path."""
        rows = range(int(forest.trace_offset[trace]), int(forest.trace_offset[trace + 1]))
        wanted = {text.lower().rjust(16, "0") for text in highlight}
        marked = frozenset(row for row in rows if wanted and forest.span_id(row) in wanted)
        paths = find_paths(forest)
        found = find_sections(paths)
        sections: dict[int, list[tuple[int, int]]] = {}
        for row, begin, end in zip(found.row.tolist(), found.begin.tolist(), found.end.tolist(), strict=True):
            if row in rows:
                sections.setdefault(row, []).append((begin, end))
        exclusive = {row: int(paths.exclusive[row]) for row in rows}
        on_path = {row: exclusive[row] for row in sections}
        chosen = choose(forest, rows, marked, on_path, max(spans_at_most, 1))
        extent = max((int(forest.end[row]) for row in rows if forest.has_time[row]), default=0)
        notes = _notes(forest, rows, wanted, marked, chosen)
        return cls(forest, rows, forest.trace_id(trace), chosen.lines, marked, sections, exclusive, extent, notes)

    def named(self, column: str, row: int) -> str | None:
        """Return a text of a span, None where it is null."""
        codes = self.forest.codes(column)
        code = int(codes.codes[row])
        return codes.values[code] if code >= 0 else None

    def ms(self, time_ns: float) -> float:
        """Return a time in ms, as exact as the figure can show it: more digits would be half of a page."""
        return round(float(time_ns) / 1e6, 3 if self.extent >= 20_000_000 else 6)

    def operation(self, row: int) -> str:
        """Return what a span did, with the values taken out: of a statement its fingerprint, else the operation."""
        if self.named("category", row) == "database" and (template := self.named("template", row)):
            return template
        return self.named("operation", row) or self.named("template", row) or "(no name)"


def _notes(forest: Forest, rows: range, wanted: Collection[str], marked: Collection[int], chosen: Lines) -> list[str]:
    notes = []
    if chosen.hidden:
        text = f"Hidden: {chosen.hidden:,} of {plural(len(rows), 'span')}, those with the least time"
        text += f"; {chosen.hidden_critical:,} of them on the critical path" if chosen.hidden_critical else ""
        text += f"; {chosen.hidden_errors:,} of them failed" if chosen.hidden_errors else ""
        text += f"; {chosen.hidden_highlighted:,} of them marked ▶" if chosen.hidden_highlighted else ""
        notes.append(f"{text}. +n behind a name counts the spans hidden below it.")
    untimed = sum(not forest.has_time[row] for row in rows)
    if untimed:
        notes.append(f"{plural(untimed, 'span')} without a time: no bar, on no path.")
    orphans = sum(bool(forest.orphan[row]) for row in rows)
    if orphans:
        notes.append(f"⚠ {plural(orphans, 'span')} whose parent is missing from the export.")
    missing = len(wanted) - len({forest.span_id(row) for row in marked})
    if missing:
        notes.append(f"{plural(missing, 'span')} to be marked not found in this trace.")
    return notes


def _draw(trace: _Trace) -> go.Figure:
    count = len(trace.lines)
    row_px, size = (22, 12) if count <= 45 else (19, 11) if count <= 110 else (16, 10)
    forest = trace.forest
    services = sorted({trace.named("service", row) or "" for row in trace.rows})
    errors = sum(bool(forest.error[row]) for row in trace.rows)
    root = trace.lines[0].row
    extent = max(trace.extent / 1e6, 1e-6)
    figure = figure_of(
        [
            *_bars(trace, services, extent),
            _path(trace),
            _durations(trace, extent, size),
            _labels(trace, size),
        ],
        title=f"{fitted(trace.named('service', root), 300, 18)}  {fitted(trace.operation(root), 560, 18)}",
        subtitle=(
            f"trace {trace.trace_id}: {plural(len(trace.rows), 'span')}, {plural(len(services), 'service')}, "
            f"{plural(errors, 'failed span')}, {milliseconds(trace.extent / 1e6)}"
        ),
        plot_height_px=count * row_px,
        notes=trace.notes,
        margin={"t": 52},
        showlegend=False,
        barmode="overlay",
        xaxis={
            "domain": [_BARS_FROM, 1],
            "range": [-0.01 * extent, 1.02 * extent],
            "side": "top",
            "title": {"text": "ms since the start of the trace", "font": {"size": 11}, "standoff": 4},
            "nticks": 8,
            "automargin": False,
            "separatethousands": True,
            "exponentformat": "none",
        },
        xaxis2={"domain": [0, _BARS_FROM], "range": [0, _LABEL_PX], "visible": False, "fixedrange": True},
        yaxis={"range": [count - 0.5, -0.5], "visible": False, "anchor": "free"},
        shapes=stripes(trace.lines, trace.marked),
    )
    figure.add_annotation(_key(trace))
    return figure


def _key(trace: _Trace) -> dict[str, Any]:
    words = ["▬ black line: critical path"]
    words += ["✖ failed"] if any(trace.forest.error[line.row] for line in trace.lines) else []
    words += ["▶ marked by the finding"] if trace.marked else []
    return {
        "text": "<br>".join(words),
        "x": 0,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "yshift": 2,
        "showarrow": False,
        "font": {"size": 11, "color": INK},
        "name": "key",
    }


def _bars(trace: _Trace, services: Sequence[str], extent: float) -> list[go.Bar]:
    """Draw a bar a span, one trace of the figure a service."""
    bars = []
    smallest = extent * 1e6 / 600
    for number, service in enumerate(services):
        places = [
            (place, line.row)
            for place, line in enumerate(trace.lines)
            if (trace.named("service", line.row) or "") == service and trace.forest.has_time[line.row]
        ]
        if places:
            error = [bool(trace.forest.error[row]) for _, row in places]
            bars.append(
                go.Bar(
                    orientation="h",
                    base=[trace.ms(trace.forest.start[row]) for _, row in places],
                    x=[trace.ms(max(trace.forest.duration[row], smallest)) for _, row in places],
                    y=[place for place, _ in places],
                    width=_THICKNESS,
                    marker={
                        "color": _FILLS[number % len(_FILLS)],
                        "pattern": {
                            "shape": _PATTERNS[number // len(_FILLS) % len(_PATTERNS)],
                            "fillmode": "overlay",
                            "fgcolor": "#59616a",
                            "fgopacity": 0.55,
                            "size": 5,
                        },
                        "line": {
                            "color": [VERMILION if failed else "#59616a" for failed in error],
                            "width": [2 if failed else 0.5 for failed in error],
                        },
                    },
                    hoverinfo="text",
                    hovertext=[_hover(trace, row) for _, row in places],
                    name=shown(service or None),
                )
            )
    return bars


def _path(trace: _Trace) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for place, line in enumerate(trace.lines):
        for begin, end in pieces(trace.sections.get(line.row, ()), trace.extent // _PIECES):
            x += [trace.ms(begin), trace.ms(end), None]
            y += [place + 0.2, place + 0.2, None]
    stroke = {"color": "#000000", "width": 3}
    return go.Scatter(x=x, y=y, mode="lines", line=stroke, hoverinfo="skip", name="critical path")


def _durations(trace: _Trace, extent: float, size: int) -> go.Scatter:
    """Write the duration beside each bar, on the side where there is room."""
    x: list[float] = []
    text: list[str] = []
    position: list[str] = []
    colour: list[str] = []
    bars_px = (1 - _BARS_FROM) * (DESIGN_WIDTH - 24)
    for line in trace.lines:
        begin, end = trace.ms(trace.forest.start[line.row]), trace.ms(trace.forest.end[line.row])
        said = milliseconds(trace.forest.duration[line.row] / 1e6) if trace.forest.has_time[line.row] else "◇ no time"
        needed = extent * (text_width(said, size) + 10) / bars_px
        right, left = end + needed <= 1.02 * extent, begin >= needed
        x.append(begin if left and not right else end)
        # A hard space on each side keeps the text off the bar.
        text.append(f"\u00a0{said}\u00a0")
        position.append("middle right" if right else "middle left")
        colour.append(INK if right or left else PLATE_INK)
    return go.Scatter(
        x=x,
        y=list(range(len(trace.lines))),
        mode="text",
        text=text,
        textposition=position,
        textfont={"size": size - 1, "color": colour},
        hoverinfo="skip",
        name="durations",
    )


def _labels(trace: _Trace, size: int) -> go.Scatter:
    text = []
    deepest = max(line.depth for line in trace.lines)
    step = min(_INDENT_PX, _DEEPEST_INDENT_PX / max(deepest, 1))
    for line in trace.lines:
        signs = _signs(trace, line)
        more = f" +{line.hidden_below:,}" if line.hidden_below else ""
        room = _LABEL_PX - step * line.depth - text_width(signs + more, size)
        service = cleaned(trace.named("service", line.row))
        service_px = min(text_width(service, size) * 1.06, 0.5 * room)
        operation = fitted(trace.operation(line.row), room - service_px - 8, size)
        text.append(f"{signs}<b>{fitted(service, service_px, size)}</b> {operation}{more}")
    return go.Scatter(
        x=[step * line.depth for line in trace.lines],
        y=list(range(len(trace.lines))),
        xaxis="x2",
        mode="text",
        text=text,
        textposition="middle right",
        textfont={"size": size, "color": INK},
        hoverinfo="text",
        hovertext=[_hover(trace, line.row) for line in trace.lines],
        cliponaxis=True,
        name="spans",
    )


def _signs(trace: _Trace, line: Line) -> str:
    signs = "▶ " if line.row in trace.marked else ""
    signs += "✖ " if trace.forest.error[line.row] else ""
    signs += "⚠ " if trace.forest.orphan[line.row] else ""
    return signs + ("⋯ " if line.parent_hidden else "")


def _values(trace: _Trace, row: int) -> list[str]:
    """Return what a span says of its request, where whoever made the review asked for values to be shown."""
    if not trace.values:
        return []
    texts = {words: trace.named(column, row) for column, words in _VALUES.items()}
    return [f"{words} {shown(text, HOVER_CHARACTERS)}" for words, text in texts.items() if text]


def _hover(trace: _Trace, row: int) -> str:
    forest = trace.forest
    operation, template = trace.operation(row), trace.named("template", row)
    timed = bool(forest.has_time[row])
    start, duration, own = (values[row] / 1e6 for values in (forest.start, forest.duration, forest.self_time))
    exclusive = trace.exclusive.get(row, 0)
    return hover(
        [
            f"<b>{shown(trace.named('service', row), 60)}</b> {shown(operation, HOVER_CHARACTERS)}",
            f"template {shown(template, HOVER_CHARACTERS)}" if template and template != operation else "",
            *_values(trace, row),
            f"kind {shown(trace.named('kind', row) or 'unspecified', 20)}" + (", failed" if forest.error[row] else ""),
            f"from {milliseconds(start)}, duration {milliseconds(duration)}" if timed else "no time recorded",
            f"self time {milliseconds(own)}" if timed else "",
            f"on the critical path {milliseconds(exclusive / 1e6)}" if exclusive else "",
            f"stands for {forest.multiplicity[row]:,} spans" if forest.multiplicity[row] > 1 else "",
            # The figure as a whole names its trace.
            f"span {forest.span_id(row)}",
        ]
    )
