"""Spans and log records of OTLP as rows of the schema, whichever encoding they came in."""

from __future__ import annotations

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
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._log_access import proxy_columns
from analysis.sources._log_keys import request_key
from analysis.sources._log_values import is_structured, severity
from analysis.sources._otlp_shapes import Link, Pair, Span, attributes_of, camel, plain_value
from analysis.sources._rows import LogRows, SpanRows
from analysis.sources._times import BEYOND, INT64_MAX, nanoseconds, span_times

__all__ = ["NO_SPAN_ID", "NO_TRACE_ID", "SHAPE", "LogAssembler", "SpanAssembler"]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than its format says"
DROPPED: Final = "spans of which the SDK dropped attributes, events or links"
NO_LINK: Final = "links without ids were left out"
ODD_KIND: Final = "spans of an unknown kind count as unspecified"

_EXCEPTION: Final = frozenset({"exception.type", "exception.message"})
#: A number beyond it has lost digits in a JavaScript float; it then shows at least two zeros at its end.
_EXACT: Final = 1 << 53
_FLOAT_STEP_NS: Final = 256


class SpanAssembler:
    """Makes rows of spans in OTLP's shape.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    exact
        Numbers are as the exporter wrote them; those of JSON may have gone through a float.
    """

    def __init__(self, rejects: Rejects, *, exact: bool = False) -> None:
        self.rows: Final = SpanRows(rejects)
        self._exact = exact
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def resource(self, pairs: list[Pair] | None, rejects: Rejects | None = None) -> dict[str, Any]:
        """Return the row that spans of a resource begin as; what is assumed of it may be noted elsewhere."""
        note = self._note if rejects is None else rejects.note
        columns = resource_columns(attributes_of(pairs), note) if pairs else {}
        return {**self.rows.template, **columns}

    def scoped(self, resource: dict[str, Any], name: Any) -> dict[str, Any]:
        """Return the row that spans of a scope of a resource begin as."""
        scope = text(name)
        return {**resource, "scope": scope} if scope is not None else resource

    def add(self, span: Span, template: dict[str, Any]) -> None:
        """Add a row for a span.

        Raises
        ------
        Refused
            It has no ids, or a time that is none.
        """
        row = template.copy()
        high, low = self._trace_id(span.trace_id)
        if not (high or low):
            raise Refused(NO_TRACE_ID)
        row["trace_id_high"], row["trace_id_low"] = high, low
        row["span_id"] = identity = self._span_id(span.span_id)
        if not identity:
            raise Refused(NO_SPAN_ID)
        if span.parent_span_id:
            row["parent_span_id"] = self._span_id(span.parent_span_id)
        name = span.name
        if name:
            row["name"] = name if type(name) is str else text(name)
        kind = self._kind(span.kind) if span.kind is not None else "unspecified"
        row["kind"] = kind
        status = span.status
        if status is not None:
            row["status"] = STATUSES.get(status.code, "unset")
            if status.message:
                row["status_message"] = text(status.message)
        self._times(span.start_time_unix_nano, span.end_time_unix_nano, row)
        if span.attributes:
            span_columns(attributes_of(span.attributes), kind, row, self._note)
        if span.events or span.links or span.trace_state:
            self._details(span, row)
        if span.dropped_attributes_count or span.dropped_events_count or span.dropped_links_count:
            self._note(DROPPED)
        self.rows.append(row)

    def _details(self, span: Span, row: dict[str, Any]) -> None:
        for event in span.events or ():
            if event.name == "exception":
                exception_columns(attributes_of(event.attributes, _EXCEPTION), row)
                break
        if span.links:
            row["links"] = self._links(span.links)
        if isinstance(span.trace_state, str):
            weight = tracestate_weight(span.trace_state)
            if weight is not None:
                row["weight"] = weight

    def _kind(self, value: Any) -> str:
        kind = KINDS.get(value)
        if kind is None:
            self._note(ODD_KIND)
            return "unspecified"
        return kind

    def _times(self, start: Any, end: Any, row: dict[str, Any]) -> None:
        """Fill in times; a text of nineteen digits is what nearly every span has."""
        start_ns: int | None
        end_ns: int | None
        if type(start) is str and len(start) == 19 and type(end) is str and start.isdecimal() and end.isdecimal():
            start_ns, end_ns = int(start), int(end)
            if start_ns > INT64_MAX or end_ns > INT64_MAX:
                raise Refused(BEYOND)
        else:
            if not self._exact and isinstance(start, int | float) and start > _EXACT and start % 100 == 0:
                row["time_resolution_ns"] = _FLOAT_STEP_NS
            start_ns, end_ns = nanoseconds(start), nanoseconds(end)
        if end_ns == 0 and start_ns:
            # What an exporter writes for a span that has not ended.
            end_ns = None
        duration_ns = None if start_ns is None or end_ns is None else end_ns - start_ns
        if duration_ns is None or duration_ns < 0:
            start_ns, duration_ns = span_times(start_ns, duration_ns, self._note)
        row["start_ns"], row["duration_ns"] = start_ns, duration_ns

    def _links(self, links: list[Link]) -> list[dict[str, Any]] | None:
        found = []
        for link in links:
            high, low = self._trace_id(link.trace_id)
            span_id = self._span_id(link.span_id)
            if (high or low) and span_id:
                found.append({"trace_id_high": high, "trace_id_low": low, "span_id": span_id, "kind": "link"})
            else:
                self._note(NO_LINK)
        return found or None


class LogAssembler:
    """Makes rows of log records in OTLP's shape, decoded to plain objects."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = LogRows(rejects)
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def resource(self, pairs: list[Pair] | None) -> dict[str, Any]:
        """Return the row that records of a resource begin as."""
        columns = resource_columns(attributes_of(pairs, KNOWN), self._note) if pairs else {}
        shared: dict[str, Any] = {name: columns[name] for name in ("service", "host") if name in columns}
        return {**self.rows.template, **shared}

    def add(self, record: dict[str, Any], template: dict[str, Any], scope: Any) -> None:
        """Add a row for a log record.

        Raises
        ------
        Refused
            An id or a time is none.
        """
        if not _SNAKE.isdisjoint(record):
            record = camel(record)
        row = template.copy()
        get = record.get
        row["trace_id_high"], row["trace_id_low"] = self._trace_id(get("traceId"))
        row["span_id"] = self._span_id(get("spanId"))
        time_ns = nanoseconds(get("timeUnixNano"))
        # 0 is what OTLP writes for a time that is not known; the time of collection is close to it.
        row["time_ns"] = time_ns or nanoseconds(get("observedTimeUnixNano")) or time_ns
        row["severity"] = severity(get("severityNumber"), get("severityText"))
        attributes = plain_value({"kvlistValue": {"values": get("attributes")}})
        row["logger"] = text(scope) or text(attributes.get("logger.name")) or text(attributes.get("log.logger"))
        if attributes:
            row["fields"] = text(attributes)
            key = request_key(tuple(attributes))
            row["request_id"] = None if key is None else text(attributes[key])
        body = plain_value(get("body"))
        row["body"], row["structured"] = text(body), is_structured(body)
        row["error_type"] = text(attributes.get("exception.type")) or text(attributes.get("error.type"))
        row.update(proxy_columns(attributes, row["body"]))
        self.rows.append(row)


_SNAKE: Final = frozenset({"trace_id", "span_id", "time_unix_nano", "observed_time_unix_nano", "severity_number"})
