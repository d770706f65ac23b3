"""Forests of calls between services, written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.facts import Fact, merge, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def server(number: int, parent: int, service: str, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    """Return a span through which a service is entered."""
    return _span(number, parent, service, at, ms, kind="server", category="http", operation=f"GET /{service}") | columns


def client(number: int, parent: int, service: str, at: float, ms: float, to: str, **columns: Any) -> dict[str, Any]:
    """Return a call of ``GET /…`` of another service."""
    said = {"category": "http", "http_method": "GET", "url_path": f"/{to}", "server_address": to}
    named = {"template": f"GET /{to}", "operation": "GET"}
    return _span(number, parent, service, at, ms, kind="client", **said, **named) | columns


def _span(number: int, parent: int, service: str, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS)}
    return {"span_id": number, "parent_span_id": parent, "service": service} | times | columns


def scanned(fact: Fact, *rows: dict[str, Any]) -> pa.Table:
    """Scan one forest."""
    return fact.scan(plant(span_table(rows)))


def scan(fact: Fact, *rows: dict[str, Any]) -> pd.DataFrame:
    """Return a fact of one forest as a DataFrame."""
    return to_frame(fact.FIELDS, merge(fact.FIELDS, [scanned(fact, *rows)]))


def adds_up(fact: Fact, *rows: dict[str, Any]) -> bool:
    """Tell whether three traces apart, in another order, give what they give together, and give anything."""
    traces = [[row | {"trace_id_low": trace} for row in rows] for trace in (1, 2, 3)]
    apart = merge(fact.FIELDS, [scanned(fact, *trace) for trace in traces][::-1])
    together = merge(fact.FIELDS, [scanned(fact, *(row for trace in traces for row in trace))])
    return bool(apart.equals(together)) and apart.num_rows > 0


def span_ids(*numbers: int) -> tuple[str, ...]:
    """Return span ids as exemplars show them."""
    return tuple(f"{number:016x}" for number in numbers)
