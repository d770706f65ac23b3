"""Draw how far a failure reaches: places shaded by what would fail there, and the ways that it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._icons import HALF_HEIGHT, HALF_WIDTH, icon
from analysis.figures._map_drawing import Box, Point, Scale, curve, free_place
from analysis.figures._map_edges import arrow_trace, head_px, up_to, way_trace
from analysis.figures._text import cleaned, text_width, wrapped
from analysis.figures._theme import GREY, PLATE, PLATE_INK, PLATE_LINE, VERMILION, figure_of
from analysis.graph import layered

__all__ = ["Place", "Way", "draw_reach"]

_ROW_PX: Final = 96
_NAME_SIZE, _LINE_SIZE, _MARK_SIZE = 12, 11, 11
#: Room under the lowest names for what is said below them.
_LINES_PX: Final = 34
#: From what does not fail to what all fails; names and numbers stand beside, so that it reads without colour.
_SHADES: Final = ((253, 243, 225), (226, 122, 52))
_FAILED_FILL: Final = "#f6c9b5"
_PALE: Final = 0.35
_TRAVELS: Final = "#8a4b12"


@dataclass(frozen=True)
class Place:
    """What stands at a node.

    Attributes
    ----------
    name
        As recorded; made safe here.
    kind
        Of its icon.
    share
        Which part of what passes here would fail (0..1); None where the failure does not come.
    lines
        Under the name; safe.
    hover
        Safe.
    failed
        Whether it is what fails.
    """

    name: str
    kind: str
    share: float | None
    lines: tuple[str, ...]
    hover: str
    failed: bool = False


@dataclass(frozen=True)
class Way:
    """An edge from who calls to who is called.

    Attributes
    ----------
    travels
        Whether the failure comes this way, from the callee to the caller.
    width
        Of the line, in pixels.
    dash
        Of the line.
    marks
        What is written on it, the longest first: the first that finds room is; safe.
    hover
        Safe.
    """

    travels: bool
    width: float
    dash: str
    marks: tuple[str, ...]
    hover: str


def draw_reach(
    places: Mapping[str, Place],
    ways: Mapping[tuple[str, str], Way],
    *,
    title: str,
    subtitle: str,
    notes: Sequence[str],
) -> go.Figure:
    """Draw places in layers, callers to the left of what they call.

    Parameters
    ----------
    places, ways
        By node, and by caller and callee.
    title, subtitle, notes
        Safe texts.
    """
    layout = layered(sorted(places), dict.fromkeys(ways, 1.0))
    scale = Scale(layout, _ROW_PX)
    at = {node: scale(place) for node, place in layout.places.items()}
    taken = [box for node in sorted(places) for box in _boxes(places[node], at[node], scale)]
    lines, marks = [], []
    for pair in sorted(ways, key=lambda pair: (ways[pair].travels, pair)):
        points = curve([scale(point) for point in layout.routes[pair]])
        lines.append(_line(ways[pair], points, scale.layer_px, _reach_down(places[pair[1]], scale)))
        marks += _mark(ways[pair].marks, points, scale, taken)
    shapes = [shape for node in sorted(places) for shape in _icon(places[node], at[node])]
    pointed = [line for line in lines if line.hovertext]
    figure = figure_of(
        [*lines, arrow_trace(lines), way_trace(pointed), _points(places, at)],
        title=title,
        subtitle=subtitle,
        plot_height_px=scale.height_px + _LINES_PX,
        notes=notes,
        xaxis={"visible": False, "range": [-0.5, scale.layer_count - 0.4]},
        yaxis={"visible": False, "range": [scale.height_px + _LINES_PX, 0]},
        showlegend=False,
        shapes=shapes,
    )
    labels = [_label(places[node], at[node], scale) for node in sorted(places)]
    figure.update_layout(annotations=[*figure.layout.annotations, *marks, *labels])
    return figure


def _line(way: Way, points: Sequence[Point], layer_px: float, label_px: float) -> go.Scatter:
    line = up_to(points, layer_px, label_px)
    return go.Scatter(
        x=[round(x, 4) for x, _ in line],
        y=[round(y, 1) for _, y in line],
        mode="lines",
        line={
            "color": _TRAVELS if way.travels else GREY,
            "width": round(way.width, 2),
            "dash": way.dash,
            "simplify": False,
            "backoff": round(0.6 * head_px(way.width), 1),
        },
        opacity=0.9 if way.travels else _PALE,
        hoverinfo="skip",
        hovertext=way.hover,
        name="travels" if way.travels else "other",
    )


def _mark(texts: Sequence[str], points: Sequence[Point], scale: Scale, taken: list[Box]) -> list[dict[str, Any]]:
    """Write the first text that finds room on an edge, else the shortest where it stands best."""
    for number, text in enumerate(texts):
        (x, y), fits = free_place(points, text_width(text, _MARK_SIZE) + 6, scale, taken)
        if fits or number == len(texts) - 1:
            return [
                {
                    "x": x,
                    "y": y,
                    "text": text,
                    "showarrow": False,
                    "font": {"size": _MARK_SIZE, "color": PLATE_INK},
                    "bgcolor": PLATE,
                    "bordercolor": PLATE_LINE,
                    "borderwidth": 1,
                    "borderpad": 1,
                    "captureevents": False,
                    "name": "tolerance",
                }
            ]
    return []


def _icon(place: Place, at: Point) -> list[dict[str, Any]]:
    shapes = icon(place.kind, *at, emphasis=place.failed)
    for shape in shapes:
        if shape["fillcolor"] != "rgba(0,0,0,0)":
            shape["fillcolor"] = _fill(place)
        if place.failed:
            shape["line"] = {"color": VERMILION, "width": 4}
        elif place.share is None:
            shape["opacity"] = _PALE
    return shapes


def _fill(place: Place) -> str:
    if place.failed:
        return _FAILED_FILL
    if place.share is None:
        return PLATE
    parts = [round(low + (high - low) * min(1.0, place.share)) for low, high in zip(*_SHADES, strict=True)]
    return "rgb({},{},{})".format(*parts)


def _name(place: Place, scale: Scale) -> str:
    name = wrapped(place.name, scale.label_px, _NAME_SIZE)
    return f"<b>{name}</b>" if place.failed else name


def _reach_down(place: Place, scale: Scale) -> float:
    """Return how far the label of a place reaches down from its icon."""
    lines = 1 + _name(place, scale).count("<br>")
    return 5 + lines * (_NAME_SIZE + 3) + len(place.lines) * (_LINE_SIZE + 3)


def _boxes(place: Place, at: Point, scale: Scale) -> list[Box]:
    """Return what a place covers, in pixels: its icon and its label."""
    middle, y = at[0] * scale.layer_px, at[1]
    widths = [min(text_width(cleaned(place.name)[:60], _NAME_SIZE), scale.label_px)]
    half = max([*widths, *(text_width(line, _LINE_SIZE) for line in place.lines)]) / 2
    return [
        (middle - HALF_WIDTH, y - HALF_HEIGHT, middle + HALF_WIDTH, y + HALF_HEIGHT),
        (middle - half, y + HALF_HEIGHT, middle + half, y + HALF_HEIGHT + _reach_down(place, scale)),
    ]


def _label(place: Place, at: Point, scale: Scale) -> dict[str, Any]:
    said = "<br>".join(place.lines)
    pale = place.share is None and not place.failed
    return {
        "x": at[0],
        "y": at[1],
        "yshift": -HALF_HEIGHT - 3,
        "yanchor": "top",
        "text": _name(place, scale) + (f'<br><span style="font-size:{_LINE_SIZE}px">{said}</span>' if said else ""),
        "showarrow": False,
        "font": {"size": _NAME_SIZE, "color": PLATE_INK},
        "bgcolor": "rgba(247,248,250,0.86)",
        "borderpad": 0,
        "opacity": 0.62 if pale else 1.0,
        "name": "label",
    }


def _points(places: Mapping[str, Place], at: Mapping[str, Point]) -> go.Scatter:
    nodes = sorted(places)
    return go.Scatter(
        x=[at[node][0] for node in nodes],
        y=[at[node][1] for node in nodes],
        mode="markers",
        marker={"symbol": "square", "size": 2 * HALF_WIDTH, "opacity": 0},
        hoverinfo="text",
        hovertext=[places[node].hover for node in nodes],
        customdata=[places[node].name for node in nodes],
        name="nodes",
    )
