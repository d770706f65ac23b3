"""Which services are coupled through data: lines between those that use the same tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed, fact
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, listed, plural, shown
from analysis.figures._theme import (
    BLUE,
    PLATE,
    PLATE_INK,
    PLATE_LINE,
    SKY,
    VERMILION,
    annotate,
    empty_figure,
    figure_of,
)
from analysis.ownership import ownership

__all__ = ["data_coupling"]

_TITLE: Final = "Coupling through data"
SERVICES_AT_MOST: Final = 30
_HEIGHT_PX: Final = 460
_WIDEST_PX: Final = 10

#: Tables that two services share, each with whether both write it.
_Shared = Mapping[tuple[str, str], Sequence[tuple[str, bool]]]


def data_coupling(result: Reviewed) -> go.Figure:
    """Draw the services that use tables, topics aside, with a line between two that use the same.

    Parameters
    ----------
    result
        A review: its ``data_access`` fact.

    Returns
    -------
    plotly.graph_objects.Figure
        A line's width and its number say how many tables two services share; it is red and unbroken where both write
        one, blue and dashed where not. Services that share nothing are counted, not drawn.
    """
    if fact(result, "data_access") is None:
        return empty_figure("No access to a database, cache or other store was seen in the traces.", _TITLE)
    table = ownership(result)
    shared = _shared(table)
    names = sorted(set(table["service"]))
    coupled = sorted({service for pair in shared for service in pair})
    if not coupled:
        if len(names) == 1:
            return empty_figure("1 service uses tables: nobody is there to share them with.", _TITLE)
        return empty_figure(f"{plural(len(names), 'service')} use tables, and no two of them use the same.", _TITLE)
    notes = ["Number: tables and prefixes of keys that both use. Red: both write one of them; blue, dashed: not both."]
    if len(names) > len(coupled):
        notes.append(f"Not drawn, as nothing is shared: {plural(len(names) - len(coupled), 'service')}.")
    if coupled[SERVICES_AT_MOST:]:
        degree = {name: sum(len(tables) for pair, tables in shared.items() if name in pair) for name in coupled}
        kept = sorted(coupled, key=lambda name: (-degree[name], name))[:SERVICES_AT_MOST]
        notes.append(
            f"{len(coupled) - SERVICES_AT_MOST} of {plural(len(coupled), 'service')} hidden: those that share least."
        )
        coupled = sorted(kept)
        shared = {pair: tables for pair, tables in shared.items() if set(pair) <= set(kept)}
    return _draw(_around(coupled, shared), shared, notes)


def _shared(table: pd.DataFrame) -> _Shared:
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for (_, name), rows in table.groupby(["store", "table"], sort=True):
        writes = {str(service): int(count) for service, count in zip(rows["service"], rows["writes"], strict=True)}
        for pair in combinations(sorted(writes), 2):
            both = all(writes[service] > 0 for service in pair)
            found.setdefault(pair, []).append((str(name), both))
    return found


def _around(names: Sequence[str], shared: _Shared) -> dict[str, tuple[float, float]]:
    """Put services on an ellipse, those that share beside each other."""
    left = set(names)
    order: list[str] = []
    while left:
        last = order[-1] if order else ""
        order.append(min(left, key=lambda name: (-_between(shared, last, name), -_degree(shared, name), name)))
        left.remove(order[-1])
    turn = 2 * math.pi / len(order)
    return {
        name: (math.cos(turn * place - math.pi), math.sin(math.pi - turn * place)) for place, name in enumerate(order)
    }


def _between(shared: _Shared, one: str, other: str) -> int:
    return len(shared.get((min(one, other), max(one, other)), ()))


def _degree(shared: _Shared, name: str) -> int:
    return sum(len(tables) for pair, tables in shared.items() if name in pair)


def _draw(places: Mapping[str, tuple[float, float]], shared: _Shared, notes: list[str]) -> go.Figure:
    most = max(len(tables) for tables in shared.values())
    lines = [_line(places, pair, shared[pair], most) for pair in sorted(shared)]
    middles = [_middle(places, pair) for pair in sorted(shared)]
    spots = go.Scatter(
        x=[x for x, _ in middles],
        y=[y for _, y in middles],
        mode="markers",
        marker={"size": 22, "color": "rgba(0,0,0,0)"},
        hovertext=[_hover(pair, shared[pair]) for pair in sorted(shared)],
        hoverinfo="text",
        showlegend=False,
        name="shared",
    )
    contested = sum(any(both for _, both in tables) for tables in shared.values())
    figure = figure_of(
        [*lines, spots],
        title=_TITLE,
        subtitle=f"{plural(len(shared), 'pair')} of services share data; {contested} of them write the same table",
        plot_height_px=_HEIGHT_PX,
        notes=notes,
        margin={"l": 20, "r": 20},
        showlegend=False,
        xaxis={"visible": False, "range": [-1.35, 1.35]},
        yaxis={"visible": False, "range": [-1.25, 1.25]},
    )
    plates = [
        _plate(x, y, str(len(shared[pair])), "count", 11) for pair, (x, y) in zip(sorted(shared), middles, strict=True)
    ]
    plates += [_plate(x, y, f"<b>{fitted(name, 150, 12)}</b>", "service", 12) for name, (x, y) in places.items()]
    annotate(figure, plates)
    return figure


def _middle(places: Mapping[str, tuple[float, float]], pair: tuple[str, str]) -> tuple[float, float]:
    """Return where the number of a line stands: off its middle, so that lines through the centre stay apart."""
    (x1, y1), (x2, y2) = (places[name] for name in pair)
    return x1 + (x2 - x1) * 0.42, y1 + (y2 - y1) * 0.42


def _line(
    places: Mapping[str, tuple[float, float]], pair: tuple[str, str], tables: Sequence[tuple[str, bool]], most: int
) -> go.Scatter:
    both = any(item for _, item in tables)
    (x1, y1), (x2, y2) = (places[name] for name in pair)
    return go.Scatter(
        x=[x1, x2],
        y=[y1, y2],
        mode="lines",
        line={
            "width": 1.5 + (_WIDEST_PX - 1.5) * len(tables) / most,
            "color": VERMILION if both else BLUE if len(tables) > 1 else SKY,
            "dash": "solid" if both else "dash",
        },
        hoverinfo="skip",
        name="both write" if both else "shared",
    )


def _hover(pair: tuple[str, str], tables: Sequence[tuple[str, bool]]) -> str:
    written = [name for name, both in tables if both]
    return hover(
        [
            f"<b>{' and '.join(shown(name, HOVER_CHARACTERS) for name in pair)}</b>",
            f"share {listed([name for name, _ in tables], at_most=6)}",
            f"both write {listed(written, at_most=6)}" if written else "at most one of the two writes",
        ]
    )


def _plate(x: float, y: float, text: str, name: str, size: int) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "text": text,
        "showarrow": False,
        "bgcolor": PLATE,
        "bordercolor": PLATE_LINE,
        "borderwidth": 1,
        "borderpad": 5 if name == "service" else 2,
        "font": {"size": size, "color": PLATE_INK},
        "name": name,
    }
