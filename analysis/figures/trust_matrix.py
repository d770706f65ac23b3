"""What the spans of each service say, attribute by attribute: where the review is blind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.facts.coverage import ASPECTS
from analysis.figures._grid import GAP, grid
from analysis.figures._reviewed import Reviewed, fact, percent
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import empty_figure
from analysis.trust import coverage_by_service

__all__ = ["trust_matrix"]

_TITLE: Final = "What spans say"
SERVICES_AT_MOST: Final = 60
#: From what is missing to what is there; every cell also holds its number.
_SHADES: Final = [[0, "#f2b8a0"], [0.5, "#f8e3c4"], [0.999, "#eef4f1"], [1, "#dcece6"]]
_CLEAN: Final = {"current_names": "current names", "parents": "parents there"}


def trust_matrix(result: Reviewed) -> go.Figure:
    """Draw services as rows and what spans could say as columns, with the share that does in each cell.

    Parameters
    ----------
    result
        A review: its ``coverage`` and ``orphans`` facts.

    Returns
    -------
    plotly.graph_objects.Figure
        In per cent; a dash where a service has no such span. Services that lack most spans come first.
    """
    coverage = fact(result, "coverage")
    if coverage is None:
        return empty_figure("There is no span that could say anything.", _TITLE)
    shares = coverage_by_service(result.facts)
    counts = coverage.set_index("service")
    shares["current_names"] = 1 - counts["old_conventions"] / counts["spans"]
    shares["parents"] = _parents(result, list(shares.index))
    missing = (1 - shares.fillna(1)).sum(axis=1)
    order = sorted(shares.index, key=lambda name: (-float(missing[name]), str(name)))
    kept = order[:SERVICES_AT_MOST]
    columns = list(shares.columns)
    values = [[_value(shares.loc[service, name]) for name in columns] for service in kept]
    texts = [[GAP if value is None else percent(value, 1).removesuffix(" %") for value in line] for line in values]
    hovers = [
        [_hover(service, name, value, counts) for name, value in zip(columns, line, strict=True)]
        for service, line in zip(kept, values, strict=True)
    ]
    notes = [
        "Per cent of the spans that could say it and do; a dash: the service has no such span.",
        "Services that lack most come first.",
    ]
    if len(order) > len(kept):
        notes.insert(0, f"{len(order) - len(kept)} of {plural(len(order), 'service')} hidden, those that lack least.")
    whole = sum(bool(line) and all(value is None or value >= 0.9995 for value in line) for line in values)
    return grid(
        kept,
        [_CLEAN.get(name, name.replace("_", " ")) for name in columns],
        values,
        texts,
        hovers,
        title=_TITLE,
        subtitle=f"{plural(len(order), 'service')}, {whole} of them say all that is asked for",
        shades=_SHADES,
        notes=notes,
    )


def _parents(result: Reviewed, services: Sequence[str]) -> list[float]:
    """Return for each service the share of spans naming a parent whose parent is there."""
    orphans = fact(result, "orphans")
    if orphans is None:
        return [math.nan] * len(services)
    sums = orphans.groupby("service")[["with_parent", "orphans", "cut"]].sum().reindex(list(services))
    whole = sums["with_parent"] - sums["cut"]
    return [float(share) for share in 1 - (sums["orphans"] - sums["cut"]) / whole.where(whole > 0)]


def _value(share: Any) -> float | None:
    value = float(share)
    return None if math.isnan(value) else value


def _hover(service: str, name: str, value: float | None, counts: pd.DataFrame) -> str:
    said = ASPECTS[name][2] if name in ASPECTS else _CLEAN[name]
    if value is None:
        return hover([f"<b>{shown(service, HOVER_CHARACTERS)}</b>", f"no span that could have {shown(said, 80)}"])
    lines = [f"<b>{shown(service, HOVER_CHARACTERS)}</b>", f"{shown(said, 80)}: {percent(value, 1)}"]
    if name in ASPECTS:
        number = int(counts[ASPECTS[name][0]].loc[service])
        lines.append(f"of {plural(number, 'span')}")
    return hover(lines)
