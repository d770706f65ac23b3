"""Instability against the data that a service holds: who many depend on, and who is hard to change."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from analysis.contexts import service_measures
from analysis.figures._point_labels import SIZE_PX, Placed, Point, placed
from analysis.figures._reviewed import Reviewed, fact
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import BLUE, DESIGN_WIDTH, FAINT, GREY, INK, annotate, empty_figure, figure_of

__all__ = ["stability_scatter"]

_TITLE: Final = "Stability and data"
_HEIGHT_PX: Final = 430
#: Services that stand on one spot: their names are put together.
_SPOT: Final = 0.06
_NAMED: Final = 5
#: What the axes show, with room for dots and their names.
_ACROSS: Final = (-0.06, 1.12)
_UP: Final = (-0.1, 1.14)
_MARGIN: Final = {"l": 60, "r": 24, "t": 8, "b": 72}


def stability_scatter(result: Reviewed) -> go.Figure:
    """Draw services by their instability and the share of their visits that touch data.

    Parameters
    ----------
    result
        A review: its ``calls``, ``coverage`` and ``passages`` facts.

    Returns
    -------
    plotly.graph_objects.Figure
        On the line a service holds as much data as it is free to change. Far above on the left stand services that many
        depend on and that hold the data: each change hurts. The larger a dot, the more services call it.
    """
    if fact(result, "calls") is None or fact(result, "passages") is None:
        return empty_figure("No call between services was seen: stability says nothing.", _TITLE)
    table = service_measures(result.facts)
    rows: list[Mapping[Any, Any]] = [
        row
        for row in table.to_dict("records")
        if not math.isnan(row["instability"]) and not math.isnan(row["concreteness"])
    ]
    if not rows:
        return empty_figure("No service calls another: stability says nothing.", _TITLE)
    spots = _spots(rows)
    line = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dash"},
        hoverinfo="skip",
        name="balance",
    )
    dots = go.Scatter(
        x=[row["instability"] for row in rows],
        y=[row["concreteness"] for row in rows],
        mode="markers",
        marker={
            "size": [_diameter(row) for row in rows],
            "color": BLUE,
            "opacity": 0.75,
            "line": {"color": "#ffffff", "width": 1},
        },
        hovertext=[_hover(row) for row in rows],
        hoverinfo="text",
        name="services",
    )
    labels = _labels(spots)
    left = len(table) - len(rows)
    notes = [
        "Instability: callees by callers and callees. 0: others depend on it; 1: it depends on others only.",
        "The larger a dot, the more services call it. On the line: as free to change as it is busy with data.",
        "Top left: stable and full of data, so each change hurts many. Bottom right: gateways, whose part that is.",
    ]
    if left:
        notes.append(f"{plural(left, 'service')} not drawn: neither called by another nor calling one.")
    if nameless := len(spots) - len(labels):
        notes.append(f"Without a name for want of room, which the pointer tells: {plural(nameless, 'spot')}.")
    figure = figure_of(
        [line, dots],
        title=_TITLE,
        subtitle=f"{plural(len(rows), 'service')}; after Martin, with data for what is concrete",
        plot_height_px=_HEIGHT_PX,
        notes=notes,
        margin=dict(_MARGIN),
        showlegend=False,
        xaxis={
            "title": {"text": "instability"},
            "range": list(_ACROSS),
            "gridcolor": FAINT,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
        yaxis={
            "title": {"text": "visits with data"},
            "range": list(_UP),
            "gridcolor": FAINT,
            "tickformat": ".0%",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
    )
    annotate(figure, labels)
    return figure


def _diameter(row: Mapping[Any, Any]) -> int:
    return 9 + 3 * min(int(row["ais"]), 8)


def _spots(rows: Sequence[Mapping[Any, Any]]) -> list[tuple[tuple[float, float], list[Mapping[Any, Any]]]]:
    """Put services together that stand on one spot, the stablest first."""
    found: dict[tuple[float, float], list[Mapping[Any, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["instability"], row["concreteness"], row["service"])):
        place = (float(row["instability"]), float(row["concreteness"]))
        near = next(
            (spot for spot in found if abs(spot[0] - place[0]) < _SPOT and abs(spot[1] - place[1]) < _SPOT), place
        )
        found[near].append(row)
    return list(found.items())


def _labels(spots: Sequence[tuple[tuple[float, float], list[Mapping[Any, Any]]]]) -> list[dict[str, Any]]:
    """Return a label for each spot that has room for one; where most services stand, or most depend, comes first."""
    ordered = sorted(spots, key=lambda spot: (-len(spot[1]), -max(int(row["ais"]) for row in spot[1]), spot[0]))
    width = DESIGN_WIDTH - _MARGIN["l"] - _MARGIN["r"]
    points = [
        Point(
            (x - _ACROSS[0]) / (_ACROSS[1] - _ACROSS[0]) * width,
            (y - _UP[0]) / (_UP[1] - _UP[0]) * _HEIGHT_PX,
            max(_diameter(row) for row in rows) / 2,
            _lines([str(row["service"]) for row in rows]),
        )
        for (x, y), rows in ordered
    ]
    places = placed(points, width, _HEIGHT_PX)
    return [
        _label(spot, point, place)
        for (spot, _), point, place in zip(ordered, points, places, strict=True)
        if place is not None
    ]


def _lines(names: Sequence[str]) -> tuple[str, ...]:
    lines = [shown(name, 22) for name in names[:_NAMED]]
    return (*lines, f"and {len(names) - _NAMED} more") if len(names) > _NAMED else tuple(lines)


def _label(spot: tuple[float, float], point: Point, place: Placed) -> dict[str, Any]:
    label: dict[str, Any] = {
        "x": spot[0],
        "y": spot[1],
        "text": "<br>".join(point.lines),
        "font": {"size": SIZE_PX, "color": INK},
        "yanchor": "middle",
        "name": "label",
    }
    if not place.beside:
        lead = {"ax": place.x, "ay": -place.y, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": GREY}
        return label | lead | {"showarrow": True, "xanchor": "center"}
    # Widths are estimates: beside its point a label begins, or ends, at a known distance.
    right = place.x > 0
    edge = point.radius + 6
    return label | {
        "showarrow": False,
        "xanchor": "left" if right else "right",
        "align": "left" if right else "right",
        "xshift": edge if right else -edge,
        "yshift": place.y,
    }


def _hover(row: Mapping[Any, Any]) -> str:
    return hover(
        [
            f"<b>{shown(row['service'], HOVER_CHARACTERS)}</b>",
            f"called by {plural(int(row['ais']), 'service')}, calls {row['ads']:,} (criticality {row['acs']:,})",
            f"instability {row['instability']:.2f}, visits with data {row['concreteness']:.0%}",
            f"{plural(int(row['visits']), 'visit')}, {row['distance']:.2f} off the line",
        ]
    )
