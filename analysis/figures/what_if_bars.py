"""Entry operations before and after a change: how long their requests take, with the interval of the replay."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._text import fitted, hover, plural, shown
from analysis.figures._theme import BLUE, GREY, INK, empty_figure, figure_of

__all__ = ["what_if_bars"]

_TITLE: Final = "What would change"
_MOST: Final = 10
_ROW_PX: Final = 62
_LABEL_PX: Final = 230
_TEXT_PX: Final = 640


def what_if_bars(operations: pd.DataFrame) -> go.Figure:
    """Draw the p95 of entry operations before and after a change.

    Parameters
    ----------
    operations
        ``operations`` of what :func:`analysis.what_if` returns.

    Returns
    -------
    plotly.graph_objects.Figure
        Two bars an entry operation that changes: hatched grey before, blue after, with its 95 % interval. Below them
        stand calls and failures, before and after.
    """
    touched = operations[operations["changed"] > 0]
    if touched.empty:
        return empty_figure("No request changes: the recording holds nothing that the scenario concerns.", _TITLE)
    rows = touched.head(_MOST)
    places = list(range(len(rows)))
    spread = {
        "type": "data",
        "array": (rows["p95_ms_high"] - rows["p95_ms_after"]).clip(lower=0),
        "arrayminus": (rows["p95_ms_after"] - rows["p95_ms_low"]).clip(lower=0),
        "color": INK,
        "thickness": 2,
    }
    texts = [_hover(row) for row in rows.to_dict("records")]
    bars = [
        _bar("before", rows["p95_ms_before"], [place - 0.26 for place in places], texts, GREY, "/"),
        _bar("after", rows["p95_ms_after"], places, texts, BLUE, "").update(error_x=spread),
    ]
    notes = []
    if len(touched) > _MOST:
        notes.append(f"{plural(len(touched) - _MOST, 'more entry operation')} with a smaller change is left out.")
    if untouched := len(operations) - len(touched):
        notes.append(f"{plural(untouched, 'entry operation')} untouched.")
    figure = figure_of(
        bars,
        title=_TITLE,
        subtitle="p95 of the requests of each entry operation, ms; the line is the 95 % interval of the replay",
        plot_height_px=_ROW_PX * len(rows) + 20,
        notes=notes,
        margin={"l": _LABEL_PX, "r": 40, "t": 24, "b": 34},
        barmode="overlay",
        xaxis={"rangemode": "tozero", "ticksuffix": " ms", "fixedrange": True},
        yaxis={
            "tickvals": places,
            "ticktext": [fitted(f"{row.service} {row.operation}", _LABEL_PX - 30, 12) for row in rows.itertuples()],
            "range": [len(rows) - 0.3, -0.6],
            "fixedrange": True,
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
        },
    )
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        figure.add_annotation(
            x=0,
            y=place,
            xanchor="left",
            yshift=-22,
            xshift=2,
            text=fitted(_said(row), _TEXT_PX, 11),
            font={"size": 11, "color": INK},
        )
    return figure


def _bar(name: str, values: Any, places: list[Any], texts: list[str], colour: str, pattern: str) -> go.Bar:
    return go.Bar(
        name=name,
        x=values,
        y=places,
        orientation="h",
        width=0.24,
        marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay"}},
        hovertext=texts,
        hoverinfo="text",
    )


def _said(row: dict[Any, Any]) -> str:
    calls = f"calls {row['calls_before']:,.3g} → {row['calls_after']:,.3g}"
    failed = f"failed {row['error_rate_before']:.1%} → {row['error_rate_after']:.1%}"
    return f"{calls}, {failed}, {row['changed']:,} of {plural(row['requests'], 'request')} changed"


def _hover(row: dict[Any, Any]) -> str:
    lines = [f"<b>{shown(row['service'])} {shown(row['operation'])}</b>", _said(row)]
    for name in ("p50", "p95"):
        before, after, low, high = (row[f"{name}_ms_{end}"] for end in ("before", "after", "low", "high"))
        lines.append(f"{name} {before:,.1f} → {after:,.1f} ms ({low:,.1f} to {high:,.1f})")
    return hover(lines)
