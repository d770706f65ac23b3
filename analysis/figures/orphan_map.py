"""Where trace context is lost: the operations whose spans have no parent, and who usually calls them."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from analysis.figures._grid import grid
from analysis.figures._reviewed import Reviewed, fact, percent
from analysis.figures._text import HOVER_CHARACTERS, counted, hover, plural, shown
from analysis.figures._theme import empty_figure
from analysis.lost_parents import UNKNOWN_CALLER, lost_edges

__all__ = ["orphan_map"]

_TITLE: Final = "Where traces break"
ROWS_AT_MOST: Final = 40
COLUMNS_AT_MOST: Final = 20
_LABEL_PX: Final = 320
_SHADES: Final = [[0, "#fbeee6"], [1, "#f0a58a"]]


def orphan_map(result: Reviewed) -> go.Figure:
    """Draw operations that lost parents as rows and their usual callers as columns, with the spans lost in the cells.

    Parameters
    ----------
    result
        A review: its ``orphans`` and ``passages`` facts.

    Returns
    -------
    plotly.graph_objects.Figure
        A cell holds the spans that name a parent which is not in the export, and their share of those that name one.
    """
    if fact(result, "orphans") is None:
        return empty_figure("There is no span that could have lost its parent.", _TITLE)
    edges = lost_edges(result.facts)
    if edges.empty:
        return empty_figure("Traces are whole: no span inside the window has lost its parent.", _TITLE)
    kept = edges.head(ROWS_AT_MOST)
    totals = kept.groupby("caller")["orphans"].sum()
    callers = sorted(totals.index, key=lambda name: (name == UNKNOWN_CALLER, -int(totals[name]), str(name)))
    callers = callers[:COLUMNS_AT_MOST]
    values: list[list[float | None]] = []
    texts, hovers, rows = [], [], []
    for caller, service, operation, lost, whole, share, traces in kept.itertuples(index=False, name=None):
        here = [name == caller for name in callers]
        told = f"{counted(lost)}<br>{percent(share, 1)}"
        said = hover(
            [
                f"<b>{shown(service, HOVER_CHARACTERS)} {shown(operation, HOVER_CHARACTERS)}</b>",
                f"{plural(lost, 'span')} of {whole:,} lost the parent, in {plural(traces, 'trace')}",
                "nobody is seen to call it: what stands before it records no span, or passes no context on"
                if caller == UNKNOWN_CALLER
                else f"usually called by {shown(caller, HOVER_CHARACTERS)}",
            ]
        )
        values.append([float(share) if cell else None for cell in here])
        texts.append([told if cell else "" for cell in here])
        hovers.append([said if cell else "" for cell in here])
        rows.append(f"{service} {operation}")
    notes = [
        "A cell: spans whose parent is not in the export, and their share of those that name one.",
        "Columns call the row where the parent is there; who was lost may be somebody else.",
    ]
    if len(edges) > len(kept):
        notes.insert(0, f"{len(edges) - len(kept)} of {plural(len(edges), 'operation')} hidden, with the fewest.")
    return grid(
        rows,
        callers,
        values,
        texts,
        hovers,
        title=_TITLE,
        subtitle=f"{plural(int(edges['orphans'].sum()), 'span')} without their parent; columns usually call rows",
        shades=_SHADES,
        notes=notes,
        row_px=36,
        label_px=_LABEL_PX,
    )
