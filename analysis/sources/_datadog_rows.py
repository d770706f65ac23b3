"""Spans of Datadog, from whichever of its exports, as rows of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from analysis.semconv import exception_columns, probability_weight, span_columns, text
from analysis.sources._alike import Made
from analysis.sources._datadog_callers import Callers, owner_of
from analysis.sources._datadog_names import STORE_SYSTEMS, conventional, kind_of
from analysis.sources._ids import canonical_span_id, canonical_trace_id
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._rows import SpanRows
from analysis.sources._times import span_times

__all__ = ["DatadogRows", "DatadogSpan", "chunk_weight", "decimal_id", "flat_tags", "high_half", "kept_for_callers"]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
_MASK: Final = (1 << 64) - 1
#: Longest name that attributes are joined to.
_DEEPEST: Final = 200
#: Columns that tags of the same name in other vocabularies feed, and those of the process.
_PROCESS: Final[Mapping[str, tuple[str, ...]]] = {
    "environment": ("env",),
    "service_version": ("version",),
    "host": ("host", "_dd.hostname", "_dd.tracer_hostname", "hostname"),
    "instance": ("pod_name", "kube_pod_name", "container_id", "runtime-id"),
    "module": ("code.namespace",),
}
_PROCESS_TAGS: Final = tuple(name for names in _PROCESS.values() for name in names)
#: Processes whose columns are remembered.
_PROCESSES: Final = 4096
_RATES: Final = ("_dd.rule_psr", "_dd.agent_psr")


@dataclass(slots=True)
class DatadogSpan:
    """One span in the parts that every export has.

    Attributes
    ----------
    operation, resource
        The two names of a span: "postgres.query" and what it was asked for.
    tags
        Everything else under its flat name, numbers among them.
    start_ns, duration_ns
        None where the export has none.
    """

    trace_id_high: int
    trace_id_low: int
    span_id: int
    parent_span_id: int
    service: str | None
    operation: str
    resource: str | None
    type: str
    failed: bool
    start_ns: int | None
    duration_ns: int | None
    tags: Mapping[str, Any] = field(default_factory=dict)
    links: Any = None
    resolution_ns: int = 1


class DatadogRows:
    """Gathers rows; `settle` after each trace that is complete, `finish` at the end."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = SpanRows(rejects)
        self._note = rejects.note
        self._callers = Callers(self.rows, rejects.note)
        self._processes: dict[tuple[Any, ...], dict[str, str | None]] = {}
        self.settle, self.finish = self._callers.settle, self._callers.finish
        self.remember: Final = self._callers.remember

    def add(self, span: DatadogSpan, weight: float = 1.0) -> None:
        """Take a span.

        Raises
        ------
        Refused
            It has no ids.
        """
        self._callers.add(*self.row(span, weight))

    def row(self, span: DatadogSpan, weight: float = 1.0) -> tuple[dict[str, Any], bool]:
        """Return the row of a span, and whether only a caller knows its service; raises as `add` does."""
        if not (span.trace_id_high or span.trace_id_low):
            raise Refused(NO_TRACE_ID)
        if not span.span_id:
            raise Refused(NO_SPAN_ID)
        tags = span.tags
        row = self.rows.template.copy()
        row["trace_id_high"], row["trace_id_low"] = span.trace_id_high, span.trace_id_low
        row["span_id"], row["parent_span_id"] = span.span_id, span.parent_span_id
        row["kind"] = kind = kind_of(tags, span.type, span.operation)
        row["service"], asks = owner_of(span.service, kind, span.type, tags)
        # The resource of a call to a store is its statement: that holds values and names nothing.
        store = span.type in STORE_SYSTEMS
        row["name"] = (span.operation or f"{span.type}.query") if store else (span.resource or span.operation or None)
        row["start_ns"], row["duration_ns"] = span_times(span.start_ns, span.duration_ns, self._note)
        row["weight"], row["time_resolution_ns"] = weight, span.resolution_ns
        row.update(self._process(tags))
        row["scope"] = text(tags.get("component"))
        if span.failed:
            row["status"] = "error"
        span_columns(conventional(tags, span.type, span.operation, span.resource), kind, row, self._note)
        self._peer(tags, span.service, row, asks)
        events = tags.get("events")
        if row["error_type"] is None and isinstance(events, str) and "exception" in events:
            exception_columns(_exception(events), row)
        links = span.links if span.links is not None else tags.get("_dd.span_links")
        if links:
            row["links"] = _links(links)
        return row, asks

    def _process(self, tags: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the columns of the process, which few of the many spans differ in."""
        said = tuple(map(tags.get, _PROCESS_TAGS))
        try:
            found = self._processes.get(said)
        except TypeError:
            # A list or an object where a text belongs.
            return _process_columns(tags)
        if found is None:
            if len(self._processes) >= _PROCESSES:
                self._processes.clear()
            found = self._processes[said] = _process_columns(tags)
        return found

    def _peer(self, tags: Mapping[str, Any], service: str | None, row: dict[str, Any], asks: bool) -> None:
        """Keep a peer that somebody named; what tracers compute from an address or a database says no more than it."""
        source = text(tags.get("_dd.peer.service.source")) or "peer.service"
        if source != "peer.service" and not tags.get("_dd.peer.service.remapped_from"):
            row["peer_service"] = None
        own = row["service"]
        renamed = not asks and own is not None and service not in {None, own} and row["kind"] in {"client", "producer"}
        # The name that a call was given instead of its process's is whom it calls, unless that is a library's.
        if row["peer_service"] is None and renamed and not owner_of(service, row["kind"], "", _without_base(tags))[1]:
            row["peer_service"] = service


def kept_for_callers(found: Made) -> tuple[list[tuple[int, int]], list[tuple[str | None, int]]]:
    """Return of rows that were made trace and span, and their service and parent."""
    columns, services = found.columns, [row["service"] for row in found.rows]
    return (
        list(zip(columns["trace_id_low"].tolist(), columns["span_id"].tolist(), strict=True)),
        list(
            zip([services[number] for number in found.which.tolist()], columns["parent_span_id"].tolist(), strict=True)
        ),
    )


def _process_columns(tags: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        column: next((found for name in names if (found := text(tags.get(name))) is not None), None)
        for column, names in _PROCESS.items()
    }


def flat_tags(nested: Mapping[str, Any], found: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Add nested attributes under their names joined by dots, and return them."""
    for name, value in nested.items():
        if isinstance(value, dict) and len(prefix) < _DEEPEST:
            flat_tags(value, found, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def decimal_id(value: object) -> tuple[int, int]:
    """Return the two halves of an id of Datadog: decimal digits or a number, of 64 bits; or 32 hexadecimal digits.

    Raises
    ------
    Refused
        It is neither a text nor a whole number.
    """
    if value is None or value == "":
        return 0, 0
    if isinstance(value, int) and not isinstance(value, bool):
        # A Java tracer may print its unsigned ids as signed.
        number = value if value >= 0 else value & _MASK
        return number >> 64 & _MASK, number & _MASK
    if isinstance(value, str):
        if len(value) <= 20 and value.isascii() and value.isdecimal():
            return 0, int(value) & _MASK
        return canonical_trace_id(value)
    raise Refused("id is neither a text nor a whole number")


def high_half(tags: Mapping[str, Any]) -> int:
    """Return the upper half of a trace id, which one span of a trace alone carries; 0 where this one does not."""
    value = tags.get("_dd.p.tid")
    if not isinstance(value, str) or not 0 < len(value) <= 16:
        return 0
    try:
        return int(value, 16)
    except ValueError:
        return 0


def chunk_weight(tags: Mapping[str, Any]) -> float | None:
    """Return how many traces one stands for, by the rate that one of its spans tells; None where this one does not."""
    rate = next((tags[name] for name in _RATES if tags.get(name) is not None), None)
    return None if rate is None else probability_weight(rate)


def _without_base(tags: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tags.items() if name not in {"_dd.base_service", "base_service"}}


def _links(links: Any) -> list[dict[str, Any]] | None:
    if isinstance(links, str):
        try:
            links = orjson.loads(links)
        except orjson.JSONDecodeError:
            return None
    found = []
    for link in links if isinstance(links, list) else ():
        if not isinstance(link, dict):
            continue
        high, low = decimal_id(link.get("trace_id"))
        span = link.get("span_id")
        # Beside a hexadecimal trace id, the span's is hexadecimal as well.
        span_id = canonical_span_id(span) if isinstance(span, str) and high else decimal_id(span)[1]
        if span_id and (high or low):
            high = high or decimal_id(link.get("trace_id_high"))[1]
            found.append({"trace_id_high": high, "trace_id_low": low, "span_id": span_id, "kind": "link"})
    return found or None


def _exception(events: str) -> Mapping[str, Any]:
    """Return the attributes of the first exception among a span's events, which are JSON in a tag."""
    try:
        listed = orjson.loads(events)
    except orjson.JSONDecodeError:
        return {}
    for event in listed if isinstance(listed, list) else ():
        if isinstance(event, dict) and event.get("name") == "exception" and isinstance(event.get("attributes"), dict):
            return dict(event["attributes"])
    return {}
