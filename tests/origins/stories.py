"""Small systems in which something begins at a known place: a shop of three services, before and during."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import analysis as an

BEGIN = pd.Timestamp("2026-11-23T10:00:00Z")
MINUTE = 60_000_000_000
MS = 1_000_000
MAPPING = {
    "spans": {
        "trace_id": "trace",
        "span_id": "span",
        "parent_span_id": "parent",
        "service": "service",
        "name": "name",
        "kind": "kind",
        "status": "status",
        "start_ns": "start",
        "duration_ns": "duration",
    },
    "logs": {
        "time_ns": "time",
        "trace_id": "trace",
        "span_id": "span",
        "service": "service",
        "severity": "severity",
        "body": "text",
    },
}

Change = Callable[[dict[str, Any]], None]


def visit(number: int, start_ns: int) -> dict[str, Any]:
    """Return what a request is made of before any change: shop calls stock, which asks store; times in ms."""
    # One in seven is a little slower, so that times have a spread: 10 ms or 11 ms of each service itself.
    wobble = 1 if number % 7 == 0 else 0
    return {
        "number": number,
        "start_ns": start_ns,
        "own": {"shop": 10 + wobble, "stock": 10 + wobble, "store": 10 + wobble},
        "network": {"stock": 2, "store": 2},
        "failed": set(),
        "calls": ["stock", "store"],
        "lines": [],
    }


def spans_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the spans of a request: each service does half of its own work before its call, and half after it."""
    order = ["shop", *made["calls"]]
    rows: list[dict[str, Any]] = []

    def add(service: str, name: str, kind: str, parent: int, at: float, long: float) -> int:
        span = made["number"] * 100 + len(rows) + 1
        rows.append(
            {
                "trace": f"{made['number'] + 1:032x}",
                "span": f"{span:016x}",
                "parent": f"{parent:016x}" if parent else None,
                "service": service,
                "name": name,
                "kind": kind,
                "status": "error" if service in made["failed"] else "unset",
                "start": made["start_ns"] + int(at * MS),
                "duration": int(long * MS),
            }
        )
        return span

    def lasting(place: int) -> float:
        below = lasting(place + 1) + made["network"][order[place + 1]] if place + 1 < len(order) else 0
        return made["own"][order[place]] + below

    at, parent = 0.0, 0
    for place, service in enumerate(order):
        parent = add(service, f"serve {service}", "server", parent, at, lasting(place))
        if place + 1 < len(order):
            callee = order[place + 1]
            at += made["own"][service] / 2
            parent = add(service, f"call {callee}", "client", parent, at, lasting(place + 1) + made["network"][callee])
            at += made["network"][callee] / 2
    return rows


def recorded(change: Change, *, requests: int = 40, shuffle: int | None = None) -> an.Dataset:
    """Return a recording: a minute as always, then one in which each request was changed."""
    spans: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for number in range(2 * requests):
        minute, place = divmod(number, requests)
        made = visit(number, BEGIN.value + minute * MINUTE + place * MINUTE // requests)
        if minute:
            change(made)
        rows = spans_of(made)
        spans += rows
        for service, text in made["lines"]:
            row = next(row for row in rows if row["service"] == service)
            line = {"time": row["start"], "severity": "error", "text": text}
            lines.append(line | {name: row[name] for name in ("trace", "span", "service")})
    frames = [pd.DataFrame(spans)]
    if lines:
        frames.append(pd.DataFrame(lines))
    if shuffle is not None:
        frames = [frame.sample(frac=1, random_state=shuffle) for frame in frames]
    return an.open_rows(frames, MAPPING, skew="off")


INCIDENT = (BEGIN + pd.Timedelta("1min"), BEGIN + pd.Timedelta("2min"))
