"""Traces as Zipkin's API (version 2) returns them and its UI downloads them.

**Who exports it.** Zipkin's UI: open a trace, *Download JSON*; its API (``/api/v2/trace/<id>``,
``/api/v2/traces?serviceName=…``); Grafana's download of a trace from a Zipkin data source; anything that reports
spans to ``/api/v2/spans`` in JSON.

**What is read.** An array of spans, an array of traces (arrays of spans), or a span or trace a line. A span that
client and server share is two rows with one id, of which the server's is marked as shared. A span reported in parts
is a row for each part; reading an export into a dataset merges them.

**What is assumed.** Times are microseconds; a span without timestamp or duration has none. A tag ``error`` makes a
span an error whatever its value, even an empty one; an annotation of that name does not. The remote endpoint names
the other side; where it is called like a system of data stores ("redis", "mysql-shop"), that is what is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.semconv import KINDS, exception_columns, resource_columns, span_columns, store_named, text, truth
from analysis.semconv import port as port_of
from analysis.sources._collection import without_collection
from analysis.sources._documents import LINE, NOT_JSON, RUN, Layout, elements_of, units, units_of
from analysis.sources._documents import Unit as DocumentUnit
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, SpanRows
from analysis.sources._scan_found import Decoders, Found, Unit
from analysis.sources._scan_rows import Odd
from analysis.sources._scanning import Scanning
from analysis.sources._streams import Readable
from analysis.sources._times import nanoseconds, span_times
from analysis.sources._zipkin_scan import scan_units
from analysis.sources._zipkin_scan_words import ALONE, NOTED, SCRATCH, TAGS

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "zipkin-json"
TITLE: Final = "Zipkin JSON, version 2: UI, API"
DESCRIPTION: Final = __doc__ or ""

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than its format says"

# A trace that is cut off is an array without a key: its whole spans are kept.
_LAYOUT: Final = Layout(salvage=frozenset({""}))
_RAW: Final = replace(_LAYOUT, raw=True, runs=True)
#: The fewest bytes that a span with all it must have, a tag, and what every span has one of here take; there are no
#: links.
_SIZES: Final = (50, 6, 50, 50, 1 << 20)
#: Columns that the endpoints of a span feed.
_OF_PEERS: Final = ("peer_service", "server_address", "server_port", "db_system", "db_namespace")
_MICROSECOND_NS: Final = 1_000
_PARTS: Final = ("name", "timestamp", "duration", "localEndpoint", "remoteEndpoint", "kind", "tags", "parentId")
_CALLERS: Final = frozenset({"client", "producer"})
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def sniff(head: bytes) -> bool:
    """Return whether the bytes are spans of Zipkin: objects with ``traceId`` and ``id``."""
    return head.strip() == b"[]" or any(_is_zipkin(keys) for keys in outlines(head))


def _is_zipkin(keys: Outline) -> bool:
    return any(
        keys.has(path, "traceId")
        and keys.has(path, "id")
        and any(keys.has(path, part) for part in _PARTS)
        and not keys.has(path, "binaryAnnotations")
        for path in ("[]", "[][]", "")
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    decoders = Decoders(loads, _escaped, reader.process, loads, _place, resolution_ns=_MICROSECOND_NS, beside=_OF_PEERS)
    scanning = Scanning(_scan, _form, _SIZES, reader, rejects, decoders, scratch=SCRATCH)
    for unit in units(stream, rejects, _RAW):
        yield from scanning.add(Unit(unit.key, unit.value, unit.position, unit.first))
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from scanning.flush()
    yield from reader.rows.batch()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a span at a time: what the scan is tested against."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from reader.rows.batch()


def _scan(data: NDArray[np.uint8], bounds: NDArray[np.int64], found: Found, left_out: NDArray[np.bool_]) -> None:
    scan_units(data, bounds, TAGS, found, left_out, np.zeros(NOTED, np.int64))


def _form(_key: str) -> int:
    return 0


def _escaped(content: bytes) -> str:
    found: str = loads(b'"' + content + b'"')
    return found


def _place(unit: Unit, trace: int, _scope: int, span: int, _byte: int) -> str:
    if span == ALONE:
        return unit.position
    return f"{unit.position}[{unit.base + (span if trace == ALONE else trace)}]{'' if trace == ALONE else f'[{span}]'}"


class _Reader:
    """Gathers rows from decoded spans."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = SpanRows(rejects)
        self._rejects = rejects
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)
        self.rows.template["time_resolution_ns"] = _MICROSECOND_NS

    def process(self, content: bytes, rejects: Rejects) -> dict[str, Any]:
        """Return the row that spans begin as that have the same endpoints and the same tags of their process."""
        row = self.rows.template.copy()
        if content:
            local, remote, is_caller, tags = loads(content)
            row |= resource_columns(tags, rejects.note)
            row["kind"] = "client" if is_caller else "server"
            self._endpoints(local or {}, remote or {}, row)
        return row

    def take_unit(self, unit: Unit) -> None:
        """Take a unit that was not scanned."""
        if unit.key == LINE:
            for found in units_of(unit.content, self._rejects, _LAYOUT, unit.position):
                self.take(found.value, found.position)
            return
        if unit.key == RUN:
            run = DocumentUnit(RUN, unit.content, unit.position, unit.base)
            for found in elements_of(run, self._rejects, _LAYOUT):
                self.take(found.value, found.position)
            return
        try:
            value = loads(unit.content)
        except NotJson:
            self._rejects.add(NOT_JSON, unit.position)
            return
        self.take(value, unit.position)

    def take_odd(self, odd: Odd) -> None:
        """Take a span that was not made into a row."""
        self.take(odd.span, odd.position)

    def take(self, value: Any, position: str) -> None:
        """Take a span, or a list of spans or of traces."""
        pending = [(value, position)]
        while pending:
            item, place = pending.pop()
            if isinstance(item, list):
                pending.extend((part, f"{place}[{index}]") for index, part in reversed(list(enumerate(item))))
                continue
            try:
                self.rows.append(self._span(item))
            except Refused as refused:
                self._rejects.add(str(refused), place)
            except _MISSHAPEN:
                self._rejects.add(SHAPE, place, masked(item))

    def _span(self, span: dict[str, Any]) -> dict[str, Any]:
        get = span.get
        tags = get("tags") or {}
        row = {**self.rows.template, **resource_columns(tags, self._note)} if tags else self.rows.template.copy()
        row["trace_id_high"], row["trace_id_low"] = trace_id = self._trace_id(get("traceId"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        row["span_id"] = identity = self._span_id(get("id"))
        if not identity:
            raise Refused(NO_SPAN_ID)
        row["parent_span_id"] = self._span_id(get("parentId"))
        row["shared"] = truth(get("shared")) is True
        row["name"] = text(get("name"))
        row["kind"] = kind = KINDS.get(str(get("kind") or "").upper(), "unspecified")
        row["start_ns"], row["duration_ns"] = self._times(get("timestamp"), get("duration"))
        if "error" in tags:
            row["status"] = "error"
            if truth(tags["error"]) is None:
                row["status_message"] = text(tags["error"])
        self._endpoints(get("localEndpoint") or {}, get("remoteEndpoint") or {}, row)
        if tags:
            span_columns(tags, kind, row, self._note)
        for annotation in get("annotations") or ():
            value = annotation.get("value")
            if isinstance(value, str) and "exception.type" in value:
                exception_columns(_event_attributes(value), row)
                break
        return row

    def _times(self, timestamp: Any, duration: Any) -> tuple[int | None, int | None]:
        start_ns, duration_ns = nanoseconds(timestamp, _MICROSECOND_NS), nanoseconds(duration, _MICROSECOND_NS)
        return span_times(start_ns, duration_ns, self._note)

    def _endpoints(self, local: dict[str, Any], remote: dict[str, Any], row: dict[str, Any]) -> None:
        """Fill in who recorded the span, and who was on the other side."""
        row["service"] = text(local.get("serviceName")) or row["service"]
        row["host"] = row["host"] or text(local.get("ipv4")) or text(local.get("ipv6"))
        row["peer_service"] = text(remote.get("serviceName"))
        if row["kind"] in _CALLERS:
            row["server_address"] = text(remote.get("ipv4")) or text(remote.get("ipv6"))
            row["server_port"] = port_of(remote.get("port"))
            row["db_system"], row["db_namespace"] = store_named(row["peer_service"])


def _event_attributes(annotation: str) -> dict[str, Any]:
    """Return the attributes of an OpenTelemetry event that became an annotation, which holds them as JSON."""
    start, end = annotation.find("{"), annotation.rfind("}")
    try:
        found = loads(annotation[start : end + 1].encode("utf-8", "replace"))
    except NotJson:
        return {}
    if not isinstance(found, dict):
        return {}
    inner = found.get("exception")
    return inner if isinstance(inner, dict) else found
