"""The blast radius of every service: which share of which requests fails with it, expected and seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go

from analysis.detectors.boundaries._services import is_probe
from analysis.figures._cells import Cell, draw_cells
from analysis.figures._reviewed import Reviewed, percent
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import VERMILION, empty_figure
from analysis.resilience import blast_radius

__all__ = ["blast_radius_matrix"]

_TITLE: Final = "Blast radius of every service"
SERVICES_AT_MOST: Final = 30
ENTRIES_AT_MOST: Final = 10


def blast_radius_matrix(result: Reviewed) -> go.Figure:
    """Draw services as rows, entry operations as columns, and what the failure of the one does to the other.

    Parameters
    ----------
    result
        A review: what :func:`analysis.resilience.blast_radius` makes of its facts.

    Returns
    -------
    plotly.graph_objects.Figure
        In a cell the share of the requests that would fail if the service did, by the tolerance measured on the way; a
        question mark where part of the way has never failed, so that nobody knows; ✖ and a number where requests did
        fail by it, in a frame.
    """
    whole, table = blast_radius(result), blast_radius(result, grain="entry")
    table = table[table["used"] > 0]
    if table.empty:
        return empty_figure("No request was seen that waits for a service: there is nothing to reach.", _TITLE)
    entries = table.drop_duplicates(["entry_service", "entry_operation"])
    keys = list(zip(entries["entry_service"], entries["entry_operation"], strict=True))
    counts = dict(zip(keys, entries["requests"], strict=True))
    keys = [key for key in keys if not is_probe(key[1])]
    keys.sort(key=lambda key: (-int(counts[key]), key))
    drawn = set(keys[:ENTRIES_AT_MOST])
    reaching = {
        name
        for name, *key in zip(table["service"], table["entry_service"], table["entry_operation"], strict=True)
        if tuple(key) in drawn
    }
    services = [name for name in whole["service"] if name in reaching]
    place = (
        {name: row for row, name in enumerate(services[:SERVICES_AT_MOST])},
        {key: column for column, key in enumerate(keys[:ENTRIES_AT_MOST])},
    )
    cells, frames = {}, []
    for row in table.to_dict("records"):
        at = place[0].get(row["service"]), place[1].get((row["entry_service"], row["entry_operation"]))
        if at[0] is None or at[1] is None:
            continue
        cells[at[0], at[1]] = _cell(row)
        if row["observed"]:
            corners = {"x0": at[1] - 0.48, "x1": at[1] + 0.48, "y0": at[0] - 0.45, "y1": at[0] + 0.45}
            frames.append({"type": "rect", "line": {"color": VERMILION, "width": 2}} | corners)
    notes = [
        "In a cell: the share of the column's requests that would fail with the row's service.",
        "?: part of the way never failed, so it counts as required and nobody knows.",
        "Frame and ✖: requests that did fail by failures that began there. Probes are left out.",
    ]
    notes += [
        f"{len(found) - most} of {plural(len(found), noun)} hidden."
        for found, most, noun in (
            (services, SERVICES_AT_MOST, "service"),
            (keys, ENTRIES_AT_MOST, "entry operation"),
        )
        if len(found) > most
    ]
    observed = int(whole["observed"].sum())
    return draw_cells(
        list(place[0]),
        [f"{service} {operation}" for service, operation in place[1]],
        cells,
        title=_TITLE,
        subtitle=f"{plural(len(services), 'service')}, most needed first; {observed:,} requests did fail",
        notes=notes,
        name="reach",
        shapes=frames,
    )


def _cell(row: Mapping[Any, Any]) -> Cell:
    requests, expected = int(row["requests"]), float(row["expected"])
    unsure = float(row["high"]) - float(row["low"]) > 0.5 * float(row["used"])
    text = percent(expected, requests).replace(" %", "%") + ("?" if unsure else "")
    if row["observed"]:
        text += f" ✖{int(row['observed'])}"
    entry = f"{row['entry_service']} {row['entry_operation']}"
    return Cell(
        min(1.0, expected / max(1, requests)),
        text,
        hover(
            [
                f"<b>{shown(row['service'], HOVER_CHARACTERS)} fails → {shown(entry, HOVER_CHARACTERS)}</b>",
                f"{float(row['used']):,.0f} of {plural(requests, 'request')} wait for it",
                f"{expected:,.0f} would fail, {float(row['low']):,.0f} to {float(row['high']):,.0f} as measured",
                f"{int(row['observed']):,} did fail by failures that began there",
            ]
        ),
    )
