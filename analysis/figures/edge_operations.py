"""Which entry operation makes how many calls over which edge."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from analysis._histogram import Histogram
from analysis.figures._cells import Cell, draw_cells
from analysis.figures._reviewed import Reviewed, fact, milliseconds, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import empty_figure

__all__ = ["edge_operations"]

_TITLE: Final = "Edges by entry operation"
EDGES_AT_MOST: Final = 30
OPERATIONS_AT_MOST: Final = 20
#: As many calls as fill the shade.
_FULL: Final = 10


def edge_operations(result: Reviewed) -> go.Figure:
    """Draw the calls of a request over each edge, by the entry operation whose requests make them.

    Parameters
    ----------
    result
        A review: its ``conversations`` fact.

    Returns
    -------
    plotly.graph_objects.Figure
        An edge is a row, an entry operation a column; the cell holds the calls of a request at p95.
    """
    talks = fact(result, "conversations")
    if talks is None:
        return empty_figure("No synchronous call between two services was seen.", _TITLE)
    by_edge = {
        (str(caller), str(callee)): Histogram.merged(rows["calls_per_request"])
        for (caller, callee), rows in talks.groupby(["caller", "callee"])
    }
    entries = talks.groupby(["entry_service", "entry_operation"])["calls"].sum().sort_index()
    edges = sorted(by_edge, key=lambda edge: (-by_edge[edge].percentile(0.95), edge))
    operations = sorted(entries.index, key=lambda entry: (-int(entries[entry]), entry))
    entry_count = plural(len(entries), "entry operation")
    notes = ["A cell holds the calls over the edge that a request of the entry operation makes, at p95."]
    hidden = [
        f"{len(found) - most} of {plural(len(found), noun)} hidden: those with fewest calls"
        for found, most, noun in ((edges, EDGES_AT_MOST, "edge"), (operations, OPERATIONS_AT_MOST, "entry operation"))
        if found[most:]
    ]
    edges, operations = edges[:EDGES_AT_MOST], operations[:OPERATIONS_AT_MOST]
    place = {edge: row for row, edge in enumerate(edges)}, {entry: column for column, entry in enumerate(operations)}
    cells = {}
    for key, rows in talks.groupby(["caller", "callee", "entry_service", "entry_operation"]):
        caller, callee, service, operation = (str(part) for part in key)
        row, column = place[0].get((caller, callee)), place[1].get((service, operation))
        if row is None or column is None:
            continue
        calls = Histogram.merged(rows["calls_per_request"])
        spent = Histogram.merged(rows["critical_per_request"])
        at_p95 = calls.percentile(0.95)
        lines = [
            f"<b>{shown(caller, HOVER_CHARACTERS)} → {shown(callee, HOVER_CHARACTERS)}</b>",
            f"for {shown(operation, HOVER_CHARACTERS)} of {shown(service, HOVER_CHARACTERS)}",
            f"{calls.percentile(0.5):g} calls a request (median; p95 {at_p95:.3g})",
            f"{milliseconds(spent.percentile(0.95) / 1e6)} of the critical path at p95",
            *trace_lines(rows["exemplars"].iloc[0]),
        ]
        cells[row, column] = Cell(min(1.0, at_p95 / _FULL), f"{at_p95:.3g}", hover(lines))
    return draw_cells(
        [f"{caller} → {callee}" for caller, callee in edges],
        [operation or f"(missing) of {service}" for service, operation in operations],
        cells,
        title=_TITLE,
        subtitle=f"calls of a request at p95: {plural(len(by_edge), 'edge')}, {entry_count}",
        notes=[*(f"{text}." for text in hidden), *notes],
        name="calls",
    )
