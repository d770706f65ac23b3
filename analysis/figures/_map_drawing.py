"""Draw a service graph that has been chosen: places, curves, icons, labels, badges and the key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._icons import HALF_HEIGHT, HALF_WIDTH, KIND_TITLES, icon
from analysis.figures._map_badges import Badge, Box, badges, overlap
from analysis.figures._map_edges import arrow_trace, edge_traces, failing, way_trace
from analysis.figures._map_key import key, key_px
from analysis.figures._reviewed import SEVERITIES, percent, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown, text_width, wrapped
from analysis.figures._theme import DESIGN_WIDTH, PLATE, PLATE_INK, PLATE_LINE, VERMILION, figure_of
from analysis.graph import Layout, ServiceGraph, layered
from analysis.graph.service import pair_weights

__all__ = ["Box", "Drawing", "Point", "Scale", "curve", "draw", "free_place"]

_ROW_PX: Final = 68
_LABEL_SIZE: Final = 12
#: Points along one step of a curve; hovering finds the edge at each of them.
_CURVE_POINTS: Final = 16
#: Distance between edges of one pair of nodes.
_SIDE_BY_SIDE_PX: Final = 8

Point = tuple[float, float]


@dataclass(frozen=True)
class Drawing:
    """A graph to be drawn as it is, with what is to be said of it."""

    graph: ServiceGraph
    findings: Mapping[str, Mapping[str, int]]
    marked_nodes: frozenset[str]
    marked_pairs: frozenset[tuple[str, str]]
    circles: Sequence[tuple[str, ...]]
    title: str
    subtitle: str
    notes: Sequence[str]


def draw(drawing: Drawing) -> go.Figure:
    """Draw the graph in layers from left to right."""
    layout = layered(drawing.graph, pair_weights(drawing.graph))
    scale = Scale(layout)
    ways = _ways(drawing.graph, layout, scale)
    boxes = {node: scale.boxes(node, place) for node, place in sorted(layout.places.items())}
    found = badges({node: scale.middle(place) for node, place in layout.places.items()}, drawing.findings, boxes)
    taken = [*(box for covered in boxes.values() for box in covered), *(badge.box for badge in found.values())]
    marks = _edge_marks(drawing, ways, scale, taken)
    edges = edge_traces(drawing.graph, ways, drawing.marked_pairs, scale.layer_px, scale.labels(drawing.graph))
    figure = figure_of(
        [*edges, arrow_trace(edges), way_trace(edges), _node_trace(drawing, scale, layout)],
        title=drawing.title,
        subtitle=drawing.subtitle,
        plot_height_px=scale.height_px,
        notes=drawing.notes,
        margin={"t": key_px(drawing.graph) + 8},
        xaxis={"visible": False, "range": [-0.5, scale.layer_count - 0.4]},
        yaxis={"visible": False, "range": [scale.height_px, 0]},
        showlegend=False,
    )
    shapes, labels = _nodes(drawing, layout, scale, found)
    failures = any(failing(edge) for _, _, edge in drawing.graph.edges(data=True))
    key_shapes, key_labels = key(drawing.graph, badges=bool(found), failures=failures)
    figure.update_layout(
        shapes=[*shapes, *key_shapes], annotations=[*figure.layout.annotations, *marks, *labels, *key_labels]
    )
    return figure


class Scale:
    """From layers and rows to axis units: x in layers, y in pixels downwards."""

    def __init__(self, layout: Layout, row_px: float = _ROW_PX) -> None:
        self.layer_count = max(layout.layer_count, 2)
        self.layer_px = (DESIGN_WIDTH - 24) / self.layer_count
        self.row_px = row_px
        self.height_px = layout.row_span * row_px + 2 * (HALF_HEIGHT + 32)

    def __call__(self, place: Point) -> Point:
        return place[0], HALF_HEIGHT + 26 + place[1] * self.row_px

    @property
    def label_px(self) -> float:
        return min(self.layer_px - 10, 170)

    def label_down_px(self, node: str) -> float:
        """Return how far the label of a node reaches down from its icon."""
        lines = 2 if text_width(node[:60], _LABEL_SIZE) > self.label_px else 1
        return 5 + lines * (_LABEL_SIZE + 3)

    def labels(self, nodes: Iterable[str]) -> dict[str, float]:
        """Return the same for every node."""
        return {node: self.label_down_px(node) for node in nodes}

    def middle(self, place: Point) -> Point:
        """Return the middle of the icon of a node, in pixels."""
        x, y = self(place)
        return x * self.layer_px, y

    def boxes(self, node: str, place: Point) -> list[Box]:
        """Return what a node covers, in pixels: its icon and its label."""
        middle, y = self.middle(place)
        half = min(text_width(node[:60], _LABEL_SIZE), self.label_px) / 2
        label_end = y + HALF_HEIGHT + self.label_down_px(node)
        return [
            (middle - HALF_WIDTH, y - HALF_HEIGHT, middle + HALF_WIDTH, y + HALF_HEIGHT),
            (middle - half, y + HALF_HEIGHT, middle + half, label_end),
        ]


def _ways(graph: ServiceGraph, layout: Layout, scale: Scale) -> dict[tuple[str, str, str], list[Point]]:
    """Return the curve of every edge in axis units; edges of one pair of nodes run side by side."""
    beside: dict[tuple[str, ...], list[tuple[str, str, str]]] = defaultdict(list)
    for edge in sorted(graph.edges(keys=True)):
        beside[tuple(sorted(edge[:2]))].append(edge)
    ways = {}
    for edges in beside.values():
        for position, edge in enumerate(edges):
            offset = (position - (len(edges) - 1) / 2) * _SIDE_BY_SIDE_PX
            points = [scale(point) for point in layout.routes[edge[0], edge[1]]]
            ways[edge] = curve([(x, y + offset) for x, y in points])
    return ways


def curve(points: Sequence[Point]) -> list[Point]:
    """Join points by a smooth curve that leaves and arrives level and turns back nowhere between two points.

    Cubic pieces with the slopes of Fritsch and Butland (1984).
    """
    slopes = [(y1 - y0) / ((x1 - x0) or 1.0) for (x0, y0), (x1, y1) in pairwise(points)]
    inner = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in pairwise(slopes)]
    tangents = [0.0, *inner, 0.0]
    curve = [points[0]]
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        width = x1 - x0
        for step in range(1, _CURVE_POINTS + 1):
            t = step / _CURVE_POINTS
            start, end = (1 - t) ** 2 * t * width * tangents[index], (1 - t) * t**2 * width * tangents[index + 1]
            ease = t * t * (3 - 2 * t)
            curve.append((x0 + width * t, y0 + (y1 - y0) * ease + start - end))
    return curve


def _edge_marks(
    drawing: Drawing, ways: Mapping[tuple[str, str, str], list[Point]], scale: Scale, taken: list[Box]
) -> list[dict[str, Any]]:
    """Mark failed calls and circles with texts on their edges, where there is room."""
    circle_of = {node: number for number, circle in enumerate(drawing.circles) for node in circle}
    marks = []
    for way, points in sorted(ways.items(), key=lambda item: (-drawing.graph.edges[item[0]]["errors"], item[0])):
        edge = drawing.graph.edges[way]
        circular = way[2] == "sync" and way[0] in circle_of and circle_of[way[0]] == circle_of.get(way[1])
        text = "↺ " if circular else ""
        text += f"✖ {percent(edge['errors'], edge['calls'])}" if failing(edge) else ""
        if not text:
            continue
        place, fits = free_place(points, text_width(text, 11) + 6, scale, taken)
        if not fits:
            place, _ = free_place(points, text_width(text.strip()[0], 11) + 6, scale, taken)
        marks.append(
            {
                "x": place[0],
                "y": place[1],
                "text": text.strip() if fits else text.strip()[0],
                "showarrow": False,
                "font": {"size": 11, "color": PLATE_INK},
                "bgcolor": PLATE,
                "bordercolor": VERMILION if failing(edge) else PLATE_LINE,
                "borderwidth": 1,
                "borderpad": 1,
                "captureevents": False,
                "name": "edge mark",
            }
        )
    return marks


def free_place(points: Sequence[Point], width_px: float, scale: Scale, taken: list[Box]) -> tuple[Point, bool]:
    """Find a place along a curve where a text covers nothing; the middle, for a sign alone, where there is none."""
    last = len(points) - 1
    shares = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73)
    for share, beside in [(share, beside) for beside in (0, -12, 12, -20, 20) for share in shares]:
        x, y = points[round(share * last)]
        y += beside
        box = (x * scale.layer_px - width_px / 2, y - 9, x * scale.layer_px + width_px / 2, y + 9)
        if not any(overlap(box, other) for other in taken):
            taken.append(box)
            return (x, y), True
    return points[round(0.5 * last)], False


def _node_trace(drawing: Drawing, scale: Scale, layout: Layout) -> go.Scatter:
    nodes = sorted(drawing.graph)
    places = [scale(layout.places[node]) for node in nodes]
    return go.Scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        mode="markers",
        marker={"symbol": "square", "size": 2 * HALF_WIDTH, "opacity": 0},
        hoverinfo="text",
        hovertext=[_node_hover(drawing, node) for node in nodes],
        # What a page or a notebook needs to know to follow a click.
        customdata=nodes,
        name="nodes",
    )


def _node_hover(drawing: Drawing, node: str) -> str:
    attributes = drawing.graph.nodes[node]
    into = [edge for _, _, edge in drawing.graph.in_edges(node, data=True)]
    out = [edge for _, _, edge in drawing.graph.out_edges(node, data=True)]
    calls, errors = sum(edge["calls"] for edge in into), sum(edge["errors"] for edge in into)
    found = drawing.findings.get(node, {})
    members = attributes.get("members", ())
    kind, spans = attributes["kind"], attributes["spans"]
    busiest = max(into or out, key=lambda edge: (edge["calls"], edge["traces"]), default=None)
    return hover(
        [
            f"<b>{shown(node, HOVER_CHARACTERS)}</b> ({KIND_TITLES.get(kind, shown(kind))})",
            f"{plural(spans, 'span')}, {plural(attributes['errors'], 'error')}" if spans else "",
            f"called {plural(calls, 'time')}, {plural(errors, 'error')}" if into else "never called here",
            f"calls out {plural(sum(edge['calls'] for edge in out), 'time')}" if out else "",
            f"findings: {_severities(found)}" if any(found.values()) else "",
            f"members: {', '.join(shown(member, 30) for member in members[:12])}" if len(members) > 1 else "",
            f"and {len(members) - 12} more" if len(members) > 12 else "",
            f"{attributes.get('inside_calls', 0):,} calls inside the group" if len(members) > 1 else "",
            *(trace_lines(busiest["exemplars"])[1:] if busiest else []),
        ]
    )


def _severities(found: Mapping[str, int]) -> str:
    return ", ".join(f"{found[severity]} {severity}" for severity in SEVERITIES if found.get(severity))


def _nodes(
    drawing: Drawing, layout: Layout, scale: Scale, found: Mapping[str, Badge]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for node in sorted(drawing.graph):
        x, y = scale(layout.places[node])
        emphasis = node in drawing.marked_nodes
        shapes += icon(drawing.graph.nodes[node]["kind"], x, y, emphasis=emphasis)
        text = wrapped(node, scale.label_px, _LABEL_SIZE)
        labels.append(
            {
                "x": x,
                "y": y,
                "yshift": -HALF_HEIGHT - 3,
                "yanchor": "top",
                "text": f"<b>{text}</b>" if emphasis else text,
                "showarrow": False,
                "font": {"size": _LABEL_SIZE, "color": PLATE_INK},
                "bgcolor": "rgba(247,248,250,0.86)",
                "borderpad": 0,
                "name": "label",
            }
        )
    # Above all labels: a badge is small, and nothing of it may be covered.
    labels += [badge.annotation(*scale(layout.places[node])) for node, badge in found.items()]
    return shapes, labels
