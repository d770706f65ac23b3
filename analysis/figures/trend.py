"""Reviews one after the other: how many findings of each severity, and what they cost."""

from __future__ import annotations

from typing import Final, Protocol

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._text import plural
from analysis.figures._theme import INK, empty_figure, figure_of

__all__ = ["trend"]

_TITLE: Final = "From review to review"
#: The gravest lowest and darkest: an order that grey keeps, with a pattern each.
_SEVERITIES: Final = (
    ("high", "#8c1d18", ""),
    ("medium", "#dda36a", "/"),
    ("low", "#e8d59a", "."),
    ("info", "#e4e8ec", ""),
)
_HEIGHT_PX: Final = 260


class Reviews(Protocol):
    """A history: one row a review."""

    @property
    def trend(self) -> pd.DataFrame:
        """Columns last, traces, high, medium, low, info, requests, total_ms_per_trace."""


def trend(history: Reviews) -> go.Figure:
    """Draw what became of the findings from review to review.

    Parameters
    ----------
    history
        Reviews one after the other (:func:`analysis.open_history`).

    Returns
    -------
    plotly.graph_objects.Figure
        A column a review, its findings by severity, the gravest lowest; the line is the time that findings cost, for
        each trace, on the scale at the right.
    """
    rows = history.trend
    if rows.empty:
        return empty_figure("No review was added to the history yet.", _TITLE)
    labels = [f"{str(last)[:16].replace('T', ' ') or 'unknown'}" for last in rows["last"]]
    places = list(range(len(rows)))
    bars = [
        go.Bar(
            x=places,
            y=rows[severity].tolist(),
            name=severity,
            marker={"color": colour, "pattern": {"shape": shape}, "line": {"color": INK, "width": 0.5}},
            hovertemplate=f"%{{y}} {severity}<extra></extra>",
        )
        for severity, colour, shape in _SEVERITIES
    ]
    line = go.Scatter(
        x=places,
        y=rows["total_ms_per_trace"].round(3).tolist(),
        name="time that findings cost, ms a trace (right)",
        mode="lines+markers",
        yaxis="y2",
        line={"color": "#0072B2", "width": 2.5},
        marker={"size": 8},
        hovertext=[
            f"{label} UTC<br>{plural(int(traces), 'trace')}<br>{cost:,.1f} ms a trace"
            f"<br>{plural(int(requests), 'failed request')}"
            for label, traces, cost, requests in zip(
                labels, rows["traces"], rows["total_ms_per_trace"], rows["requests"], strict=True
            )
        ],
        hoverinfo="text",
    )
    shown = max(1, -(-len(rows) // 12))
    return figure_of(
        [*bars, line],
        title=_TITLE,
        subtitle=f"{plural(len(rows), 'review')}; columns count findings, the gravest lowest",
        plot_height_px=_HEIGHT_PX,
        margin={"t": 30, "l": 48, "r": 60, "b": 34},
        barmode="stack",
        bargap=0.45,
        xaxis={
            "tickmode": "array",
            "tickvals": places[::shown],
            "ticktext": labels[::shown],
            "range": [-0.6, max(len(rows) - 0.4, 1.6)],
        },
        yaxis={"title": {"text": "findings"}, "rangemode": "tozero"},
        yaxis2={
            "title": {"text": "ms a trace"},
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            # Of its own accord it would take the places of the left scale, at which stand odd numbers of this one.
            "tickmode": "auto",
        },
    )
