"""Log correlation: for each service, how many of its log records lead to a trace."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed, fact
from analysis.figures._text import plural, shown
from analysis.figures._theme import GREEN, GREY, INK, ORANGE, SKY, empty_figure, figure_of

__all__ = ["log_correlation"]

#: Most services drawn; those with the most records.
_ROWS: Final = 40
_ROW_PX: Final = 26
_LABEL_PX: Final = 190
_COUNT_PX: Final = 130
#: A part narrower than this, in per cent, has no room for its number.
_NARROW: Final = 6.0
#: What a record can be, with colour and hatching, so that parts are told apart without colour too.
_PARTS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("joined", "its trace is in the export", GREEN, ""),
    ("by_request", "its request id is one trace's", SKY, "\\"),
    ("unknown", "names a trace that is not in the export", ORANGE, "/"),
    ("unnamed", "names no trace", GREY, "."),
)
_TITLE: Final = "Log correlation"


def log_correlation(result: Reviewed) -> go.Figure:
    """Draw for each service which of its log records lead to a trace.

    Parameters
    ----------
    result
        A review (the fact ``log_lines``).

    Returns
    -------
    plotly.graph_objects.Figure
        A bar a service, in parts of its log records; the services with the largest share without a trace first.
    """
    lines = fact(result, "log_lines")
    if lines is None:
        return empty_figure("The export holds no log records, so none can lead to a trace.", _TITLE)
    rows, hidden = _rows(lines)
    labels = [shown(service, 26) for service in rows.index]
    # Few exports have request ids: the part is drawn, and named, where there is any of it.
    drawn = [part for part in _PARTS if part[0] != "by_request" or int(rows["by_request"].sum())]
    traces = [_bars(rows, labels, *part) for part in drawn]
    total = int(rows["lines"].sum())
    notes = ["Lines of starting and stopping are counted too: they belong to no request."]
    if hidden:
        notes.insert(0, f"{plural(hidden, 'service')} with fewer records hidden.")
    figure = figure_of(
        traces,
        title=_TITLE,
        subtitle=f"{plural(total, 'log record')} of {plural(len(rows), 'service')}, by what they lead to; per cent",
        plot_height_px=max(2, len(rows)) * _ROW_PX + 20,
        notes=notes,
        # A fourth part makes the legend two lines high.
        margin={"l": _LABEL_PX, "r": _COUNT_PX, "t": 26 if len(drawn) < len(_PARTS) else 48, "b": 30},
        barmode="stack",
        bargap=0.25,
        showlegend=True,
        legend={"traceorder": "normal", "y": 1, "yanchor": "bottom"},
        xaxis={"range": [0, 100], "ticksuffix": " %", "fixedrange": True},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": labels,
            "range": [max(2, len(rows)) - 0.5, -0.5],
            "fixedrange": True,
            "showgrid": False,
        },
    )
    for place, number in enumerate(rows["lines"].tolist()):
        figure.add_annotation(
            text=plural(number, "record"),
            name="count",
            x=1,
            xref="paper",
            y=place,
            xanchor="left",
            xshift=8,
            font={"size": 12, "color": INK},
        )
    return figure


def _rows(lines: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return a row a service with its parts, and how many services were left out."""
    total = lines.groupby("service", sort=True)[["lines", "named", "joined", "by_request"]].sum()
    kept = total.sort_values("lines", ascending=False, kind="stable").head(_ROWS)
    parts = pd.DataFrame(
        {
            "lines": kept["lines"],
            "joined": kept["joined"],
            "unknown": kept["named"] - kept["joined"],
            "by_request": kept["by_request"],
            "unnamed": kept["lines"] - kept["named"] - kept["by_request"],
        }
    )
    parts["lost"] = parts["unnamed"] / parts["lines"]
    parts = parts.reset_index().sort_values(["lost", "lines", "service"], ascending=[False, False, True])
    return parts.set_index("service"), len(total) - len(kept)


def _bars(rows: pd.DataFrame, labels: list[str], part: str, name: str, colour: str, hatching: str) -> Any:
    share = 100 * rows[part] / rows["lines"]
    # Rounded down: only all is 100 %.
    said = [f"{int(value)} %" if value >= _NARROW else "" for value in share]
    hover = [
        f"<b>{label}</b><br>{plural(int(number), 'log record')} of {total:,}: {name}"
        for label, number, total in zip(labels, rows[part], rows["lines"], strict=True)
    ]
    return go.Bar(
        y=list(range(len(rows))),
        x=share.tolist(),
        orientation="h",
        name=name,
        text=said,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"size": 12, "color": "#16191d"},
        hovertext=hover,
        hoverinfo="text",
        marker={
            "color": colour,
            "pattern": {"shape": hatching, "bgcolor": colour, "fgcolor": "#ffffff", "fgopacity": 0.5, "size": 6},
            "line": {"width": 0},
        },
    )
