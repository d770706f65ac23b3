"""Spans of forests written by hand for facts; times in ms after the start of the trace's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis import facts
from analysis.forest import plant
from tests.forests import log_table, span_table

__all__ = ["MS", "START_NS", "Row", "log", "query", "read", "rows_of", "span", "span_ids"]

MS = 1_000_000
#: 2026-01-01T00:00:00Z.
START_NS = 1_767_225_600_000_000_000

Row = Mapping[str, Any]


def span(number: int, parent: int = 0, at: float = 0, ms: float = 10, **columns: Any) -> dict[str, Any]:
    """Return a server span of the shop; ``at`` and ``ms`` are when it starts and how long it takes."""
    row = {"service": "shop", "kind": "server", "operation": "GET /cart", "category": "http", "status": "unset"}
    times = {"start_ns": START_NS + int(at * MS), "duration_ns": int(ms * MS)}
    return row | {"span_id": number, "parent_span_id": parent} | times | columns


def query(number: int, parent: int, at: float = 0, ms: float = 10, **columns: Any) -> dict[str, Any]:
    """Return a client span of a PostgreSQL database."""
    said = {
        "kind": "client",
        "operation": "SELECT carts",
        "category": "database",
        "db_system": "postgresql",
        "server_address": "db",
        "server_port": 6432,
        "db_namespace": "shop",
        "template": "SELECT * FROM carts WHERE id = ?",
        "db_statement": "SELECT * FROM carts WHERE id = 7",
    }
    return span(number, parent, at, ms, **(said | columns))


def log(at: float | None = 0, **columns: Any) -> dict[str, Any]:
    """Return a log record of the shop that names trace 1; ``at`` is when it was written."""
    row: dict[str, Any] = {"service": "shop", "severity": "info", "body": "cart read", "template": "cart read"}
    return row | {"time_ns": None if at is None else START_NS + int(at * MS)} | columns


def read(name: str, *spans: Row, logs: Sequence[Row] = (), window: tuple[int, int] | None = None) -> pd.DataFrame:
    """Return a fact of some spans and log records, merged as the engine merges it."""
    fact = facts.discover()[name]
    scanned = fact.scan(plant(span_table(spans), window=window, logs=log_table(logs)))
    return facts.to_frame(fact.FIELDS, facts.merge(fact.FIELDS, [scanned]))


def rows_of(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns as plain rows."""
    return list(frame[list(columns)].itertuples(index=False, name=None))


def span_ids(cell: tuple[facts.Exemplar, ...]) -> list[tuple[int, ...]]:
    """Return the span ids of each exemplar as numbers."""
    return [tuple(int(text, 16) for text in item.span_ids) for item in cell]
