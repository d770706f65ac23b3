"""The attempts of calls in one trace as rungs, with the gaps between them."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from analysis.dataset import Dataset
from analysis.figures._reviewed import milliseconds
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import BLUE, INK, VERMILION, empty_figure, figure_of
from analysis.findings import Finding

__all__ = ["retry_ladder"]

_TITLE: Final = "Attempts"
RUNGS_AT_MOST: Final = 24
_ROW_PX: Final = 34
_LABEL_PX: Final = 240
_COLUMNS: Final = ("trace_id", "span_id", "service", "name", "start_ns", "duration_ns", "status", "error_type")


def retry_ladder(traces: Dataset, finding: Finding, why: str = "worst") -> go.Figure:
    """Draw the attempts that a finding of retries shows, one below the other, on the time of their trace.

    Parameters
    ----------
    traces
        Where the trace is: ``result.traces``, or the dataset that was reviewed.
    finding
        What is shown: one whose exemplars are attempts.
    why
        Which of its exemplars: ``median``, ``worst`` or ``recent``; the first where there is none of this kind.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar is an attempt, ✖ those that failed. The number under an attempt is the gap to the next, from the end of
        the one to the start of the other: gaps that stay the same, or are missing, are no backoff.
    """
    if not finding.exemplars:
        return empty_figure("This finding names no trace.", _TITLE)
    chosen = next((example for example in finding.exemplars if example.why == why), finding.exemplars[0])
    spans = traces.spans(columns=list(_COLUMNS))
    found = spans[(spans["trace_id"] == chosen.trace_id) & spans["span_id"].isin(chosen.span_ids)]
    found = found[found["start_ns"].notna() & found["duration_ns"].notna()]
    rows = found.sort_values(["start_ns", "span_id"], kind="stable").to_dict("records")
    if len(rows) < 2:
        return empty_figure("The trace that shows this finding holds fewer than two attempts with a time.", _TITLE)
    return _draw(finding, chosen.trace_id, rows)


def _draw(finding: Finding, trace_id: str, attempts: list[dict[Any, Any]]) -> go.Figure:
    rows = attempts[:RUNGS_AT_MOST]
    zero = int(rows[0]["start_ns"])
    begins = [(int(row["start_ns"]) - zero) / 1e6 for row in rows]
    lengths = [int(row["duration_ns"]) / 1e6 for row in rows]
    ends = [begin + length for begin, length in zip(begins, lengths, strict=True)]
    failed = [str(row["status"]) == "error" for row in rows]
    gaps = [later - end for end, later in zip(ends, begins[1:], strict=False)]
    whole = max(ends)
    traces: list[Any] = [
        go.Bar(
            x=[max(length, whole * 0.004) for length in lengths],
            base=begins,
            y=list(range(len(rows))),
            orientation="h",
            width=0.5,
            marker={"color": [VERMILION if lost else BLUE for lost in failed], "line": {"width": 0}},
            text=[
                f"{'✖ ' if lost else ''}{milliseconds(length)}" for lost, length in zip(failed, lengths, strict=True)
            ],
            textposition="outside",
            textfont={"color": INK},
            cliponaxis=False,
            hoverinfo="text",
            hovertext=[_hover(number, row, begins[number], lengths[number]) for number, row in enumerate(rows)],
            name="attempts",
        )
    ]
    traces += [
        go.Scatter(
            x=[end, end, later, later],
            y=[number + 0.25, number + 0.5, number + 0.5, number + 0.75],
            mode="lines",
            line={"color": INK, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
            name="gap",
        )
        for number, (end, later) in enumerate(zip(ends, begins[1:], strict=False))
    ]
    notes = [
        f"Under each attempt the gap to the next. Dotted: nobody calls. Trace {trace_id}.",
    ]
    if len(attempts) > len(rows):
        notes.append(f"{len(attempts) - len(rows)} of {plural(len(attempts), 'attempt')} hidden, the last.")
    figure = figure_of(
        traces,
        title=f"{_TITLE}: {shown(str(finding.subject.get('service', '')), 30)} → "
        f"{shown(str(finding.subject.get('target', '')) or 'a callee', 36)}",
        subtitle=(
            f"{plural(len(attempts), 'attempt')}, {sum(failed)} failed; gaps "
            f"{', '.join(milliseconds(gap) for gap in gaps[:6])}{' …' if len(gaps) > 6 else ''}"
        ),
        plot_height_px=len(rows) * _ROW_PX + 10,
        notes=notes,
        margin={"l": _LABEL_PX, "r": 90, "b": 58},
        showlegend=False,
        xaxis={"range": [-0.01 * whole, whole * 1.02], "title": {"text": "ms since the first attempt"}},
        yaxis={
            "tickvals": list(range(len(rows))),
            "ticktext": [f"{number + 1}. {fitted(row['name'], _LABEL_PX - 50, 12)}" for number, row in enumerate(rows)],
            "range": [len(rows) - 0.4, -0.6],
            "showgrid": False,
            "automargin": False,
            "ticklabelstandoff": 6,
        },
    )
    for number, gap in enumerate(gaps):
        figure.add_annotation(
            x=begins[number + 1],
            y=number + 0.5,
            text=f"gap {milliseconds(gap)}" if gap >= 0 else f"overlap {milliseconds(-gap)}",
            xanchor="left" if begins[number + 1] < 0.7 * whole else "right",
            xshift=5 if begins[number + 1] < 0.7 * whole else -5,
            yanchor="middle",
            font={"size": 11, "color": INK},
            name="gap",
        )
    return figure


def _hover(number: int, row: dict[Any, Any], begin: float, length: float) -> str:
    reason = row.get("error_type")
    return hover(
        [
            f"<b>attempt {number + 1} of {shown(row['service'], HOVER_CHARACTERS)}</b>",
            shown(row["name"], HOVER_CHARACTERS),
            f"at {milliseconds(begin)}, {milliseconds(length)}",
            shown(reason, 80) if isinstance(reason, str) else "",
            f"span {shown(row['span_id'], 16)}",
        ]
    )
