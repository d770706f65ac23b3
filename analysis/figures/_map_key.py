"""The key of the service map: kinds of node that are there, kinds of edge, and what their marks mean, a row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.figures._icons import KIND_TITLES, icon
from analysis.figures._text import text_width
from analysis.graph import NODE_KINDS, ServiceGraph

__all__ = ["DASHES", "EDGE_COLOUR", "EDGE_TITLES", "key", "key_px"]

EDGE_COLOUR: Final = "#8b939c"
DASHES: Final = {"sync": "solid", "async": "dash", "data": "dot"}
EDGE_TITLES: Final = {"sync": "synchronous calls", "async": "asynchronous messages", "data": "access to data"}
_ROW_PX: Final = 27
_TEXT_SIZE: Final = 12
_PAPER: Final = {"xref": "paper", "yref": "paper"}


def key_px(graph: ServiceGraph) -> float:
    """Return the height of the key in pixels."""
    return (3 if graph.number_of_edges() else 1) * _ROW_PX


def key(graph: ServiceGraph, *, badges: bool, failures: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return shapes and labels of the key.

    Parameters
    ----------
    graph
        The graph as it is drawn: only kinds that are there are explained.
    badges, failures
        Whether findings and failed calls are marked somewhere.
    """
    top = key_px(graph) - 8
    shapes, labels = _node_row(graph, top)
    if graph.number_of_edges():
        more_shapes, more_labels = _edge_row(graph, top - _ROW_PX, badges=badges, failures=failures)
        shapes += more_shapes
        labels += more_labels
    return shapes, labels


def _node_row(graph: ServiceGraph, up: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    kinds = {graph.nodes[node]["kind"] for node in graph}
    left = 24.0
    for kind in (*NODE_KINDS, "group"):
        if kind in kinds:
            drawn = [shape | _PAPER for shape in icon(kind, 0, 1)]
            shapes.extend(shape | {"path": _moved(shape["path"], left, up, 0.72)} for shape in drawn)
            labels.append(_label(KIND_TITLES[kind], left + 20, up))
            left += 20 + text_width(KIND_TITLES[kind], _TEXT_SIZE) + 34
    return shapes, labels


def _edge_row(
    graph: ServiceGraph, up: float, *, badges: bool, failures: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    kinds = {kind for _, _, kind in graph.edges(keys=True)}
    left = 12.0
    for kind, words in EDGE_TITLES.items():
        if kind in kinds:
            line = {"color": EDGE_COLOUR, "width": 2.5, "dash": DASHES[kind]}
            shapes.append(_pixel_path(f"M{left:.0f},{up} L{left + 34:.0f},{up}", line))
            labels.append(_label(words, left + 40, up))
            left += 40 + text_width(words, _TEXT_SIZE) + 18
    said = ["wider: more calls"]
    said += ["✖ share of failed calls, from 1 % on"] if failures else []
    said += ["framed: findings (2 high +8: two high ones, eight less grave)"] if badges else []
    labels.append(_label("\u00a0\u00a0\u00a0\u00a0".join(said), 12.0, up - _ROW_PX))
    return shapes, labels


def _moved(path: str, right: float, up: float, scale: float) -> str:
    steps = []
    for step in path.split(" "):
        if "," in step:
            command = step[0] if step[0].isalpha() else ""
            x, y = (float(number) for number in step[len(command) :].split(","))
            steps.append(f"{command}{x * scale + right:.1f},{y * scale + up:.1f}")
        else:
            steps.append(step)
    return " ".join(steps)


def _pixel_path(path: str, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "path",
        "path": path,
        "xref": "paper",
        "yref": "paper",
        "xsizemode": "pixel",
        "ysizemode": "pixel",
        "xanchor": 0,
        "yanchor": 1,
        "line": dict(line),
    }


def _label(text: str, left: float, up: float) -> dict[str, Any]:
    return {
        "x": 0,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xshift": left,
        "yshift": up,
        "xanchor": "left",
        "yanchor": "middle",
        "text": text,
        "showarrow": False,
        "name": "key",
    }
