"""Rows of ClickHouse's tables of spans and log records, from whichever encoding, as rows of the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.semconv import (
    KINDS,
    STATUSES,
    exception_columns,
    resource_columns,
    span_columns,
    text,
    tracestate_weight,
)
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._log_keys import request_key
from analysis.sources._log_values import is_structured, severity
from analysis.sources._rows import LogRows, SpanRows
from analysis.sources._times import iso_nanoseconds, nanoseconds, span_times

__all__ = ["ClickHouseRows", "time_of"]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than its format says"
NO_LINK: Final = "links without ids were left out"
#: No count of seconds is as large, and no time in nanoseconds since 1970 as small.
_SECONDS: Final = 10**12

Row = Mapping[str, Any]


class ClickHouseRows:
    """Gathers rows of both tables; a row is told by its columns."""

    def __init__(self, rejects: Rejects) -> None:
        self.spans, self.logs = SpanRows(rejects), LogRows(rejects)
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def add(self, row: Row) -> None:
        """Take a row under the names of its columns.

        Raises
        ------
        Refused
            It is a row of neither table, or a span without ids, or has a time that is none.
        """
        found = self.row(row)
        (self.spans if "start_ns" in found else self.logs).append(found)

    def row(self, row: Row) -> dict[str, Any]:
        """Return the row of the schema that a row is, raising as `add` does."""
        if "SpanName" in row or "SpanAttributes" in row:
            return self._span(row)
        if "Body" in row or "SeverityText" in row:
            return self._log(row)
        raise Refused(SHAPE)

    def _span(self, row: Row) -> dict[str, Any]:
        get = row.get
        found = {**self.spans.template, **resource_columns(get("ResourceAttributes") or {}, self._note)}
        found["service"] = text(get("ServiceName")) or found["service"]
        found["trace_id_high"], found["trace_id_low"] = trace_id = self._trace_id(get("TraceId"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        found["span_id"] = self._span_id(get("SpanId"))
        if not found["span_id"]:
            raise Refused(NO_SPAN_ID)
        found["parent_span_id"] = self._span_id(get("ParentSpanId"))
        found["name"], found["scope"] = text(get("SpanName")), text(get("ScopeName"))
        kind, code = get("SpanKind"), get("StatusCode")
        found["kind"] = KINDS.get(kind) or "unspecified"
        found["status"], found["status_message"] = STATUSES.get(code) or "unset", text(get("StatusMessage"))
        start_ns, duration_ns = time_of(get("Timestamp")), nanoseconds(get("Duration"))
        found["start_ns"], found["duration_ns"] = span_times(start_ns, duration_ns, self._note)
        attributes = get("SpanAttributes")
        if attributes:
            span_columns(attributes, found["kind"], found, self._note)
        for name, told in zip(*_nested(row, "Events", ("Name", "Attributes")), strict=False):
            if name == "exception":
                exception_columns(told or {}, found)
                break
        state = get("TraceState")
        if state:
            found["weight"] = tracestate_weight(str(state)) or found["weight"]
        found["links"] = self._links(row)
        return found

    def _links(self, row: Row) -> list[dict[str, Any]] | None:
        found = []
        for trace, span in zip(*_nested(row, "Links", ("TraceId", "SpanId")), strict=False):
            (high, low), identity = self._trace_id(trace), self._span_id(span)
            if (high or low) and identity:
                found.append({"trace_id_high": high, "trace_id_low": low, "span_id": identity, "kind": "link"})
            else:
                self._note(NO_LINK)
        return found or None

    def _log(self, row: Row) -> dict[str, Any]:
        get = row.get
        resource = resource_columns(get("ResourceAttributes") or {}, self._note)
        found = {**self.logs.template, "host": resource.get("host")}
        found["service"] = text(get("ServiceName")) or resource.get("service")
        found["trace_id_high"], found["trace_id_low"] = self._trace_id(get("TraceId"))
        found["span_id"] = self._span_id(get("SpanId"))
        found["time_ns"] = time_of(get("Timestamp"))
        found["severity"] = severity(_number(get("SeverityNumber")), get("SeverityText"))
        found["logger"] = text(get("ScopeName"))
        found["body"], found["structured"] = text(get("Body")), is_structured(get("Body"))
        attributes = get("LogAttributes") or {}
        found["error_type"] = text(attributes.get("exception.type")) or text(attributes.get("error.type"))
        if attributes:
            found["fields"] = text(attributes)
            key = request_key(tuple(attributes))
            found["request_id"] = None if key is None else text(attributes[key])
        return found


def _nested(row: Row, name: str, parts: tuple[str, ...]) -> list[Sequence[Any]]:
    """Return parts of a nested column: each a column of its own, or all in a list of objects."""
    whole = row.get(name)
    if isinstance(whole, list):
        return [[item.get(part) for item in whole] for part in parts]
    return [row.get(f"{name}.{part}") or () for part in parts]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def time_of(value: Any) -> int | None:
    """Return a time of ClickHouse in ns: a text in UTC, or a number, by its size of seconds or of ns.

    Raises
    ------
    Refused
        It is no time.
    """
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        return iso_nanoseconds(value)
    is_whole = isinstance(value, int) and abs(value) >= _SECONDS
    return nanoseconds(value, 1 if is_whole else 1_000_000_000)
