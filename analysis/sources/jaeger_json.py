"""Traces as Jaeger's query API returns them and its UI downloads them.

**Who exports it.** Jaeger's UI: open a trace, *Trace JSON* (top right), or the JSON of a search; its query API
(``/api/traces/<id>``, ``/api/traces?service=…``); Grafana's download of a trace from a Jaeger data source; Jaeger's
anonymiser; span documents of its Elasticsearch storage, one a line.

**What is read.** The API's ``{"data": [trace, …]}``, a trace by itself, an array of traces or spans, or one a line;
spans that name a process of their trace and spans with their process inside; tags as a list or, in Elasticsearch, as
an object with "@" for dots. Exceptions come from logs. Span kind, status and scope come from the tags that
OpenTelemetry and OpenTracing set.

**What is assumed.** Times are microseconds. The parent is the first CHILD_OF reference within the trace, else the first
FOLLOWS_FROM, which makes the span asynchronous; further references, and those to other traces, are links. The older
``parentSpanID`` counts where there is no reference. Ids may be any text: what is no hexadecimal number is hashed. A
probability that the first span of a trace was sampled with holds for the whole trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.semconv import (
    KINDS,
    exception_columns,
    probability_weight,
    resource_columns,
    span_columns,
    text,
    tracestate_weight,
)
from analysis.sources._collection import without_collection
from analysis.sources._documents import LINE, NOT_JSON, Layout, units, units_of
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._jaeger_scan import ALONE, scan_units
from analysis.sources._jaeger_scan_words import TAG_NAMES
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, SpanRows
from analysis.sources._scan_found import Decoders, Found, Unit
from analysis.sources._scan_rows import Odd
from analysis.sources._scanning import Scanning
from analysis.sources._streams import Readable
from analysis.sources._times import nanoseconds, span_times

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "jaeger-json"
TITLE: Final = "Jaeger JSON: UI, query API, Elasticsearch documents"
DESCRIPTION: Final = __doc__ or ""

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than its format says"
NO_PROCESS: Final = "spans whose process is missing: they have no service"
NO_REFERENCE: Final = "references without ids were left out"
WARNED: Final = "spans that Jaeger itself warns about"

_LAYOUT: Final = Layout(records=frozenset({"data"}), salvage=frozenset({"spans"}))
_RAW: Final = replace(_LAYOUT, raw=True)
#: The fewest bytes that a span with all it must have, a tag, a process (twice) and a link take; links are not scanned.
_SIZES: Final = (70, 20, 15, 15, 1 << 20)
_MICROSECOND_NS: Final = 1_000
_MILLISECOND_NS: Final = 1_000_000
_EVENTS: Final = frozenset({"error", "exception"})
_EXCEPTION_KEYS: Final = frozenset({"exception.type", "error", "error.kind", "error.object"})
#: What OpenTelemetry writes for an error of no known type.
_SOME_ERROR: Final = "_OTHER"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def sniff(head: bytes) -> bool:
    """Return whether the bytes are Jaeger's JSON: traces or spans under the keys that only Jaeger spells so."""
    return any(_is_jaeger(keys) for keys in outlines(head))


def _is_jaeger(keys: Outline) -> bool:
    for path in ("data[]", "data", "", "[]"):
        if keys.has(path, "spanID") and (keys.has(path, "operationName") or keys.has(path, "traceID")):
            return True
        spans = f"{path}.spans[]" if path else "spans[]"
        if keys.has(path, "spans") and (keys.has(spans, "spanID") or keys.has(path, "traceID")):
            return True
        if keys.has(path, "traceID") and keys.has(path, "processes"):
            return True
    # A search that found nothing.
    return all(keys.has("", key) for key in ("data", "total", "limit", "offset"))


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    decoders = Decoders(
        loads, _escaped, reader.process, _whole_traces_only, _place, resolution_ns=_MICROSECOND_NS, remark=WARNED
    )
    scanning = Scanning(_scan, _form, _SIZES, reader, rejects, decoders)
    for unit in units(stream, rejects, _RAW):
        yield from scanning.add(Unit(unit.key, unit.value, unit.position))
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from scanning.flush()
    yield from reader.rows.batch()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a record at a time: what the scan is tested against."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from reader.rows.batch()


def _scan(data: NDArray[np.uint8], bounds: NDArray[np.int64], found: Found, left_out: NDArray[np.bool_]) -> None:
    scan_units(data, bounds, TAG_NAMES, found, left_out)


def _form(_key: str) -> int:
    return 0


def _escaped(content: bytes) -> str:
    found: str = loads(b'"' + content + b'"')
    return found


def _whole_traces_only(_content: bytes) -> Any:
    """Refuse to decode a span without its trace, which is left to the readable reader as a whole then."""
    raise ValueError(SHAPE)


def _place(unit: Unit, trace: int, _scope: int, span: int, _byte: int) -> str:
    return f"{unit.position}{'' if trace == ALONE else f': data[{trace}]'}.spans[{span}]"


class _Reader:
    """Gathers rows from decoded traces."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = SpanRows(rejects)
        self._rejects = rejects
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)
        self.rows.template["time_resolution_ns"] = _MICROSECOND_NS

    def process(self, content: bytes, rejects: Rejects) -> dict[str, Any]:
        """Return the row that spans of a process begin as."""
        return _Reader(rejects).described(loads(content)) if content else self.rows.template

    def take_unit(self, unit: Unit) -> None:
        """Take a unit that was not scanned."""
        if unit.key == LINE:
            for found in units_of(unit.content, self._rejects, _LAYOUT, unit.position):
                self.take(found.value, found.position)
            return
        try:
            value = loads(unit.content)
        except NotJson:
            self._rejects.add(NOT_JSON, unit.position)
            return
        self.take(value, unit.position)

    def take_odd(self, odd: Odd) -> None:
        """Take a span that was not made into a row: there is none, as traces are left out whole."""
        message = f"{odd.position}: a span of a trace that should have been left out whole"
        raise AssertionError(message)

    def take(self, value: Any, position: str) -> None:
        """Take a trace, a span, a response of the API, or a list of those."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                self._object(item, f"{position}[{index}]")
        else:
            self._object(value, position)

    def _object(self, value: Any, position: str) -> None:
        if not isinstance(value, dict):
            self._rejects.add(SHAPE, position, masked(value))
        elif "spans" in value:
            self._trace(value, position)
        elif "data" in value:
            data = value["data"]
            for index, trace in enumerate(data if isinstance(data, list) else [data] if data else []):
                self._object(trace if isinstance(trace, dict) else None, f"{position}: data[{index}]")
        elif "spanID" in value:
            self._spans([value], value, position)
        elif value:
            self._rejects.add(SHAPE, position, masked(value))

    def _trace(self, trace: dict[str, Any], position: str) -> None:
        spans = trace["spans"]
        if isinstance(spans, list):
            self._spans(spans, trace, f"{position}.spans")
        elif spans is not None:
            self._rejects.add(SHAPE, f"{position}.spans", masked(spans))

    def _spans(self, spans: list[Any], trace: dict[str, Any], position: str) -> None:
        """Take the spans of one trace."""
        processes = trace.get("processes")
        templates: dict[str, dict[str, Any]] = {}
        rows = []
        weight: float | None = None
        for index, span in enumerate(spans):
            try:
                tags = _tags(span)
                template = self._template(span, processes if isinstance(processes, dict) else {}, templates)
                rows.append(self._span(span, tags, template, trace))
                if tags.get("sampler.type") == "probabilistic" and weight is None:
                    weight = probability_weight(tags.get("sampler.param"))
            except Refused as refused:
                self._rejects.add(str(refused), f"{position}[{index}]")
            except _MISSHAPEN:
                self._rejects.add(SHAPE, f"{position}[{index}]", masked(span))
        for row in rows:
            if weight is not None and row["weight"] == 1.0:
                row["weight"] = weight
            self.rows.append(row)

    def _template(
        self, span: dict[str, Any], processes: dict[str, Any], templates: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the row that spans of a process begin as."""
        process, key = span.get("process"), span.get("processID")
        if isinstance(process, dict):
            return self.described(process)
        if not isinstance(key, str) or not isinstance(processes.get(key), dict):
            self._note(NO_PROCESS)
            return self.rows.template
        if key not in templates:
            templates[key] = self.described(processes[key])
        return templates[key]

    def described(self, process: dict[str, Any]) -> dict[str, Any]:
        """Return the row that spans of a decoded process begin as."""
        columns = resource_columns(_tags(process), self._note)
        service = text(process.get("serviceName"))
        if service is not None:
            columns["service"] = service
        return {**self.rows.template, **columns}

    def _span(
        self, span: dict[str, Any], tags: Mapping[str, Any], template: dict[str, Any], trace: dict[str, Any]
    ) -> dict[str, Any]:
        get = span.get
        row = template.copy()
        trace_id = self._trace_id(get("traceID") or trace.get("traceID"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        row["trace_id_high"], row["trace_id_low"] = trace_id
        row["span_id"] = identity = self._span_id(get("spanID"))
        if not identity:
            raise Refused(NO_SPAN_ID)
        self._references(span, trace_id, row)
        row["name"] = text(get("operationName"))
        row["kind"] = kind = KINDS.get(str(tags.get("span.kind", "")).lower(), "unspecified")
        self._times(span, row)
        span_columns(tags, kind, row, self._note)
        state = tags.get("w3c.tracestate")
        if isinstance(state, str):
            row["weight"] = tracestate_weight(state) or row["weight"]
        for log in get("logs") or ():
            fields = _pairs(log.get("fields"))
            if fields.get("event") in _EVENTS or not _EXCEPTION_KEYS.isdisjoint(fields):
                exception_columns(fields, row)
                row["error_type"] = row["error_type"] or _SOME_ERROR
                break
        if get("warnings"):
            self._note(WARNED)
        return row

    def _times(self, span: dict[str, Any], row: dict[str, Any]) -> None:
        start_ns = nanoseconds(span.get("startTime"), _MICROSECOND_NS)
        if start_ns is None and span.get("startTimeMillis") is not None:
            start_ns = nanoseconds(span["startTimeMillis"], _MILLISECOND_NS)
            row["time_resolution_ns"] = _MILLISECOND_NS
        duration_ns = nanoseconds(span.get("duration"), _MICROSECOND_NS)
        row["start_ns"], row["duration_ns"] = span_times(start_ns, duration_ns, self._note)

    def _references(self, span: dict[str, Any], trace_id: tuple[int, int], row: dict[str, Any]) -> None:
        """Fill in the parent and the links."""
        references = span.get("references") or ()
        found = []
        for reference in references:
            other = self._trace_id(reference.get("traceID")) if reference.get("traceID") else trace_id
            identity = self._span_id(reference.get("spanID"))
            if identity and other != (0, 0):
                follows = str(reference.get("refType", "CHILD_OF")).upper() == "FOLLOWS_FROM"
                found.append((other, identity, follows))
            else:
                self._note(NO_REFERENCE)
        parent = next((entry for entry in found if entry[0] == trace_id and not entry[2]), None) or next(
            (entry for entry in found if entry[0] == trace_id), None
        )
        if parent is not None:
            found.remove(parent)
            row["parent_span_id"], row["asynchronous"] = parent[1], parent[2]
        elif span.get("parentSpanID"):
            row["parent_span_id"] = self._span_id(span["parentSpanID"])
        if found:
            row["links"] = [
                {
                    "trace_id_high": other[0],
                    "trace_id_low": other[1],
                    "span_id": identity,
                    "kind": "follows_from" if follows else "child_of",
                }
                for other, identity, follows in found
            ]


def _tags(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the tags of a span or process, whichever way they are written."""
    found = _pairs(holder.get("tags"))
    flat = holder.get("tag")
    if isinstance(flat, dict):
        # Elasticsearch takes a dot for nesting, so Jaeger writes "@" there.
        found.update({key.replace("@", "."): value for key, value in flat.items()})
    return found


def _pairs(pairs: Any) -> dict[str, Any]:
    if isinstance(pairs, dict):
        return pairs
    found = {}
    for pair in pairs or ():
        value = pair.get("value")
        if value is None:
            # The names of Jaeger's own storage model, where a value of each type has a field.
            value = next((pair[name] for name in ("vStr", "vBool", "vInt64", "vFloat64") if pair.get(name)), None)
        found[pair["key"]] = value
    return found
