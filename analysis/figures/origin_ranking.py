"""Where an incident began: services by the requests that were lost to them, with what speaks for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._text import fitted, hover, plural, shown
from analysis.figures._theme import BLUE, INK, VERMILION, empty_figure, figure_of

__all__ = ["origin_ranking"]

_TITLE: Final = "Where the incident began"
_MOST: Final = 8
_ROW_PX: Final = 58
_LABEL_PX: Final = 190
_TEXT_PX: Final = 720


def origin_ranking(ranked: pd.DataFrame | None) -> go.Figure:
    """Draw services by the part of an incident's requests that was lost to what changed there.

    Parameters
    ----------
    ranked
        What :func:`analysis.origins` returns; None where no incident is named.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar a service, best first; below each bar stands the strongest evidence, before and during. The first is
        marked and hatched.
    """
    if ranked is None:
        return empty_figure(
            "No incident is named, or only a saved review is given, which keeps no recording: set source and incident.",
            _TITLE,
        )
    if ranked.empty:
        return empty_figure("Nothing changed by more than chance: no service stands out.", _TITLE)
    rows = ranked.head(_MOST)
    places = list(range(len(rows)))
    notes = [] if len(ranked) <= _MOST else [f"{plural(len(ranked) - _MOST, 'more service')} with less is left out."]
    figure = figure_of(
        # A trace for each colour: Plotly hatches no bar of a trace that has several.
        [_bars(rows[:1], places[:1], VERMILION, "/"), *([_bars(rows[1:], places[1:], BLUE)] if len(rows) > 1 else [])],
        title=_TITLE,
        subtitle="part of the requests passing a service that failed or were late for what changed there",
        plot_height_px=_ROW_PX * len(rows) + 20,
        notes=notes,
        margin={"l": _LABEL_PX, "r": 70, "b": 34},
        barmode="overlay",
        showlegend=False,
        xaxis={"tickformat": ".0%", "rangemode": "tozero", "fixedrange": True},
        yaxis={
            "tickvals": places,
            "ticktext": [fitted(f"{row.rank}  {row.service}", _LABEL_PX - 30, 13) for row in rows.itertuples()],
            "range": [len(rows) - 0.4, -0.6],
            "fixedrange": True,
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
        },
    )
    for place, evidence in zip(places, rows["evidence"], strict=True):
        figure.add_annotation(
            x=0,
            y=place,
            xanchor="left",
            yshift=-24,
            xshift=2,
            text=fitted(_said(evidence[0]), _TEXT_PX, 11),
            font={"size": 11, "color": INK},
        )
    return figure


def _said(piece: dict[str, Any]) -> str:
    during = f"{piece['during']:,.4g}"
    return (
        f"{piece['measure']}: {during}"
        if piece["before"] is None
        else f"{piece['measure']}: {piece['before']:,.4g} → {during}"
    )


def _bars(rows: pd.DataFrame, places: Sequence[int], colour: str, hatch: str = "") -> go.Bar:
    return go.Bar(
        y=places,
        x=rows["score"],
        orientation="h",
        width=0.42,
        marker={"color": colour, "pattern": {"shape": hatch, "fillmode": "overlay"}},
        hovertext=[_hover(row) for row in rows.to_dict("records")],
        hoverinfo="text",
        cliponaxis=False,
        text=[f"{score:.1%}" for score in rows["score"]],
        textposition="outside",
    )


def _hover(row: dict[Any, Any]) -> str:
    lines = [f"<b>{shown(row['service'])}</b>, most at {shown(row['operation'])}"]
    return hover([*lines, *(shown(_said(piece), 140) for piece in row["evidence"][:6])])
