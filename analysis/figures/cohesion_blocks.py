"""Which endpoints of a service work on which tables, ordered so that what belongs together lies together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import networkx as nx
import pandas as pd
import plotly.graph_objects as go

from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.figures._cells import Cell, draw_cells
from analysis.figures._reviewed import Reviewed, fact, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, counted, hover, plural, shown
from analysis.figures._theme import INK, empty_figure
from analysis.ownership import cohesion

__all__ = ["cohesion_blocks"]

_TITLE: Final = "Cohesion of endpoints and tables"
OPERATIONS_AT_MOST: Final = 40
TABLES_AT_MOST: Final = 24


def cohesion_blocks(result: Reviewed, service: str | None = None) -> go.Figure:
    """Draw the endpoints of a service as rows and the tables that they use as columns.

    Parameters
    ----------
    result
        A review: its ``data_access`` fact.
    service
        Whose; by default the service whose endpoints have least in common, of those with three endpoints or more.

    Returns
    -------
    plotly.graph_objects.Figure
        R reads, W writes, RW both, ? unknown. Frames hold endpoints and tables that are tied to each other and to no
        others: two frames are two things that could be two modules, or two services.
    """
    access = fact(result, "data_access")
    known = None if access is None else access[(access["table"] != UNKNOWN_TABLE) & (access["service"] != "")]
    if known is None or known.empty:
        return empty_figure("No access to a table that something names was seen in the traces.", _TITLE)
    cohesive = cohesion(result)
    chosen = _least_cohesive(known, cohesive) if service is None else service
    own = known[known["service"] == chosen]
    if chosen is None:
        return empty_figure("No service has two endpoints or more that use tables: nothing to compare.", _TITLE)
    if own.empty:
        return empty_figure(f"No endpoint of {chosen} was seen to use a table that something names.", _TITLE)
    blocks = _blocks(own)
    operations = [name for rows, _ in blocks for name in rows]
    tables = [name for _, columns in blocks for name in columns]
    notes = ["R reads, W writes, RW both, ? not known. Frames: endpoints and tables tied to each other and no others."]
    notes += [
        f"{len(found) - most} of {plural(len(found), noun)} hidden."
        for found, most, noun in ((operations, OPERATIONS_AT_MOST, "endpoint"), (tables, TABLES_AT_MOST, "table"))
        if found[most:]
    ]
    place = (
        {name: row for row, name in enumerate(operations[:OPERATIONS_AT_MOST])},
        {name: column for column, name in enumerate(tables[:TABLES_AT_MOST])},
    )
    cells = {
        (place[0][str(operation)], place[1][str(table)]): _cell(str(operation), str(table), rows)
        for (operation, table), rows in own.groupby(["operation", "table"], sort=True)
        if str(operation) in place[0] and str(table) in place[1]
    }
    value = cohesive.get(chosen)
    said = "n/a" if value is None or pd.isna(value) else f"{value:.2f}"
    parts = plural(len(blocks), "part")
    return draw_cells(
        [name or "(missing)" for name in place[0]],
        list(place[1]),
        cells,
        title=f"{_TITLE}: {shown(chosen, 40)}",
        subtitle=f"cohesion {said} (0 nothing in common, 1 all the same tables); {parts} that share no table",
        notes=notes,
        name="access",
        shapes=_frames(blocks),
    )


def _least_cohesive(known: pd.DataFrame, cohesive: pd.Series) -> str | None:
    endpoints = known.groupby("service")["operation"].nunique()
    for least in (3, 2):
        able = cohesive[[name for name in cohesive.index if endpoints[name] >= least and not pd.isna(cohesive[name])]]
        if len(able):
            return str(able.idxmin())
    return None


def _blocks(own: pd.DataFrame) -> list[tuple[list[str], list[str]]]:
    """Return the parts that share no table: endpoints and tables, those of most use first, alike ones together."""
    ties: nx.Graph[tuple[str, str]] = nx.Graph()
    weight: dict[tuple[str, str], int] = {}
    for operation, table, calls in zip(own["operation"], own["table"], own["calls"], strict=True):
        ends = ("operation", str(operation)), ("table", str(table))
        ties.add_edge(*ends)
        for end in ends:
            weight[end] = weight.get(end, 0) + int(calls)
    parts = sorted(nx.connected_components(ties), key=lambda part: (-len(part), sorted(part)))
    found = []
    for part in parts:
        tables = sorted((node for node in part if node[0] == "table"), key=lambda node: (-ties.degree[node], node))
        rank = {node: index for index, node in enumerate(tables)}
        operations = sorted(
            (node for node in part if node[0] == "operation"),
            key=lambda node: (sorted(rank[end] for end in ties[node]), -weight[node], node),
        )
        found.append(([name for _, name in operations], [name for _, name in tables]))
    return found


def _cell(operation: str, table: str, rows: pd.DataFrame) -> Cell:
    calls = rows.groupby("mode")["calls"].sum()
    reads, writes = int(calls.get("read", 0)), int(calls.get("write", 0))
    letters = "RW" if reads and writes else "W" if writes else "R" if reads else "?"
    lines = [
        f"<b>{shown(operation, HOVER_CHARACTERS)} → {shown(table, HOVER_CHARACTERS)}</b>",
        ", ".join(plural(int(count), f"{mode}") for mode, count in calls.items()),
        *trace_lines(rows["exemplars"].iloc[0]),
    ]
    return Cell(1.0 if writes else 0.35, f"<b>{letters}</b> {counted(int(calls.sum()))}", hover(lines))


def _frames(blocks: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[dict[str, Any]]:
    frames = []
    row = column = 0
    for operations, tables in blocks:
        below, right = min(row + len(operations), OPERATIONS_AT_MOST), min(column + len(tables), TABLES_AT_MOST)
        if row < below and column < right:
            corners = {"x0": column - 0.5, "y0": row - 0.5, "x1": right - 0.5, "y1": below - 0.5}
            frames.append({"type": "rect", "line": {"color": INK, "width": 1.5, "dash": "dot"}} | corners)
        row, column = below, right
    return frames
