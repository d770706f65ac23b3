"""Recordings written by hand: spans as tuples, times in milliseconds since the request began."""

from __future__ import annotations

import pandas as pd

import analysis as an

MS = 1_000_000
BEGIN = 1_795_420_800_000 * MS
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
        "db_system": "system",
        "db_statement": "statement",
        "module": "module",
    }
}


def recorded(requests, *, every_ms=1_000, shuffle=None):
    """Return a recording of requests, each a list of spans: id, parent (0: none), service, kind, start, end, more."""
    rows = []
    for number, spans in enumerate(requests):
        for span, parent, service, kind, start, end, *more in spans:
            extra = more[0] if more else {}
            rows.append(
                {
                    "trace": f"{number + 1:032x}",
                    "span": f"{number * 1000 + span:016x}",
                    "parent": f"{number * 1000 + parent:016x}" if parent else None,
                    "service": service,
                    "name": extra.get("name", f"{kind} {service}"),
                    "kind": kind,
                    "status": "error" if extra.get("failed") else "unset",
                    "start": BEGIN + number * every_ms * MS + int(start * MS),
                    "duration": int((end - start) * MS),
                    "system": "postgresql" if extra.get("statement") else None,
                    "statement": extra.get("statement"),
                    "module": extra.get("module"),
                }
            )
    frame = pd.DataFrame(rows)
    if shuffle is not None:
        frame = frame.sample(frac=1, random_state=shuffle)
    return an.open_rows(frame, MAPPING, skew="off")


def call(first, parent, caller, callee, start, end, way=1.0, **more):
    """Return the two halves of a call: the client's span lasts `way` longer at both ends than the server's."""
    return [
        (first, parent, caller, "client", start, end, more),
        (first + 1, first, callee, "server", start + way, end - way, more),
    ]


def only(result):
    """Return the one entry operation of an outcome that is the shop's."""
    (row,) = (row for row in result.operations.to_dict("records") if row["service"] == "shop")
    return row
