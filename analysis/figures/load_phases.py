"""The phases of a callee under load: what is offered to it, retries included, and what it answers well, over time."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis._wording import duration
from analysis.facts import by_second
from analysis.figures._reviewed import Reviewed, fact
from analysis.figures._text import hover, plural, shown
from analysis.figures._theme import BLUE, GREY, INK, ORANGE, VERMILION, empty_figure, figure_of

__all__ = ["load_phases"]

_TITLE: Final = "Load and answers"
#: Points of the way that are drawn.
POINTS_AT_MOST: Final = 40
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def load_phases(result: Reviewed, target: str | None = None) -> go.Figure:
    """Draw how the answers of a callee follow what is offered to it, from one span of time to the next.

    Parameters
    ----------
    result
        A review: its ``call_seconds`` fact.
    target
        The callee; by default the service whose calls failed most often.

    Returns
    -------
    plotly.graph_objects.Figure
        Each point is a span of time, joined in order: to the right the calls offered a second, every attempt counted;
        upwards those answered well. On the diagonal all is well; below it, the further the more is lost. The size of a
        point grows with the share of attempts that were tries again.
    """
    seconds = fact(result, "call_seconds")
    rows = None if seconds is None else seconds[(seconds["service"] != "") & (seconds["kind"] == "service")]
    if rows is None or rows.empty:
        return empty_figure("No call between services was seen that says its kind (client) and its time.", _TITLE)
    if target is None:
        losses = {str(name): _count(part, "failures") for name, part in rows.groupby("target", sort=True)}
        target = max(losses, key=lambda name: (losses[name], name))
        if not losses[target]:
            return empty_figure("No call between services failed: what was offered was answered.", _TITLE)
    rows = rows[rows["target"] == target]
    if rows.empty:
        return empty_figure(f"No call to {target} was seen.", _TITLE)
    return _draw(target, by_second(rows, ["by_second", "failures", "retries"]))


def _count(rows: pd.DataFrame, name: str) -> int:
    return sum(int(cell.counts.sum()) for cell in rows[name])


def _draw(target: str, table: pd.DataFrame) -> go.Figure:
    first, last = int(table.index.min()), int(table.index.max())
    step = next((one for one in _STEPS_S if (last - first) // one < POINTS_AT_MOST), _STEPS_S[-1])
    bins = table.groupby(table.index // step).sum()
    bins = bins.reindex(range(int(bins.index.min()), int(bins.index.max()) + 1), fill_value=0)
    offered = bins["by_second"].to_numpy(float) / step
    good = (bins["by_second"] - bins["failures"]).to_numpy(float) / step
    whole = np.maximum(bins["by_second"].to_numpy(float), 1.0)
    again, lost = bins["retries"].to_numpy(float) / whole, bins["failures"].to_numpy(float) / whole
    clock = pd.to_datetime(bins.index.to_numpy() * step, unit="s", utc=True)
    most = max(float(offered.max()), 1e-9) * 1.06
    top = min(most, max(1.6 * float(good.max()), most / 4))
    told = _numbered(offered / most, good / top, lost)
    traces = [
        go.Scatter(
            x=[0, most],
            y=[0, most],
            mode="lines",
            line={"color": GREY, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
            name="all answered",
        ),
        go.Scatter(
            x=offered,
            y=good,
            mode="lines",
            line={"color": GREY, "width": 1.5},
            hoverinfo="skip",
            name="in order of time",
            showlegend=False,
        ),
    ]
    groups = (
        ("fewer than 5 % fail", lost < 0.05, BLUE, "circle"),
        ("5 to 50 % fail", (lost >= 0.05) & (lost < 0.5), ORANGE, "diamond"),
        ("half or more fail", lost >= 0.5, VERMILION, "square"),
    )
    for name, marked, colour, symbol in groups:
        places = np.flatnonzero(marked).tolist()
        if places:
            traces.append(
                go.Scatter(
                    x=offered[places],
                    y=good[places],
                    mode="markers+text",
                    marker={
                        "color": colour,
                        "symbol": symbol,
                        "opacity": 1,
                        "size": 11 + 22 * again[places],
                        "line": {"color": INK, "width": 1},
                    },
                    text=[str(place + 1) if place in told else "" for place in places],
                    cliponaxis=False,
                    textposition="top right",
                    textfont={"size": 11, "color": INK},
                    hoverinfo="text",
                    hovertext=[
                        hover(
                            [
                                f"<b>{place + 1}: {clock[place]:%Y-%m-%d %H:%M:%S}</b>, {duration(step * 1e3)}",
                                f"{offered[place]:.2g} calls a second offered, {good[place]:.2g} answered well",
                                f"{again[place]:.0%} of the attempts were tries again, {lost[place]:.0%} failed",
                            ]
                        )
                        for place in places
                    ],
                    name=name,
                )
            )
    return figure_of(
        traces,
        title=f"{_TITLE}: {shown(target, 60)}",
        subtitle=(
            f"{plural(len(bins), 'span')} of {duration(step * 1e3)} from {clock[0]:%Y-%m-%d %H:%M:%S} on (UTC), "
            f"numbered in order; {int(bins['retries'].sum()):,} of {int(bins['by_second'].sum()):,} attempts were "
            "tries again"
        ),
        plot_height_px=380,
        notes=[
            "Follow the numbers. On the dotted line all that is offered is answered. Larger points: more tries again.",
            "A way that stays low and on the right after the rush is over is a metastable overload.",
        ],
        margin={"l": 60, "b": 62, "t": 34},
        xaxis={"title": {"text": "calls offered a second, every attempt"}, "range": [0, most]},
        yaxis={"title": {"text": "answered well a second"}, "range": [-0.05 * top, top]},
    )


def _numbered(across: np.ndarray, up: np.ndarray, lost: np.ndarray) -> frozenset[int]:
    """Choose the points that are numbered: the ends and where the phase changes, but none that would cover another."""
    phase = np.searchsorted([0.05, 0.5], lost, side="right")
    changes = [place for place in range(1, len(lost) - 1) if phase[place] != phase[place - 1]]
    told: list[int] = []
    for place in (0, len(lost) - 1, *changes):
        if all(abs(across[place] - across[other]) > 0.04 or abs(up[place] - up[other]) > 0.05 for other in told):
            told.append(place)
    return frozenset(told)
