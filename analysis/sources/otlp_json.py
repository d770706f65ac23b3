"""OpenTelemetry traces and logs as JSON, in every wrapping that tools give them.

**Who exports it.** The OpenTelemetry Collector's file exporter (``exporters: file: path: traces.jsonl``), one request
a line; anything that speaks OTLP/HTTP with JSON; Grafana Tempo's API (``/api/traces/<id>`` and
``/api/v2/traces/<id>``); Grafana, from Explore: open a trace, then *Inspector*, *Data*, *Download traces*; Jaeger's
API v3 (``/api/v3/traces/<id>``).

**What is read.** Spans with their resource, scope, attributes, status, links and exception events; log records. One
object, objects one after another, an array of them, or one a line; pretty-printed or not; ``resourceSpans`` and
``resourceLogs`` mixed; Tempo's ``batches`` and ``trace``; ``instrumentationLibrarySpans`` and ``ilSpans`` of before
2022; lowerCamelCase or snake_case keys. Ids may be hexadecimal or base64; kinds and status codes numbers or names;
64-bit numbers texts or numbers.

**What is assumed.** Times are nanoseconds. A JSON number that ends in two zeros went through a float on its way
(Grafana's download does that): its time counts as exact to 256 ns only. A span that ends before it starts has a
duration of 0, one without an end has none; both are noted. The weight of a sampled span is that of its trace state
(``ot=th:`` or ``ot=p:``). Metrics are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from analysis.semconv import (
    KINDS,
    KNOWN,
    STATUSES,
    exception_columns,
    resource_columns,
    span_columns,
    text,
    tracestate_weight,
)
from analysis.sources._documents import Layout, units, units_of
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._otlp import any_value, attribute_map, is_structured, plain_map, severity
from analysis.sources._outline import outlines
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows, SpanRows
from analysis.sources._streams import Readable
from analysis.sources._times import BEYOND, INT64_MAX, nanoseconds, span_times

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "read_message", "sniff"]

NAME: Final = "otlp-json"
TITLE: Final = "OpenTelemetry JSON: Collector, Tempo, Grafana, Jaeger API v3"
DESCRIPTION: Final = __doc__ or ""

_SPAN_BLOCKS: Final = ("resourceSpans", "resource_spans", "batches")
_LOG_BLOCKS: Final = ("resourceLogs", "resource_logs")
_SCOPES: Final = ("scopeSpans", "instrumentationLibrarySpans", "ilSpans")
_LOG_SCOPES: Final = ("scopeLogs", "instrumentationLibraryLogs")
_WRAPPERS: Final = ("trace", "result")
_EXCEPTION: Final = frozenset({"exception.type", "exception.message"})
_LAYOUT: Final = Layout(
    records=frozenset((*_SPAN_BLOCKS, *_LOG_BLOCKS)),
    wrappers=frozenset(_WRAPPERS),
    salvage=frozenset(
        {
            "spans",
            "scopeSpans",
            "scope_spans",
            "instrumentationLibrarySpans",
            "instrumentation_library_spans",
            "logRecords",
            "log_records",
            "scopeLogs",
            "scope_logs",
        }
    ),
    remarks={b'"PARTIAL"': "Tempo says that it returned only a part of the trace"},
)
#: Where an outline shows one of these keys, and nothing else does, the text is OTLP.
_MARKS: Final = (*_SPAN_BLOCKS, *_LOG_BLOCKS, "scopeSpans", "scope_spans", "scopeLogs")
_ROUNDED: Final = 1 << 53
NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than OTLP's"


def sniff(head: bytes) -> bool:
    """Return whether the bytes are OTLP as JSON: they name its outer arrays where these belong."""
    return any(
        keys.has(path, mark)
        for keys in outlines(head)
        for path in ("", "[]", *_WRAPPERS, *(f"[].{wrapper}" for wrapper in _WRAPPERS))
        for mark in _MARKS
    )


def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and logs in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.key, unit.value, unit.position)
        yield from reader.full()
    yield from reader.rest()


def read_message(content: bytes, rejects: Rejects, position: str) -> Iterator[Batch]:
    """Yield the records of one JSON message that stands at a position of a framed file."""
    reader = _Reader(rejects)
    for unit in units_of(content, rejects, _LAYOUT, position):
        reader.take(unit.key, unit.value, unit.position)
    yield from reader.rest()


class _Reader:
    """Gathers rows from decoded OTLP objects."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects
        self._note = rejects.note
        self._spans, self._logs = SpanRows(rejects), LogRows(rejects)
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        if len(self._spans) >= BATCH_ROWS:
            yield from self._spans.batch()
        if len(self._logs) >= BATCH_ROWS:
            yield from self._logs.batch()

    def rest(self) -> Iterator[Batch]:
        """Yield what is left."""
        yield from self._spans.batch()
        yield from self._logs.batch()

    def take(self, key: str, value: Any, position: str) -> None:
        """Take one decoded record, found under a key or by itself."""
        try:
            if key in _SPAN_BLOCKS:
                self._span_block(value, position)
            elif key in _LOG_BLOCKS:
                self._log_block(value, position)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    self.take("" if isinstance(item, dict) else "neither", item, f"{position}[{index}]")
            elif key == "" and self._object(value, position):
                pass
            else:
                self._rejects.add(SHAPE, position, masked(value))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            self._rejects.add(SHAPE, position)

    def _object(self, value: dict[str, Any], position: str) -> bool:
        """Take whatever an outer object holds; return whether it is one of OTLP at all."""
        known = False
        for key in (*_SPAN_BLOCKS, *_LOG_BLOCKS):
            if key in value:
                known = True
                for index, block in enumerate(value[key] or ()):
                    self.take(key, block, f"{position}: {key}[{index}]")
        for key in _WRAPPERS:
            if isinstance(value.get(key), dict):
                known = True
                self.take("", value[key], f"{position}: {key}")
        if any(mark in value for mark in (*_SCOPES, "scope_spans", "instrumentation_library_spans")):
            known = True
            self._span_block(value, position)
        if any(mark in value for mark in (*_LOG_SCOPES, "scope_logs")):
            known = True
            self._log_block(value, position)
        if "resourceMetrics" in value or "resource_metrics" in value:
            known = True
            self._note("requests of metrics were passed over")
        if value.get("status") == "PARTIAL":
            self._note("Tempo says that it returned only a part of the trace")
        return known or not value

    def _span_block(self, block: dict[str, Any], position: str) -> None:
        if "scope_spans" in block or "instrumentation_library_spans" in block:
            block = _camel(block)
        resource = self._resource(block)
        for key in _SCOPES:
            for number, part in enumerate(block.get(key) or ()):
                try:
                    row, spans = _scoped(resource, part), part.get("spans") or ()
                except (AttributeError, TypeError):
                    self._rejects.add(SHAPE, f"{position}.{key}[{number}]")
                    continue
                for index, span in enumerate(spans):
                    try:
                        self._span(span, row)
                    except Refused as refused:
                        self._rejects.add(str(refused), f"{position}.{key}[{number}].spans[{index}]")
                    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
                        self._rejects.add(SHAPE, f"{position}.{key}[{number}].spans[{index}]")

    def _log_block(self, block: dict[str, Any], position: str) -> None:
        if "scope_logs" in block:
            block = _camel(block)
        resource = self._resource(block)
        shared: dict[str, Any] = {name: resource[name] for name in ("service", "host") if name in resource}
        for key in _LOG_SCOPES:
            for number, part in enumerate(block.get(key) or ()):
                try:
                    scope = (part.get("scope") or part.get("instrumentationLibrary") or {}).get("name")
                    records = part.get("logRecords") or part.get("logs") or ()
                except (AttributeError, TypeError):
                    self._rejects.add(SHAPE, f"{position}.{key}[{number}]")
                    continue
                for index, record in enumerate(records):
                    try:
                        self._log(record, shared, text(scope))
                    except Refused as refused:
                        self._rejects.add(str(refused), f"{position}.{key}[{number}].logRecords[{index}]")
                    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
                        self._rejects.add(SHAPE, f"{position}.{key}[{number}].logRecords[{index}]")

    def _resource(self, block: dict[str, Any]) -> dict[str, Any]:
        attributes = (block.get("resource") or {}).get("attributes")
        return resource_columns(attribute_map(attributes, KNOWN), self._note) if attributes else {}

    def _span(self, span: dict[str, Any], shared: dict[str, Any]) -> None:
        get = span.get
        trace = get("traceId")
        if trace is None and "trace_id" in span:
            span = _camel(span)
            get = span.get
            trace = get("traceId")
        row = shared.copy()
        high, low = self._trace_id(trace)
        if not (high or low):
            raise Refused(NO_TRACE_ID)
        row["trace_id_high"], row["trace_id_low"] = high, low
        row["span_id"] = identity = self._span_id(get("spanId"))
        if not identity:
            raise Refused(NO_SPAN_ID)
        parent = get("parentSpanId")
        if parent:
            row["parent_span_id"] = self._span_id(parent)
        name = get("name")
        if name:
            row["name"] = name if type(name) is str else text(name)
        row["kind"] = kind = self._kind(get("kind"))
        status = get("status")
        if status:
            row["status"] = STATUSES.get(status.get("code"), "unset")
            message = status.get("message")
            if message:
                row["status_message"] = text(message)
        self._times(get("startTimeUnixNano"), get("endTimeUnixNano"), row)
        attributes = get("attributes")
        if attributes:
            span_columns(attribute_map(attributes, KNOWN), kind, row, self._note)
        self._details(get, row)
        self._spans.append(row)

    def _details(self, get: Callable[[str], Any], row: dict[str, Any]) -> None:
        events = get("events")
        if events:
            for event in events:
                if event.get("name") == "exception":
                    exception_columns(attribute_map(event.get("attributes") or (), _EXCEPTION), row)
                    break
        links = get("links")
        if links:
            self._links(links, row)
        state = get("traceState")
        if state and "weight" not in row:
            weight = tracestate_weight(state)
            if weight is not None:
                row["weight"] = weight
        if get("droppedAttributesCount") or get("droppedEventsCount") or get("droppedLinksCount"):
            self._note("spans of which the SDK dropped attributes, events or links")

    def _kind(self, value: Any) -> str:
        if value is None:
            return "unspecified"
        kind = KINDS.get(value)
        if kind is None:
            self._note("spans of an unknown kind count as unspecified")
            return "unspecified"
        return kind

    def _times(self, start: Any, end: Any, row: dict[str, Any]) -> None:
        """Fill in times; a text of nineteen digits is what nearly every span has."""
        start_ns: int | None
        if type(start) is str and len(start) == 19 and start.isdecimal() and type(end) is str and end.isdecimal():
            start_ns, end_ns = int(start), nanoseconds(end)
            if start_ns > INT64_MAX:
                raise Refused(BEYOND)
        else:
            if isinstance(start, int | float) and start > _ROUNDED and start % 100 == 0:
                row["time_resolution_ns"] = 256
            start_ns, end_ns = nanoseconds(start), nanoseconds(end)
        if end_ns == 0 and start_ns:
            end_ns = None
        duration_ns = None if start_ns is None or end_ns is None else end_ns - start_ns
        if duration_ns is None or duration_ns < 0:
            start_ns, duration_ns = span_times(start_ns, duration_ns, self._note)
        row["start_ns"], row["duration_ns"] = start_ns, duration_ns

    def _links(self, links: list[dict[str, Any]], row: dict[str, Any]) -> None:
        found = []
        for link in links:
            high, low = self._trace_id(link.get("traceId", link.get("trace_id")))
            span_id = self._span_id(link.get("spanId", link.get("span_id")))
            if (high or low) and span_id:
                found.append({"trace_id_high": high, "trace_id_low": low, "span_id": span_id, "kind": "link"})
            else:
                self._note("links without ids were left out")
        if found:
            row["links"] = found

    def _log(self, record: dict[str, Any], shared: dict[str, Any], scope: str | None) -> None:
        if "time_unix_nano" in record or "trace_id" in record or "severity_number" in record:
            record = _camel(record)
        row = shared.copy()
        get = record.get
        row["trace_id_high"], row["trace_id_low"] = self._trace_id(get("traceId"))
        row["span_id"] = self._span_id(get("spanId"))
        time_ns = nanoseconds(get("timeUnixNano")) or nanoseconds(get("observedTimeUnixNano"))
        row["time_ns"] = nanoseconds(get("timeUnixNano")) if time_ns is None else time_ns
        row["severity"] = severity(get("severityNumber"), get("severityText"))
        attributes = plain_map(get("attributes"))
        row["logger"] = scope or text(attributes.get("logger.name")) or text(attributes.get("log.logger"))
        body = any_value(get("body"))
        row["body"], row["structured"] = text(body), is_structured(body)
        row["error_type"] = text(attributes.get("exception.type")) or text(attributes.get("error.type"))
        self._logs.append(row)


def _scoped(resource: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    scope = part.get("scope") or part.get("instrumentationLibrary") or {}
    name = text(scope.get("name"))
    return {**resource, "scope": name} if name is not None else resource


def _camel(value: Any) -> Any:
    """Return a decoded object with its keys in lowerCamelCase; keys of attributes are values here, and stay."""
    if isinstance(value, dict):
        return {_camel_key(key): _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


@lru_cache(maxsize=1024)
def _camel_key(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(other.capitalize() for other in others)
