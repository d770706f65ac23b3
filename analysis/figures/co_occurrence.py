"""Which services are used together: of the traces of one, the share that has the other too."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Final

import plotly.graph_objects as go

from analysis.detectors.boundaries._services import is_probe
from analysis.figures._grid import grid
from analysis.figures._reviewed import Reviewed, fact, percent
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import empty_figure

__all__ = ["co_occurrence"]

_TITLE: Final = "Services used together"
SERVICES_AT_MOST: Final = 40
#: Services up to which a cell is wide enough for a number.
_FEW: Final = 30
_SHADES: Final = [[0, "#f4f7fa"], [0.5, "#cfe2f0"], [1, "#7db7de"]]


def co_occurrence(result: Reviewed) -> go.Figure:
    """Draw services as rows and columns; a cell holds the share of the row's traces that have the column too.

    Parameters
    ----------
    result
        A review: its ``trace_services`` fact. Traces of probes are left out.

    Returns
    -------
    plotly.graph_objects.Figure
        Services that are used together stand together; those in most traces come first.
    """
    sets = fact(result, "trace_services")
    seen = None if sets is None else sets[~sets["entry_operation"].map(is_probe).astype(bool)]
    if seen is None or seen.empty:
        return empty_figure("No trace names a service.", _TITLE)
    alone: dict[str, int] = defaultdict(int)
    both: dict[tuple[str, str], int] = defaultdict(int)
    for services, traces in zip(seen["services"], seen["traces"], strict=True):
        names = sorted({str(name) for name in services} - {""})
        for name in names:
            alone[name] += int(traces)
            both[name, name] += int(traces)
        for one, other in combinations(names, 2):
            both[one, other] += int(traces)
            both[other, one] += int(traces)
    if len(alone) < 2:
        return empty_figure("All traces are of one service: nothing is used together with it.", _TITLE)
    order = _order(alone, both)
    kept = order[:SERVICES_AT_MOST]
    values: list[list[float | None]] = [[both[one, other] / alone[one] or None for other in kept] for one in kept]
    few = len(kept) <= _FEW
    texts = [["" if value is None or not few else f"{100 * value:.0f}" for value in line] for line in values]
    for place in range(len(kept)):
        values[place][place], texts[place][place] = None, ""
    hovers = [[_hover(one, other, both[one, other], alone[one]) for other in kept] for one in kept]
    notes = ["Per cent of the traces of the row's service in which the column's service takes part; probes left out."]
    if len(order) > len(kept):
        notes.insert(0, f"{len(order) - len(kept)} of {plural(len(order), 'service')} hidden, those in fewest traces.")
    return grid(
        kept,
        kept,
        values,
        texts,
        hovers,
        title=_TITLE,
        subtitle=f"{plural(len(order), 'service')} in {plural(int(seen['traces'].sum()), 'trace')}",
        shades=_SHADES,
        notes=notes,
    )


def _order(alone: dict[str, int], both: dict[tuple[str, str], int]) -> list[str]:
    """Begin with the service in most traces, and go on with whoever shares most with the last one."""
    left = sorted(alone, key=lambda name: (-alone[name], name))
    order = [left.pop(0)]
    while left:
        last = order[-1]
        best = max(left, key=lambda name: (both.get((last, name), 0) / alone[name], alone[name], name))
        left.remove(best)
        order.append(best)
    return order


def _hover(one: str, other: str, together: int, whole: int) -> str:
    return hover(
        [
            f"<b>{shown(one, HOVER_CHARACTERS)}</b> with <b>{shown(other, HOVER_CHARACTERS)}</b>",
            f"{together:,} of {plural(whole, 'trace')} ({percent(together, whole)})",
        ]
    )
