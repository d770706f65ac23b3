"""Facts of conversations and of data accesses written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from tests.figures.stories import EXAMPLE, Story

MS = 1_000_000


def histogram(*values: int) -> Histogram:
    return Histogram.from_values(np.array(values, np.int64))


def talk(
    caller: str, callee: str, *calls: int, entry: str = "GET /", client: int = 10, server: int = 6
) -> dict[str, Any]:
    """Return a row of the fact ``conversations``: calls of each request; ms that both halves take in all."""
    return {
        "entry_service": "web",
        "entry_operation": entry,
        "caller": caller,
        "callee": callee,
        "requests": len(calls),
        "calls": sum(calls),
        "paired": sum(calls),
        "client_ns": client * MS,
        "server_ns": server * MS,
        "calls_per_request": histogram(*calls),
        "critical_per_request": histogram(*(count * MS for count in calls)),
        "exemplars": EXAMPLE,
    }


def talks(*rows: dict[str, Any]) -> Story:
    """Return a review of these conversations."""
    return Story({"conversations": pd.DataFrame(list(rows))})


def used(*rows: tuple[str, str, str, str, int]) -> Story:
    """Return a review of accesses (service, operation, table, mode, calls)."""
    columns = ("service", "operation", "table", "mode", "calls")
    frame = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])
    return Story(
        {"data_access": frame.assign(store="postgresql://db/shop", confidence=1.0, exemplars=[EXAMPLE] * len(rows))}
    )


def cells(figure: Any) -> dict[tuple[str, str], str]:
    """Return the text of every cell that is not empty, by the names of its row and column."""
    heat = figure.data[0]
    rows, columns = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext
    return {
        (rows[row], columns[column]): text
        for row, line in enumerate(heat.text)
        for column, text in enumerate(line)
        if text
    }
