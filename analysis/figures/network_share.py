"""How much of what a caller waits for is the way rather than the callee's work."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed, fact, milliseconds, percent, trace_lines
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import BLUE, INK, ORANGE, empty_figure, figure_of

__all__ = ["network_share"]

_TITLE: Final = "Time on the way"
EDGES_AT_MOST: Final = 25
_ROW_PX: Final = 26
_LABEL_PX: Final = 250
_SHARE_PX: Final = 110


def network_share(result: Reviewed) -> go.Figure:
    """Draw for each edge the caller's time a call: the callee's work, and the way there and back.

    Parameters
    ----------
    result
        A review: its ``conversations`` fact.

    Returns
    -------
    plotly.graph_objects.Figure
        An edge is a bar, those that spend most on the way in all first; beside it stands the way's share. Only calls
        of which both spans were seen count.
    """
    talks = fact(result, "conversations")
    paired = None if talks is None else talks[talks["paired"] > 0]
    if talks is None or paired is None or paired.empty:
        return empty_figure("No call was seen from both sides, the caller's and the callee's.", _TITLE)
    columns = ["paired", "client_ns", "server_ns"]
    edges = paired.groupby(["caller", "callee"])[columns].sum().reset_index()
    edges["way_ns"] = (edges["client_ns"] - edges["server_ns"]).clip(lower=0)
    edges = edges.sort_values(["way_ns", "caller", "callee"], ascending=[False, True, True])
    notes = ["Way: the caller's span less the callee's: network, serialisation, queues and connection set-up."]
    if len(edges) > EDGES_AT_MOST:
        notes.insert(0, f"{len(edges) - EDGES_AT_MOST} of {plural(len(edges), 'edge')} hidden: those with least way.")
        edges = edges.head(EDGES_AT_MOST)
    unseen = int(talks["calls"].sum() - talks["paired"].sum())
    if unseen > 0:
        notes.append(f"Left out, as seen from one side only: {plural(unseen, 'call')}.")
    exemplars = {key: rows["exemplars"].iloc[0] for key, rows in paired.groupby(["caller", "callee"])}
    rows = edges.to_dict("records")
    return _draw(rows, [_hover(row, exemplars[row["caller"], row["callee"]]) for row in rows], notes)


def _hover(row: dict[Any, Any], exemplars: Any) -> str:
    each = row["client_ns"] / row["paired"] / 1e6
    way = row["way_ns"] / row["paired"] / 1e6
    return hover(
        [
            f"<b>{shown(row['caller'], HOVER_CHARACTERS)} → {shown(row['callee'], HOVER_CHARACTERS)}</b>",
            f"{plural(int(row['paired']), 'call')}, {milliseconds(each)} each, {milliseconds(way)} of it on the way",
            f"in all {milliseconds(row['way_ns'] / 1e6)} on the way",
            *trace_lines(exemplars),
        ]
    )


def _draw(rows: list[dict[Any, Any]], hovers: list[str], notes: list[str]) -> go.Figure:
    places = list(range(len(rows)))
    work = [max(0, row["client_ns"] - row["way_ns"]) / row["paired"] / 1e6 for row in rows]
    way = [row["way_ns"] / row["paired"] / 1e6 for row in rows]
    bars = [
        go.Bar(
            x=values,
            y=places,
            orientation="h",
            name=name,
            marker={
                "color": colour,
                "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": INK, "fgopacity": 0.6, "size": 5},
            },
            hovertext=hovers,
            hoverinfo="text",
        )
        for values, name, colour, pattern in ((work, "callee works", BLUE, ""), (way, "on the way", ORANGE, "/"))
    ]
    total = sum(row["way_ns"] for row in rows), sum(row["client_ns"] for row in rows)
    figure = figure_of(
        bars,
        title=_TITLE,
        subtitle=f"mean time of a call; {percent(*total)} of what callers wait for is the way",
        plot_height_px=len(rows) * _ROW_PX,
        notes=notes,
        margin={"l": _LABEL_PX, "t": 30, "r": _SHARE_PX, "b": 48},
        barmode="stack",
        bargap=0.3,
        legend={"traceorder": "normal"},
        xaxis={
            "title": {"text": "ms a call", "font": {"size": 11}, "standoff": 6},
            "rangemode": "tozero",
            "automargin": False,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": places,
            "ticktext": [fitted(f"{row['caller']} → {row['callee']}", _LABEL_PX - 20, 12) for row in rows],
            "ticklabelstandoff": 6,
            "showgrid": False,
            "automargin": False,
            "range": [len(rows) - 0.5, -0.5],
        },
    )
    for place, row in enumerate(rows):
        figure.add_annotation(
            x=1,
            xref="paper",
            xshift=10,
            xanchor="left",
            y=place,
            text=f"{percent(row['way_ns'], row['client_ns'])} way",
            showarrow=False,
            font={"size": 12, "color": INK},
            name="share",
        )
    return figure
