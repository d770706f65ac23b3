"""The edges of a service map: lines up to the icons, their heads, and the places where they can be pointed at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._icons import HALF_HEIGHT, HALF_WIDTH
from analysis.figures._map_key import DASHES, EDGE_COLOUR, EDGE_TITLES
from analysis.figures._reviewed import milliseconds, percent, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import BLUE, VERMILION
from analysis.graph import ServiceGraph

__all__ = ["arrow_trace", "edge_traces", "failing", "head_px", "up_to", "way_trace"]

#: Where along an edge it can be pointed at, as shares of its way, and how near one must come.
_POINTED: Final = (0.3, 0.4, 0.5, 0.6, 0.7)
_POINTED_PX: Final = 14
#: Share of failed calls from which an edge is marked; hovering tells smaller ones.
_ERROR_SHARE: Final = 0.01
#: Distance of an arrow from what it points at.
_GAP_PX: Final = 2

Point = tuple[float, float]
Way = tuple[str, str, str]


def _width(calls: int, most: int) -> float:
    return 1.1 + 3.7 * math.log1p(calls) / math.log1p(max(most, 1)) if most > 1 else 2.0


def edge_traces(
    graph: ServiceGraph,
    ways: Mapping[Way, Sequence[Point]],
    marked_pairs: frozenset[tuple[str, str]],
    layer_px: float,
    label_px: Mapping[str, float],
) -> list[go.Scatter]:
    """Return the line of every edge.

    Parameters
    ----------
    graph
        What is drawn.
    ways
        The curve of every edge, in layers and pixels.
    marked_pairs
        Pairs of nodes whose edges are drawn heavier.
    layer_px
        Width of a layer.
    label_px
        How far the label of each node reaches down from its icon.
    """
    most = max((edge["calls"] for _, _, edge in graph.edges(data=True)), default=1)
    traces = []
    for way, points in sorted(ways.items(), key=lambda item: item[0]):
        caller, callee, kind = way
        edge = graph.edges[way]
        marked = (caller, callee) in marked_pairs
        colour = VERMILION if failing(edge) else BLUE if marked else EDGE_COLOUR
        width = _width(edge["calls"], most)
        line = up_to(points, layer_px, label_px[callee])
        traces.append(
            go.Scatter(
                x=[round(x, 4) for x, _ in line],
                y=[round(y, 1) for _, y in line],
                mode="lines",
                line={
                    "color": colour,
                    "width": round(width + (3 if marked else 0), 2),
                    "dash": DASHES.get(kind, "dashdot"),
                    # Thinning the points out makes corners of the curves.
                    "simplify": False,
                    # The arrow takes the end of the line.
                    "backoff": round(0.6 * head_px(width), 1),
                },
                opacity=1.0 if marked else 0.8,
                # Pointed at by the places of `way_trace`: a line's ends lie within its nodes, and would cover them.
                hoverinfo="skip",
                hovertext=_edge_hover(caller, callee, kind, edge),
                name="edge",
            )
        )
    return traces


def up_to(points: Sequence[Point], layer_px: float, label_px: float) -> list[Point]:
    """Return a curve up to the icon at its end, or to the label under that, so that its head is seen."""
    end_x, end_y = points[-1]

    def beyond(point: Point) -> float:
        across, down = abs(point[0] - end_x) * layer_px, point[1] - end_y
        reach = HALF_HEIGHT + _GAP_PX + (label_px if down > 0 else 0)
        return max(across / (HALF_WIDTH + _GAP_PX), abs(down) / reach)

    last = next((at for at in range(len(points) - 1, 0, -1) if beyond(points[at]) > 1), 0)
    (x0, y0), (x1, y1) = points[last], points[min(last + 1, len(points) - 1)]
    outside, inside = beyond(points[last]), beyond((x1, y1))
    share = (outside - 1) / (outside - inside) if outside > 1 > inside else 1.0
    return [*points[: last + 1], (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)]


def head_px(width: float) -> float:
    return 8 + 1.3 * width


def arrow_trace(edges: Sequence[go.Scatter]) -> go.Scatter:
    """Return the heads of all edges: of each the last two points, of which the last bears the arrow."""
    heads = [round(head_px(edge.line.width), 1) for edge in edges]
    return go.Scatter(
        x=[x for edge in edges for x in (*edge.x[-2:], None)],
        y=[y for edge in edges for y in (*edge.y[-2:], None)],
        mode="markers",
        marker={
            "symbol": "arrow",
            "angleref": "previous",
            "size": [size for head in heads for size in (0, head, 0)],
            "color": [edge.line.color for edge in edges for _ in range(3)],
            "line": {"width": 0},
            "opacity": [seen for edge in edges for seen in (0, edge.opacity, 0)],
        },
        hoverinfo="skip",
        name="arrows",
    )


def way_trace(edges: Sequence[go.Scatter]) -> go.Scatter:
    """Return places along the middle of every edge that can be pointed at."""
    places = [(edge, round(share * (len(edge.x) - 1))) for edge in edges for share in _POINTED]
    return go.Scatter(
        x=[edge.x[at] for edge, at in places],
        y=[edge.y[at] for edge, at in places],
        mode="markers",
        marker={"size": _POINTED_PX, "opacity": 0},
        hoverinfo="text",
        hovertext=[edge.hovertext for edge, _ in places],
        name="ways",
    )


def failing(edge: Mapping[str, Any]) -> bool:
    return bool(edge["errors"] >= _ERROR_SHARE * edge["calls"] and edge["errors"] > 0)


def _edge_hover(caller: str, callee: str, kind: str, edge: Mapping[str, Any]) -> str:
    kind_words = EDGE_TITLES.get(kind, shown(kind))
    return hover(
        [
            f"<b>{shown(caller, HOVER_CHARACTERS)} → {shown(callee, HOVER_CHARACTERS)}</b>",
            f"{plural(edge['calls'], 'call')} in {plural(edge['traces'], 'trace')}, {kind_words}",
            f"errors: {edge['errors']:,} ({percent(edge['errors'], edge['calls'])})",
            f"p50 {milliseconds(edge['p50_ms'])}, p95 {milliseconds(edge['p95_ms'])}",
            *trace_lines(edge["exemplars"])[1:],
        ]
    )
