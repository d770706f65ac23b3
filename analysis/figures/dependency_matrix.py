"""The design structure matrix: which caller (row) calls which callee (column), in groups that belong together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._bundles import bundled
from analysis.figures._reviewed import Reviewed, catalogued, fact, milliseconds, percent, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, counted, fitted, hover, plural, shown
from analysis.figures._theme import FAINT, GREY, INK, PLATE_INK, VERMILION, empty_figure, figure_of
from analysis.graph import ServiceGraph, cycles, matrix_order, service_graph

__all__ = ["dependency_matrix"]

_TITLE: Final = "Dependency matrix"
#: Rows and columns that a matrix can hold.
ROWS_AT_MOST: Final = 60
#: Columns up to which a cell is wide enough for a count; beyond, it holds the number of its digits.
COUNT_COLUMNS: Final = 30
_ROW_PX: Final = 25
_LABEL_PX: Final = 190
_TOP_PX: Final = 150
_LABEL_SIZE: Final = 12
#: Light enough for dark text everywhere; every cell also holds its number.
_SHADES: Final = [[0, "#e9f2f9"], [0.5, "#bcd9ee"], [1, "#7db7de"]]

_GROUPS: Final = {
    "": "groups that call one another most",
    "domain": "services of one domain",
    "team": "services of one team",
}
_KIND_SIGNS: Final = {"user": "☻ ", "queue": "▷ ", "cache": "◇ ", "database": "⛁ ", "external": "○ "}


def dependency_matrix(result: Reviewed) -> go.Figure:
    """Draw callers as rows and callees as columns, with the calls of each pair in its cell.

    Parameters
    ----------
    result
        A review: its ``calls`` and ``operations`` facts.

    Returns
    -------
    plotly.graph_objects.Figure
        Services stand in the same order in rows and columns: groups that call one another most (dotted frames along
        the diagonal), callers first. Of more nodes than a matrix holds, the groups are the domains of a service
        catalogue, else its teams, where it names any. Stores and others that call nobody are columns on the right. A
        frame around a cell marks a call that is part of a circle, a corner failed calls.
    """
    calls = fact(result, "calls")
    if calls is None:
        return empty_figure("No call between services was seen: every trace stays within one service.", _TITLE)
    graph, notes = bundled(service_graph(calls, fact(result, "operations")))
    return _draw(_Matrix.of(graph, notes, *catalogued(result)))


@dataclass(frozen=True)
class _Matrix:
    graph: ServiceGraph
    rows: Sequence[str]
    columns: Sequence[str]
    blocks: Sequence[tuple[int, int]]
    circles: Sequence[tuple[str, ...]]
    notes: Sequence[str]
    grouped_by: str

    @classmethod
    def of(cls, graph: ServiceGraph, notes: list[str], kind: str, group_of: Mapping[str, str]) -> _Matrix:
        """Choose and order rows and columns; what is hidden is added to the notes."""
        kept = _busiest(graph)
        hidden = graph.number_of_nodes() - len(kept)
        if hidden:
            edges = graph.number_of_edges() - graph.subgraph(kept).number_of_edges()
            total = graph.number_of_nodes()
            which = f"{hidden:,} of {plural(total, 'node')} hidden, those with the fewest calls"
            notes.append(f"{which}, with {plural(edges, 'edge')}.")
        seen = graph.subgraph(kept).copy()
        if not hidden or not any(node in group_of for node in seen):
            kind = ""
        parts = matrix_order(seen)
        groups = [
            [node for node in part if _calls_others(seen, node)]
            for part in (_by_catalogue(seen, parts, group_of) if kind else parts)
        ]
        rows = [node for group in groups for node in group]
        placed = set(rows)
        sinks = sorted((node for node in seen if node not in placed), key=lambda node: (seen.nodes[node]["kind"], node))
        blocks = []
        begin = 0
        for group in groups:
            if len(group) > 1:
                blocks.append((begin, begin + len(group)))
            begin += len(group)
        return cls(seen, rows, [*rows, *sinks], blocks, cycles(seen), notes, kind)

    def cell(self, caller: str, callee: str) -> Mapping[str, Any] | None:
        """Add the edges of a pair up, whatever their kind; None where there is none."""
        if not self.graph.has_edge(caller, callee):
            return None
        edges = self.graph[caller][callee]
        return {
            "calls": sum(edge["calls"] for edge in edges.values()),
            "errors": sum(edge["errors"] for edge in edges.values()),
            "edges": [(kind, edges[kind]) for kind in sorted(edges)],
        }


def _calls_others(graph: ServiceGraph, node: str) -> bool:
    return graph.nodes[node]["kind"] == "service" or graph.out_degree(node) > 0


def _by_catalogue(
    graph: ServiceGraph, parts: Sequence[Sequence[str]], group_of: Mapping[str, str]
) -> list[Sequence[str]]:
    """Return the groups of a catalogue, each in the order of a matrix of its own; what is in none stands behind."""
    groups: dict[str, list[str]] = {}
    for node in (node for part in parts for node in part):
        groups.setdefault(group_of.get(node, ""), []).append(node)
    outside = groups.pop("", [])
    ordered = [
        [node for part in matrix_order(graph.subgraph(group).copy()) for node in part] for group in groups.values()
    ]
    return [*ordered, *([node] for node in outside)]


def _busiest(graph: ServiceGraph) -> list[str]:
    def calls(node: str) -> int:
        ends = [*graph.in_edges(node, data=True), *graph.out_edges(node, data=True)]
        return sum(int(edge["calls"]) for _, _, edge in ends)

    return sorted(graph, key=lambda node: (-calls(node), node))[:ROWS_AT_MOST]


def _draw(matrix: _Matrix) -> go.Figure:
    shape = (len(matrix.rows), len(matrix.columns))
    counts = shape[1] <= COUNT_COLUMNS
    cells = {
        (row, column): cell
        for row, caller in enumerate(matrix.rows)
        for column, callee in enumerate(matrix.columns)
        if (cell := matrix.cell(caller, callee)) is not None
    }
    legend = [
        f"Rows call columns. Dotted frames: {_GROUPS.get(matrix.grouped_by, _GROUPS[''])}; callers come first.",
        "Framed cell: part of a circle of synchronous calls. Corner ◥: 1 % of the calls or more failed.",
        f"~ only asynchronous.{_signs_said(matrix)}",
    ]
    if not counts:
        legend.append("A cell holds the number of digits of its calls: 1 is below 10, 2 below 100, 3 below 1,000 …")
    found = plural(len(cells), "dependency", "dependencies")
    return figure_of(
        [_heat(matrix, cells, counts=counts), *_corners(cells)],
        title=_TITLE,
        subtitle=f"calls from row to column; {plural(shape[0], 'caller')}, {found}",
        plot_height_px=shape[0] * _ROW_PX,
        notes=[*matrix.notes, *_circle_notes(matrix), *legend],
        margin={"l": _LABEL_PX + 12, "t": _TOP_PX, "r": 24},
        showlegend=False,
        xaxis=_axis(matrix, matrix.columns, _TOP_PX - 24, side="top", tickangle=-90, range=[-0.5, shape[1] - 0.5]),
        yaxis=_axis(matrix, matrix.rows, _LABEL_PX - 8, range=[shape[0] - 0.5, -0.5]),
        shapes=_frames(matrix, cells),
    )


def _signs_said(matrix: _Matrix) -> str:
    kinds = {matrix.graph.nodes[node]["kind"] for node in matrix.columns}
    said = ", ".join(f"{sign}{kind}" for kind, sign in _KIND_SIGNS.items() if kind in kinds)
    return f" {said}." if said else ""


def _axis(matrix: _Matrix, nodes: Sequence[str], label_px: float, **more: Any) -> dict[str, Any]:
    labels = [
        _KIND_SIGNS.get(matrix.graph.nodes[node]["kind"], "") + fitted(node, label_px - 16, _LABEL_SIZE)
        for node in nodes
    ]
    return {
        "tickmode": "array",
        "tickvals": list(range(len(nodes))),
        "ticktext": labels,
        "tickfont": {"size": _LABEL_SIZE},
        "showgrid": True,
        "automargin": False,
        "constrain": "domain",
    } | more


def _heat(matrix: _Matrix, cells: Mapping[tuple[int, int], Mapping[str, Any]], *, counts: bool) -> go.Heatmap:
    z: list[list[float | None]] = [[None] * len(matrix.columns) for _ in matrix.rows]
    text = [[""] * len(matrix.columns) for _ in matrix.rows]
    hovers = [[""] * len(matrix.columns) for _ in matrix.rows]
    for (row, column), cell in cells.items():
        z[row][column] = math.log10(max(cell["calls"], 1))
        asynchronous = all(kind == "async" for kind, _ in cell["edges"])
        number = counted(cell["calls"]) if counts else str(len(str(int(cell["calls"]))))
        text[row][column] = f"~{number}" if asynchronous else number
        hovers[row][column] = _hover(matrix.rows[row], matrix.columns[column], cell)
    most = max((value for line in z for value in line if value is not None), default=1.0)
    return go.Heatmap(
        z=z,
        text=text,
        hovertext=hovers,
        hoverinfo="text",
        hoverongaps=False,
        texttemplate="%{text}",
        textfont={"size": 11, "color": PLATE_INK},
        colorscale=_SHADES,
        zmin=0,
        zmax=max(most, 1.0),
        showscale=False,
        xgap=1,
        ygap=1,
        name="calls",
    )


def _hover(caller: str, callee: str, cell: Mapping[str, Any]) -> str:
    lines = [f"<b>{shown(caller, HOVER_CHARACTERS)} → {shown(callee, HOVER_CHARACTERS)}</b>"]
    for kind, edge in cell["edges"]:
        failed = f"{edge['errors']:,} ({percent(edge['errors'], edge['calls'])})"
        lines += [
            f"{shown(kind, 20)}: {plural(edge['calls'], 'call')} in {plural(edge['traces'], 'trace')}",
            f"errors {failed}, p50 {milliseconds(edge['p50_ms'])}, p95 {milliseconds(edge['p95_ms'])}",
        ]
    return hover([*lines, *trace_lines(cell["edges"][0][1]["exemplars"])])


def _corners(cells: Mapping[tuple[int, int], Mapping[str, Any]]) -> list[go.Scatter]:
    failing = sorted(place for place, cell in cells.items() if 0 < cell["errors"] >= 0.01 * cell["calls"])
    if not failing:
        return []
    return [
        go.Scatter(
            x=[column + 0.5 for _, column in failing],
            y=[row - 0.5 for row, _ in failing],
            mode="text",
            text=["◥"] * len(failing),
            textposition="bottom left",
            textfont={"size": 10, "color": VERMILION},
            hoverinfo="skip",
            name="failed calls",
        )
    ]


def _frames(matrix: _Matrix, cells: Mapping[tuple[int, int], Mapping[str, Any]]) -> list[dict[str, Any]]:
    circle_of = {node: number for number, circle in enumerate(matrix.circles) for node in circle}
    side = len(matrix.rows)
    frames = [_frame(begin - 0.5, begin - 0.5, end - 0.5, end - 0.5, INK, 1.5, "dot") for begin, end in matrix.blocks]
    frames += [
        _frame(place - 0.5, place - 0.5, place + 0.5, place + 0.5, FAINT, 0, "solid") | {"fillcolor": FAINT}
        for place in range(side)
        if (place, place) not in cells
    ]
    if len(matrix.columns) > side:
        frames.append(_line(side - 0.5, -0.5, side - 0.5, side - 0.5))
    for row, column in sorted(cells):
        caller, callee = matrix.rows[row], matrix.columns[column]
        synchronous = any(kind == "sync" for kind, _ in cells[row, column]["edges"])
        if synchronous and row != column and circle_of.get(caller, -1) == circle_of.get(callee, -2):
            frames.append(_frame(column - 0.46, row - 0.44, column + 0.46, row + 0.44, VERMILION, 2.5, "solid"))
    return frames


def _frame(x0: float, y0: float, x1: float, y1: float, colour: str, width: float, dash: str) -> dict[str, Any]:
    line = {"color": colour, "width": width, "dash": dash}
    return {"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": line}


def _line(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    return {"type": "line", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": {"color": GREY, "width": 1.5}}


def _circle_notes(matrix: _Matrix) -> list[str]:
    notes = [f"Circle: {', '.join(shown(node, 30) for node in circle[:8])}." for circle in matrix.circles[:3]]
    return notes + ([f"{len(matrix.circles) - 3} more circles."] if len(matrix.circles) > 3 else [])
