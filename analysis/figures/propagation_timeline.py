"""How an incident spread: for each service, when its visits failed, the first to fail on top."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis._wording import duration
from analysis.facts import by_second
from analysis.figures._reviewed import Reviewed, fact, percent
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import GREY, INK, VERMILION, empty_figure, figure_of

__all__ = ["propagation_timeline"]

_TITLE: Final = "Failures over time"
SERVICES_AT_MOST: Final = 24
#: Spans of time that are drawn.
COLUMNS_AT_MOST: Final = 120
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
#: A service fails in a span of time in which so many of its visits do.
_FAILING: Final = 0.2
#: Failures that make a series; fewer are chance.
_LEAST: Final = 3
#: Spans without failures that do not end a series.
_PAUSE: Final = 2
_ROW_PX: Final = 46
_LABEL_PX: Final = 210


def propagation_timeline(result: Reviewed, start: Any = None, end: Any = None) -> go.Figure:
    """Draw for each service which share of its visits failed when, the services that failed first on top.

    Parameters
    ----------
    result
        A review: its ``instance_minutes`` fact.
    start, end
        What is drawn: anything that pandas.Timestamp takes, UTC; the whole recording by default.

    Returns
    -------
    plotly.graph_objects.Figure
        A row is a service; a red bar is the share of the visits that ended in that span of time and failed, its whole
        height being all. The grey line below is there where it had visits. A triangle marks where its gravest series
        begins: spans in which a fifth failed, with no more than two others between. Services without failures are
        counted below.
    """
    minutes = fact(result, "instance_minutes")
    if minutes is None:
        return empty_figure("No span has a time, so nothing can be told over time.", _TITLE)
    tables = {
        str(name): _within(by_second(rows, ["ended", "failed"]), start, end)
        for name, rows in minutes.groupby("service", sort=True)
    }
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        return empty_figure("Nothing was recorded in this span of time.", _TITLE)
    failing = {name: table for name, table in tables.items() if int(table["failed"].sum())}
    if not failing:
        return empty_figure(f"None of the visits of {plural(len(tables), 'service')} failed.", _TITLE)
    first = min(int(table.index.min()) for table in tables.values())
    last = max(int(table.index.max()) for table in tables.values())
    step = next((one for one in _STEPS_S if (last - first) // one < COLUMNS_AT_MOST), _STEPS_S[-1])
    return _draw(failing, len(tables), (first, last), step)


def _within(table: pd.DataFrame, start: Any, end: Any) -> pd.DataFrame:
    for bound, keep in ((start, "from"), (end, "to")):
        if bound is not None:
            at = pd.Timestamp(bound)
            second = (at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")).timestamp()
            table = table[table.index >= second] if keep == "from" else table[table.index <= second]
    return table


def _draw(failing: dict[str, pd.DataFrame], services: int, window: tuple[int, int], step: int) -> go.Figure:
    shares = {name: _shares(table, step) for name, table in failing.items()}
    began = {name: _began(table) for name, table in shares.items()}
    # Those that never had a fifth of their visits fail come last, by when they first failed.
    order = sorted(shares, key=lambda name: (began[name] is None, began[name] or int(shares[name].index[0]), name))
    hidden = order[SERVICES_AT_MOST:]
    order = order[:SERVICES_AT_MOST]
    traces: list[Any] = []
    for row, name in enumerate(order):
        table = shares[name]
        clock = _clock(table.index.to_numpy(), step)
        bottom = row + 0.4
        traces.append(
            go.Bar(
                x=clock,
                y=np.full(len(table), 0.03),
                base=np.full(len(table), bottom - 0.015),
                width=step * 1000,
                marker={"color": GREY, "line": {"width": 0}},
                hoverinfo="skip",
                name="visits",
            )
        )
        bad = table[table["failed"] > 0]
        height = 0.78 * (bad["failed"] / bad["ended"]).to_numpy(float)
        traces.append(
            go.Bar(
                x=_clock(bad.index.to_numpy(), step),
                y=-height,
                base=np.full(len(bad), bottom),
                width=step * 1000 * 0.92,
                marker={"color": VERMILION, "line": {"width": 0}},
                hoverinfo="text",
                hovertext=[
                    _hover(name, at, step, line) for at, line in zip(bad.index, bad.to_dict("records"), strict=True)
                ],
                name="failed",
            )
        )
    marks = [(row, began[name]) for row, name in enumerate(order) if began[name] is not None]
    traces.append(
        go.Scatter(
            x=_clock(np.array([at for _, at in marks], np.int64), step),
            y=[row - 0.44 for row, _ in marks],
            mode="markers",
            marker={"symbol": "triangle-down", "size": 11, "color": INK},
            hoverinfo="skip",
            name="a fifth fails",
        )
    )
    edge = pd.to_datetime(np.array([window[0] - step / 2, window[1] + step * 1.5]) * 1000, unit="ms")
    notes = [
        f"Full height: all visits that ended in {duration(step * 1e3)} failed. Grey: there were visits.",
        "▼: here its gravest series of spans begins in which a fifth failed. Services stand in this order.",
        "What failed first need not be the cause.",
    ]
    if services - len(shares):
        notes.append(f"{plural(services - len(shares), 'service')} without a failed visit not drawn.")
    if hidden:
        notes.append(f"{plural(len(hidden), 'service')} hidden, those that failed last.")
    return figure_of(
        traces,
        title=_TITLE,
        subtitle=f"{len(shares)} of {plural(services, 'service')} had failed visits; times are UTC",
        plot_height_px=len(order) * _ROW_PX,
        notes=notes,
        margin={"l": _LABEL_PX, "b": 34, "t": 8},
        showlegend=False,
        barmode="overlay",
        xaxis={"type": "date", "range": [edge[0], edge[1]], "tickformat": "%H:%M:%S\n%Y-%m-%d"},
        yaxis={
            "tickvals": list(range(len(order))),
            "ticktext": [fitted(name, _LABEL_PX - 24, 12) for name in order],
            "range": [len(order) - 0.45, -0.62],
            "showgrid": False,
            "automargin": False,
            "ticklabelstandoff": 6,
        },
    )


def _shares(table: pd.DataFrame, step: int) -> pd.DataFrame:
    binned: pd.DataFrame = table.groupby(table.index // step)[["ended", "failed"]].sum()
    return binned[binned["ended"] > 0]


def _began(table: pd.DataFrame) -> int | None:
    """Return where the series with the most failures begins."""
    marked = table[(table["failed"] >= _FAILING * table["ended"]).to_numpy(bool)]
    if marked.empty:
        return None
    at = marked.index.to_numpy(np.int64)
    series = np.cumsum(np.diff(at, prepend=at[0]) > _PAUSE + 1)
    failed = np.bincount(series, weights=marked["failed"].to_numpy(float))
    if failed.max() < _LEAST:
        return None
    return int(at[series == int(failed.argmax())][0])


def _clock(index: np.ndarray, step: int) -> pd.DatetimeIndex:
    """Return the middles of spans of time."""
    return pd.to_datetime((index * step + step / 2) * 1000, unit="ms")


def _hover(name: str, at: Any, step: int, line: dict[Any, Any]) -> str:
    begin = pd.Timestamp(int(at) * step, unit="s")
    failed, ended = int(line["failed"]), int(line["ended"])
    return hover(
        [
            f"<b>{shown(name, HOVER_CHARACTERS)}</b>",
            f"{begin:%Y-%m-%d %H:%M:%S} UTC, {step} s",
            f"{failed:,} of {plural(ended, 'visit')} failed, {percent(failed, ended)}",
        ]
    )
