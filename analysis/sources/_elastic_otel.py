"""Documents of Elasticsearch that hold spans of OpenTelemetry, natively or as the exporter writes them otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.semconv import KINDS, STATUSES, resource_columns, span_columns, text, tracestate_weight
from analysis.sources._elastic_apm import document_time, is_exact
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._times import nanoseconds, span_times

__all__ = ["OtelSpans", "as_native", "is_otel"]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
#: Fields of the exporter's mode "none", and what they are called natively; its durations are microseconds.
_RAW: Final[Mapping[str, str]] = {
    "TraceId": "trace_id",
    "SpanId": "span_id",
    "ParentSpanId": "parent_span_id",
    "Name": "name",
    "Kind": "kind",
    "TraceStatus": "status.code",
    "TraceStatusDescription": "status.message",
    "TraceState": "trace_state",
    "Scope.name": "scope.name",
    "Body": "body.text",
    "SeverityText": "severity_text",
    "SeverityNumber": "severity_number",
}
_PREFIXES: Final = (("Attributes.", "attributes."), ("Resource.", "resource.attributes."))
_MICROSECOND_NS: Final = 1_000


def is_otel(flat: Mapping[str, Any]) -> bool:
    """Return whether a document is one of OpenTelemetry's, natively or as the exporter's mode "none" writes it."""
    return "trace_id" in flat or "TraceId" in flat or str(flat.get("data_stream.dataset") or "").endswith(".otel")


def as_native(flat: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a document under their native names."""
    if "TraceId" not in flat and "SeverityNumber" not in flat:
        return flat
    found = {}
    for name, value in flat.items():
        for prefix, native in _PREFIXES:
            if name.startswith(prefix):
                found[native + name.removeprefix(prefix)] = value
                break
        else:
            found[_RAW.get(name, name)] = value
    if "Duration" in flat:
        found["duration"] = nanoseconds(flat["Duration"], _MICROSECOND_NS)
    return found


class OtelSpans:
    """Makes rows of spans.

    Parameters
    ----------
    template
        The row that they begin as.
    rejects
        Where assumptions are noted.
    """

    def __init__(self, template: Mapping[str, Any], rejects: Rejects) -> None:
        self._template = template
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def span(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a span."""
        resource: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for name, value in flat.items():
            if name.startswith("attributes."):
                attributes[name[11:]] = value
            elif name.startswith("resource.attributes."):
                resource[name[20:]] = value
        row = {**self._template, **resource_columns(resource, self._note)}
        trace_id = self._trace_id(flat.get("trace_id"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        row["trace_id_high"], row["trace_id_low"] = trace_id
        row["span_id"] = self._span_id(flat.get("span_id"))
        if not row["span_id"]:
            raise Refused(NO_SPAN_ID)
        row["parent_span_id"] = self._span_id(flat.get("parent_span_id"))
        row["name"], row["scope"] = text(flat.get("name")), text(flat.get("scope.name"))
        kind = flat.get("kind")
        row["kind"] = KINDS.get(kind) or KINDS.get(str(kind or "").upper()) or "unspecified"
        code = flat.get("status.code")
        row["status"] = STATUSES.get(code) or STATUSES.get(str(code or "").upper()) or "unset"
        row["status_message"] = text(flat.get("status.message"))
        start_ns, row["time_resolution_ns"] = document_time(flat)
        if is_exact(flat.get("@timestamp")):
            row["time_resolution_ns"] = 1
        row["start_ns"], row["duration_ns"] = span_times(start_ns, nanoseconds(flat.get("duration")), self._note)
        span_columns(attributes, row["kind"], row, self._note)
        state = flat.get("trace_state")
        if isinstance(state, str) and state:
            row["weight"] = tracestate_weight(state) or row["weight"]
        row["links"] = self._links(flat.get("links"))
        return row

    def _links(self, links: Any) -> list[dict[str, Any]] | None:
        found = []
        for link in links if isinstance(links, list) else ():
            if isinstance(link, dict):
                (high, low), identity = self._trace_id(link.get("trace_id")), self._span_id(link.get("span_id"))
                if (high or low) and identity:
                    found.append({"trace_id_high": high, "trace_id_low": low, "span_id": identity, "kind": "link"})
        return found or None
