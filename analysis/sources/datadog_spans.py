"""Spans as Datadog's Spans API (version 2) returns them: pages of a search.

**Who exports it.** ``POST /api/v2/spans/events/search`` or ``GET /api/v2/spans/events``, page by page; each answer is
``{"data": [span, …], "links": …, "meta": …}``. Pages may come in one file after one another, one a line, or in an
array. The API gives 300 answers an hour of at most 1,000 spans.

**What is read.** Ids (decimal), names, times, service, tags and the nested ``custom`` attributes.

**What is assumed.** Datadog indexes a sample of the spans it receives: traces are usually incomplete, and no rate is
known, so each span stands for itself. Starts are milliseconds, durations (``custom.duration``) nanoseconds; without a
duration the end counts. A span belongs to the process that recorded it: ``base_service`` where that is said, else, for
a call that names a library ("postgres"), the nearest ancestor's service on any page. Trace ids are of 64 bits: where
the same dataset has exactly one whole id of 128 bits that ends so, from OTLP or from an agent's payload, the spans
belong to that trace; where it has several or none, they are a trace of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from analysis.sources._alike import Alike, Made, Target, fields
from analysis.sources._collection import without_collection
from analysis.sources._datadog_rows import (
    DatadogRows,
    DatadogSpan,
    decimal_id,
    flat_tags,
    high_half,
    kept_for_callers,
)
from analysis.sources._documents import Layout, units
from analysis.sources._json import loads
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import outlines
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import Unit
from analysis.sources._streams import Readable
from analysis.sources._times import iso_nanoseconds, nanoseconds

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "datadog-spans"
TITLE: Final = "Datadog Spans API, version 2: pages of a search"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
SAMPLE: Final = "spans that Datadog indexed: a sample, so that traces may be incomplete"
_MILLISECOND_NS: Final = 1_000_000
#: Digits of the longest decimal id of 64 bits.
_LONGEST_DECIMAL: Final = 20
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


class _Attributes(msgspec.Struct, gc=False):
    """Attributes of a span; only what is read."""

    trace_id: Any = None
    span_id: Any = None
    parent_id: Any = None
    service: str | None = None
    resource_name: str | None = None
    operation_name: str | None = None
    type: str | None = None
    status: Any = None
    start_timestamp: str | None = None
    end_timestamp: str | None = None
    env: Any = None
    host: Any = None
    tags: list[Any] | None = None
    retained_by: Any = None
    custom: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None


class _Record(msgspec.Struct, gc=False):
    """An entry of ``data``."""

    attributes: _Attributes
    type: str | None = None


_RECORD: Final = msgspec.json.Decoder(_Record)


def _decode(key: str, content: bytes) -> Any:
    """Decode a span typed where it is shaped so, else to plain objects."""
    if key == "data":
        try:
            return _RECORD.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
    return loads(content)


_LAYOUT: Final = Layout(records=frozenset({"data"}), salvage=frozenset({"data"}), decode=_decode)

_RAW: Final = replace(_LAYOUT, raw=True, runs=True)
#: What differs from one span to the next, and what of it nobody reads.
_FORM: Final = fields(
    {
        "trace": ("trace_id",), "span": ("span_id",), "parent": ("parent_id",), "start": ("start_timestamp",),
        "end": ("end_timestamp",), "duration": ("custom.duration",), "high": ("custom._dd.p.tid",),
    },
    text={"resource": ("resource_name",), "message": ("custom.messaging.message.id",)},
    path={"url": ("custom.http.url", "custom.http.target", "custom.url.path", "custom.url.full")},
    passed=("id", "attributes.id", "resource_hash", "ingestion_reason", "custom._dd.agent_psr", "custom._dd.tracer_kr"),
    holders=("data",),
    prefixes=("attributes.", ""),
)  # fmt: skip


def sniff(head: bytes) -> bool:
    """Return whether the bytes are pages of the Spans API: attributes of spans in ``data``."""
    return any(
        keys.has(path, "trace_id") and keys.has(path, "span_id") and keys.has(path, "start_timestamp")
        for keys in outlines(head)
        for path in ("data[].attributes", "[].data[].attributes", "attributes", "[].attributes")
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    alike = Alike(_FORM, _LAYOUT, reader, rejects, decode=partial(_decode, "data"))
    for unit in units(stream, rejects, _RAW):
        yield from alike.add(Unit(unit.key, unit.value, unit.position, unit.first))
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from alike.flush()
    reader.finish()
    yield from reader.rows.batch()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a span at a time: what it is tested against."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    reader.finish()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from decoded pages and spans."""

    def __init__(self, rejects: Rejects) -> None:
        self._gathered = DatadogRows(rejects)
        self.rows, self.finish = self._gathered.rows, self._gathered.finish
        self._rejects = rejects
        self._note = rejects.note
        self._likes: _Reader | None = None

    def like(self, value: Any, rejects: Rejects) -> tuple[dict[str, Any], Sequence[Target]] | None:
        """Return the row of a span, and how what differs feeds it; None where only its caller knows its service."""
        if self._likes is None:
            self._likes = _Reader(rejects)
        span = msgspec.convert(value, _Record, strict=False).attributes
        row, asks = self._likes.row(span)
        duration = (span.custom or {}).get("duration")
        if asks or not isinstance(duration, int | str) or duration == "" or not span.trace_id:
            return None
        tags = _tags(span)
        targets = [Target("span_id", "span", "decimal"), Target("start_ns", "start", "iso"),
                   Target("duration_ns", "duration", 1)]  # fmt: skip
        if len(str(span.trace_id)) > _LONGEST_DECIMAL:
            targets.append(Target("trace_id", "trace", "hex"))
        else:
            targets.append(Target("trace_id_low", "trace", "decimal"))
            if tags.get("_dd.p.tid"):
                targets.append(Target("trace_id_high", "high", "hex"))
        if span.parent_id not in {None, ""}:
            targets.append(Target("parent_span_id", "parent", "decimal"))
        return row, targets

    def row(self, span: _Attributes) -> tuple[dict[str, Any], bool]:
        """Return the row of a span, and whether only its caller knows its service."""
        return self._gathered.row(self._span(span))

    def leave(self, ids: Mapping[str, NDArray[Any]]) -> None:
        """Leave nothing."""

    def made(self, found: Made) -> Mapping[str, NDArray[Any]]:
        """Remember spans for those that ask who called them."""
        self._gathered.remember(*kept_for_callers(found))
        return {}

    def take(self, value: Any, position: str) -> None:
        """Take a span, a page, or a list of those."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                self.take(item, f"{position}[{number}]")
        elif isinstance(value, dict) and isinstance(value.get("data"), list):
            self.take(value["data"], f"{position}: data")
        else:
            try:
                record = value if type(value) is _Record else msgspec.convert(value, _Record, strict=False)
                self._gathered.add(self._span(record.attributes))
            except Refused as refused:
                self._rejects.add(str(refused), position)
            except (*_MISSHAPEN, msgspec.MsgspecError):
                self._rejects.add(SHAPE, position, masked(value))

    def _span(self, span: _Attributes) -> DatadogSpan:
        tags = _tags(span)
        high, low = decimal_id(span.trace_id)
        start_ns, duration_ns = iso_nanoseconds(span.start_timestamp), nanoseconds(tags.get("duration"))
        if duration_ns is None and start_ns is not None:
            end_ns = iso_nanoseconds(span.end_timestamp)
            duration_ns = None if end_ns is None else end_ns - start_ns
        if span.retained_by is not None:
            self._note(SAMPLE)
        return DatadogSpan(
            trace_id_high=high or high_half(tags),
            trace_id_low=low,
            span_id=decimal_id(span.span_id)[1],
            parent_span_id=decimal_id(span.parent_id)[1],
            service=span.service or None,
            operation=span.operation_name or str(tags.get("operation_name") or ""),
            resource=span.resource_name or None,
            type=span.type or "",
            failed=span.status == "error" or tags.get("status") == "error" or _has_failed(span, tags),
            start_ns=start_ns,
            duration_ns=duration_ns,
            tags=tags,
            resolution_ns=_MILLISECOND_NS,
        )


def _tags(span: _Attributes) -> dict[str, Any]:
    """Return everything that a span says under flat names: its tags, and its attributes over them."""
    found: dict[str, Any] = {}
    for tag in span.tags or ():
        if isinstance(tag, str):
            name, colon, value = tag.partition(":")
            if colon:
                found.setdefault(name, value)
    # The service of the host's tags is whatever runs there; the span names its own.
    found.pop("service", None)
    for nested in (span.attributes, span.custom):
        if nested:
            flat_tags(nested, found)
    if span.env is not None:
        found["env"] = span.env
    if span.host is not None:
        found["host"] = span.host
    return found


def _has_failed(span: _Attributes, tags: Mapping[str, Any]) -> bool:
    error = (span.custom or {}).get("error")
    return bool(error) if not isinstance(error, dict) else bool(tags.get("error.type") or tags.get("error.message"))
