"""How many calls a request makes over each edge: a histogram a row."""

from __future__ import annotations

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from analysis._histogram import Histogram, lower
from analysis.figures._cells import Cell, draw_cells
from analysis.figures._reviewed import Reviewed, fact, percent, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import VERMILION, empty_figure

__all__ = ["calls_per_request"]

_TITLE: Final = "Calls per request"
EDGES_AT_MOST: Final = 25
#: First number of calls of each column.
_STEPS: Final = (1, 2, 3, 4, 5, 7, 10, 15, 20, 50, 100)
#: From here on two services are called chatty (the default of the detector chatty_pair).
_CHATTY: Final = 5


def calls_per_request(result: Reviewed) -> go.Figure:
    """Draw for each edge between services which share of its requests makes how many calls over it.

    Parameters
    ----------
    result
        A review: its ``conversations`` fact.

    Returns
    -------
    plotly.graph_objects.Figure
        An edge is a row, those with the most calls at p95 first; a column is a number of calls. The line stands where
        an edge begins to be chatty.
    """
    talks = fact(result, "conversations")
    if talks is None:
        return empty_figure("No synchronous call between two services was seen.", _TITLE)
    edges = [(str(caller), str(callee), rows) for (caller, callee), rows in talks.groupby(["caller", "callee"])]
    merged = {(caller, callee): Histogram.merged(rows["calls_per_request"]) for caller, callee, rows in edges}
    edges.sort(key=lambda edge: (-merged[edge[0], edge[1]].percentile(0.95), edge[0], edge[1]))
    notes = [f"Line: from {_CHATTY} calls at p95 on, two services are a chatty pair. Calls that failed are left out."]
    if edges[EDGES_AT_MOST:]:
        notes.insert(
            0, f"{len(edges) - EDGES_AT_MOST} of {plural(len(edges), 'edge')} hidden: those with fewest calls."
        )
        edges = edges[:EDGES_AT_MOST]
    last = max(_step(merged[edge[0], edge[1]].percentile(1.0)) for edge in edges)
    last = max(last, _STEPS.index(_CHATTY))
    cells = {
        (row, column): cell
        for row, (caller, callee, rows) in enumerate(edges)
        for column, cell in _cells(caller, callee, rows, merged[caller, callee]).items()
    }
    chatty = sum(histogram.percentile(0.95) >= _CHATTY for histogram in merged.values())
    line = {"color": VERMILION, "width": 2, "dash": "dot"}
    at = _STEPS.index(_CHATTY) - 0.5
    return draw_cells(
        [f"{caller} → {callee}" for caller, callee, _ in edges],
        [_named(step) for step in range(last + 1)],
        cells,
        title=_TITLE,
        subtitle=f"share of requests by calls over an edge; {chatty} of {plural(len(merged), 'edge')} reach {_CHATTY}",
        notes=notes,
        name="requests",
        shapes=[{"type": "line", "x0": at, "x1": at, "y0": -0.5, "y1": len(edges) - 0.5, "line": line}],
        level=True,
    )


def _step(calls: float) -> int:
    return max(index for index, first in enumerate(_STEPS) if first <= max(calls, 1))


def _named(step: int) -> str:
    first = _STEPS[step]
    if step + 1 == len(_STEPS):
        return f"{first}+"
    last = _STEPS[step + 1] - 1
    return str(first) if first == last else f"{first} to {last}"


def _cells(caller: str, callee: str, rows: pd.DataFrame, calls: Histogram) -> dict[int, Cell]:
    requests: dict[int, int] = {}
    for bucket, count in zip(calls.buckets.tolist(), calls.counts.tolist(), strict=True):
        step = _step(lower(bucket))
        requests[step] = requests.get(step, 0) + count
    whole = sum(requests.values())
    exemplars = tuple(item for cell in rows["exemplars"] for item in cell)
    found = {}
    for step, count in requests.items():
        lines = [
            f"<b>{shown(caller, HOVER_CHARACTERS)} → {shown(callee, HOVER_CHARACTERS)}</b>",
            f"{_named(step)} call{'' if step == 0 else 's'} in {plural(count, 'request')} ({percent(count, whole)})",
            f"median {calls.percentile(0.5):g}, p95 {calls.percentile(0.95):.3g}",
            *trace_lines(exemplars),
        ]
        found[step] = Cell(count / whole, percent(count, whole), hover(lines))
    return found
