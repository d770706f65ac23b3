"""The service map of differences: which edges appeared, vanished, became worse or better between two reviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown, wrapped
from analysis.figures._theme import GREY, PLATE_INK, empty_figure, figure_of
from analysis.graph import layered

__all__ = ["change_map"]

_TITLE: Final = "What changed between services"
#: Colour, dash and width of an edge: told apart without colour too.
_STYLES: Final = {
    "appeared": ("#0072B2", "solid", 4.0),
    "vanished": ("#8C8C8C", "dot", 3.0),
    "worse": ("#D55E00", "solid", 3.0),
    "better": ("#009E73", "dash", 2.5),
    "same": (GREY, "solid", 0.8),
}
_SIGNS: Final = {"appeared": "+", "vanished": "✕", "worse": "▲", "better": "▼"}
_ROW_PX: Final = 62
_LABEL_SIZE: Final = 12
_LABEL_PX: Final = 120
#: Nodes that a map holds.
_NODES_AT_MOST: Final = 60

Pair = tuple[str, str]


class Compared(Protocol):
    """Two reviews beside each other."""

    @property
    def edges(self) -> pd.DataFrame:
        """Columns caller, callee, kind, change, calls_before, calls."""

    @property
    def changes(self) -> pd.DataFrame:
        """Columns caller, callee, kind, measure, before, after, verdict."""


def change_map(comparison: Compared) -> go.Figure:
    """Draw what changed between two reviews, and where.

    Parameters
    ----------
    comparison
        Two reviews beside each other (:func:`analysis.compare`).

    Returns
    -------
    plotly.graph_objects.Figure
        Edges that appeared (+), vanished (✕, dotted), became worse (▲) or better (▼, dashed) by more than chance
        explains; other edges between the same nodes are thin. Nodes without a change are left out and counted.
    """
    states = _states(comparison)
    changed = {pair for pair, state in states.items() if state != "same"}
    if not changed:
        return empty_figure("No edge appeared or vanished, and none changed by more than chance explains.", _TITLE)
    nodes, notes = _nodes(states, changed)
    drawn = {pair: state for pair, state in states.items() if set(pair) <= nodes and pair[0] != pair[1]}
    layout = layered(sorted(nodes), {pair: 1.0 if state == "same" else 3.0 for pair, state in drawn.items()})
    said = _lines(comparison)
    edges: list[go.Scatter] = []
    for pair in sorted(drawn, key=lambda pair: (drawn[pair] != "same", pair)):
        edges += _edge(pair, drawn[pair], [(x, row * _ROW_PX) for x, row in layout.routes[pair]], said[pair])
    places = {node: (x, row * _ROW_PX) for node, (x, row) in layout.places.items()}
    height = layout.row_span * _ROW_PX + 80
    counts = {state: sum(found == state for found in states.values()) for state in _SIGNS}
    return figure_of(
        [*edges, _points(places)],
        title=_TITLE,
        subtitle=", ".join(f"{_SIGNS[state]} {count} {state}" for state, count in counts.items() if count),
        plot_height_px=height,
        notes=[
            *notes,
            "▲ red became worse, ▼ green and dashed better; + blue appeared, ✕ dotted vanished; thin: as before.",
        ],
        showlegend=False,
        annotations=_labels(places),
        xaxis={"visible": False, "range": [-0.5, layout.layer_count - 0.4]},
        yaxis={"visible": False, "range": [height - 34, -34]},
    )


def _states(comparison: Compared) -> dict[Pair, str]:
    """Return what became of each pair of nodes: the gravest of its edges and numbers."""
    found: dict[Pair, set[str]] = defaultdict(set)
    for caller, callee, change in comparison.edges[["caller", "callee", "change"]].itertuples(index=False, name=None):
        found[caller, callee].add(change or "same")
    for caller, callee, verdict in comparison.changes[["caller", "callee", "verdict"]].itertuples(
        index=False, name=None
    ):
        found[caller, callee].add(verdict)
    order = ("worse", "better", "appeared", "vanished", "same")
    return {pair: next(state for state in order if state in states) for pair, states in found.items()}


def _nodes(states: Mapping[Pair, str], changed: set[Pair]) -> tuple[set[str], list[str]]:
    """Return the nodes that are drawn, those with most changes first, and what is said of the others."""
    touched: dict[str, int] = defaultdict(int)
    for pair in changed:
        for node in set(pair):
            touched[node] += 1
    nodes = set(sorted(touched, key=lambda node: (-touched[node], node))[:_NODES_AT_MOST])
    every = {node for pair in states for node in pair}
    notes = []
    if len(every) > len(touched):
        notes.append(f"{plural(len(every) - len(touched), 'node')} without a change left out.")
    if len(touched) > len(nodes):
        lost = sum(not set(pair) <= nodes for pair in changed)
        notes.append(f"{plural(len(touched) - len(nodes), 'node')} with {plural(lost, 'changed edge')} hidden.")
    return nodes, notes


def _lines(comparison: Compared) -> Mapping[Pair, Sequence[str]]:
    """Return what is said of each pair of nodes when it is pointed at."""
    said: dict[Pair, list[str]] = defaultdict(list)
    columns = ["caller", "callee", "kind", "change", "calls_before", "calls"]
    for caller, callee, kind, change, before, after in comparison.edges[columns].itertuples(index=False, name=None):
        words = f"{change}: " if change else ""
        said[caller, callee].append(f"{words}{before:,} calls before, {after:,} after ({shown(kind, 20)})")
    columns = ["caller", "callee", "measure", "before", "after", "verdict"]
    for caller, callee, measure, before, after, verdict in comparison.changes[columns].itertuples(
        index=False, name=None
    ):
        said[caller, callee].append(f"{measure.replace('_', ' ')}: {before:,.3g} to {after:,.3g} ({verdict})")
    return said


def _edge(pair: Pair, state: str, points: Sequence[tuple[float, float]], said: Sequence[str]) -> list[go.Scatter]:
    """Return the line of an edge, and the place where it can be pointed at."""
    colour, dash, width = _STYLES[state]
    last = len(points) - 1
    line = go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": width, "shape": "spline", "smoothing": 0.6},
        marker={
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0] * last + [5 + 2 * width],
            "standoff": [0] * last + [8],
            "color": colour,
            "line": {"width": 0},
            "opacity": [0] * last + [1],
        },
        hoverinfo="skip",
        name=state,
    )
    middle = _middle(points)
    title = f"<b>{shown(pair[0], HOVER_CHARACTERS)} → {shown(pair[1], HOVER_CHARACTERS)}</b>"
    place = go.Scatter(
        x=[middle[0]],
        y=[middle[1]],
        mode="markers+text",
        text=[_SIGNS.get(state, "")],
        textfont={"size": 14, "color": colour},
        textposition="top center",
        marker={"size": 16, "opacity": 0},
        hoverinfo="text",
        hovertext=[hover([title, *said])],
        name="change",
    )
    return [line, place]


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the middle of a way, by its layers."""
    before, after = points[(len(points) - 1) // 2], points[len(points) // 2]
    return (before[0] + after[0]) / 2, (before[1] + after[1]) / 2


def _points(places: Mapping[str, tuple[float, float]]) -> go.Scatter:
    nodes = sorted(places)
    return go.Scatter(
        x=[places[node][0] for node in nodes],
        y=[places[node][1] for node in nodes],
        mode="markers",
        marker={"size": 13, "color": "#dbe9f6", "line": {"color": "#0072B2", "width": 1.5}},
        hoverinfo="text",
        hovertext=[shown(node, HOVER_CHARACTERS) for node in nodes],
        customdata=nodes,
        name="nodes",
    )


def _labels(places: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    return [
        {
            "x": x,
            "y": y,
            "yshift": -10,
            "yanchor": "top",
            "text": wrapped(node, _LABEL_PX, _LABEL_SIZE),
            "showarrow": False,
            "font": {"size": _LABEL_SIZE, "color": PLATE_INK},
            "bgcolor": "rgba(247,248,250,0.86)",
            "borderpad": 0,
            "name": "label",
        }
        for node, (x, y) in sorted(places.items())
    ]
