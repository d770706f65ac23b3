"""Small exports written by hand: OTLP JSON of a few spans and log records, as bytes and as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MINUTE_NS", "log", "otlp", "otlp_lines", "span"]

#: 2026-11-23T10:00:00Z in ns since the epoch: 20,780 days of 86,400 s and 10 hours.
MINUTE_NS = (20_780 * 86_400 + 10 * 3_600) * 1_000_000_000


def span(
    trace: int | str,
    number: int,
    parent: int = 0,
    *,
    service: str = "shop",
    name: str = "GET /cart",
    kind: int = 2,
    start: int = 0,
    length: int = 1_000,
    status: int = 0,
    attributes: Mapping[str, str] | None = None,
    **fields: Any,
) -> tuple[str, dict[str, Any]]:
    """Return the service of a span and its OTLP form; start and length in ns after `MINUTE_NS`."""
    return service, {
        "traceId": trace if isinstance(trace, str) else f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(MINUTE_NS + start),
        "endTimeUnixNano": str(MINUTE_NS + start + length),
        "status": {"code": status} if status else {},
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in (attributes or {}).items()],
        **fields,
    }


def log(
    body: str,
    trace: int = 0,
    number: int = 0,
    *,
    service: str = "shop",
    time: int = 0,
    attributes: Mapping[str, str] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the service of a log record and its OTLP form."""
    record: dict[str, Any] = {
        "timeUnixNano": str(MINUTE_NS + time),
        "severityText": "INFO",
        "body": {"stringValue": body},
    }
    if trace:
        record |= {"traceId": f"{trace:032x}", "spanId": f"{number:016x}"}
    if attributes:
        record["attributes"] = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    return service, record


def otlp(spans: Iterable[tuple[str, dict[str, Any]]] = (), logs: Iterable[tuple[str, dict[str, Any]]] = ()) -> bytes:
    """Return one OTLP document, a resource for each record."""
    document: dict[str, Any] = {
        "resourceSpans": [{"resource": _resource(service), "scopeSpans": [{"spans": [one]}]} for service, one in spans]
    }
    lines = [{"resource": _resource(service), "scopeLogs": [{"logRecords": [one]}]} for service, one in logs]
    if lines:
        document["resourceLogs"] = lines
    return json.dumps(document).encode()


def otlp_lines(spans: Iterable[tuple[str, dict[str, Any]]]) -> bytes:
    """Return a document a span, one a line, as the Collector's file exporter writes them."""
    return b"\n".join(otlp([one]) for one in spans) + b"\n"


def _resource(service: str) -> dict[str, Any]:
    if not service:
        return {}
    return {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
