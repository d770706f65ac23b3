"""What Datadog's tracers send to the agent: versions 0.3, 0.4 and 0.5 of its API, as JSON or MessagePack.

**Who exports it.** Whoever stands between tracers and agent: Datadog's test agent (``/test/traces``, its snapshots), a
proxy that keeps the bodies of ``PUT /v0.4/traces``, or a tracer told to write to a file or to its log.

**What is read.** Lists of traces, each a list of spans; one payload, several after one another, or (JSON) one a line.
Ids are numbers of 64 bits; the upper half of a trace id stands on one span of a trace (``_dd.p.tid``) and holds for all
of it. Metrics and tags, links, exceptions. In version 0.5 texts stand in a table before the spans.

**What is assumed.** Times are nanoseconds. A span belongs to the process that recorded it: ``_dd.base_service`` where
that is said, else, for a call that names a library ("postgres", "grpc-client"), the nearest ancestor's service; where
there is no such ancestor it has no service. A trace stands for as many as the rate on a span of it says
(``_dd.rule_psr``, ``_dd.agent_psr``). The statement of a call to a store is its resource.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from analysis.sources._alike import Alike, Made, Target, fields
from analysis.sources._collection import without_collection
from analysis.sources._datadog_rows import (
    DatadogRows,
    DatadogSpan,
    chunk_weight,
    decimal_id,
    high_half,
    kept_for_callers,
)
from analysis.sources._documents import Layout, units
from analysis.sources._framing import Buffer
from analysis.sources._json import loads
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._msgpack import BROKEN, array_begin, is_packed, is_table, next_value
from analysis.sources._outline import Outline, outlines
from analysis.sources._parquet import spoolable
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import Unit
from analysis.sources._streams import Readable, Spoolable
from analysis.sources._times import nanoseconds

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "datadog-agent"
TITLE: Final = "Datadog agent payloads, versions 0.3 to 0.5: JSON, MessagePack"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
#: Upper halves of trace ids remembered for spans that come later.
_REMEMBERED: Final = 100_000
_MISSHAPEN: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


class _Span(msgspec.Struct, gc=False):
    """A span of versions 0.3 and 0.4; only what is read."""

    trace_id: Any = None
    span_id: Any = None
    parent_id: Any = None
    service: str | None = None
    name: str | None = None
    resource: str | None = None
    type: str | None = None
    error: Any = 0
    start: Any = None
    duration: Any = None
    meta: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    span_links: Any = None


_SPAN_JSON: Final = msgspec.json.Decoder(_Span)
_TRACE_JSON: Final = msgspec.json.Decoder(list[_Span])
_PLAIN_PACKED: Final = msgspec.msgpack.Decoder()
_TRACE_PACKED: Final = msgspec.msgpack.Decoder(list[_Span])


def _decode(key: str, content: bytes) -> Any:
    """Decode a trace typed where it is shaped so, else to plain objects."""
    del key
    try:
        return _TRACE_JSON.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return loads(content)


def _decoded_span(content: bytes) -> Any:
    try:
        return _SPAN_JSON.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return loads(content)


# A trace that is cut off is an array without a key: its whole spans are kept.
_LAYOUT: Final = Layout(salvage=frozenset({""}), decode=_decode)

_RAW: Final = replace(_LAYOUT, raw=True, runs=True)
#: What differs from one span to the next, and what of it nobody reads.
_FORM: Final = fields(
    {
        "trace": ("trace_id",), "span": ("span_id",), "parent": ("parent_id",), "start": ("start",),
        "duration": ("duration",), "high": ("meta._dd.p.tid",),
    },
    text={"resource": ("resource",), "message": ("meta.messaging.message.id",)},
    path={"url": ("meta.http.url", "meta.http.target", "meta.url.path", "meta.url.full")},
    passed=("metrics._dd.tracer_kr", "metrics._dd.limit_psr", "metrics._dd.measured", "metrics._dd.top_level",
            "metrics._dd1.sr.eausr", "meta._dd.p.dm", "meta_struct"),
)  # fmt: skip
#: What JSON has for a number that is none.
_NULL: Final = b"null"


def sniff(head: bytes) -> bool:
    """Return whether the bytes are a payload: spans of Datadog in lists, as JSON or packed."""
    if is_packed(head):
        inside = head[:4096]
        return (b"trace_id" in inside and b"span_id" in inside) or is_table(head)
    return head.lstrip()[:1] == b"[" and any(_is_payload(keys) for keys in outlines(head))


def _is_payload(keys: Outline) -> bool:
    return any(
        all(keys.has(path, key) for key in ("trace_id", "span_id", "resource", "start")) for path in ("[][]", "[]")
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    alike = Alike(_FORM, _LAYOUT, reader, rejects, together=True, decode=_decoded_span)
    export = spoolable(stream)
    found = _packed_units(export, reader, rejects) if export.peek(1) >= b"\x90" else _json_units(export, rejects)
    for unit in found:
        yield from alike.add(unit)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from alike.flush()
    reader.finish()
    yield from reader.rows.batch()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a trace at a time: what it is tested against."""
    reader = _Reader(rejects)
    export = spoolable(stream)
    packed = export.peek(1) >= b"\x90"
    for trace, position in _packed(export, rejects) if packed else _json(export, rejects):
        reader.take(trace, position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    reader.finish()
    yield from reader.rows.batch()


def _json_units(stream: Readable, rejects: Rejects) -> Iterator[Unit]:
    for unit in units(stream, rejects, _RAW):
        yield Unit(unit.key, unit.value, unit.position, unit.first)


def _packed_units(stream: Spoolable, reader: _Reader, rejects: Rejects) -> Iterator[Unit]:
    """Yield the traces of payloads as JSON; those that JSON has no form for go to the reader."""
    for trace, position in _packed(stream, rejects, _PLAIN_PACKED):
        try:
            content = orjson.dumps(trace)
        except (TypeError, orjson.JSONEncodeError):
            content = _NULL
        if _NULL in content:
            reader.take(trace, position)
        else:
            yield Unit("", content, position)


def _json(stream: Readable, rejects: Rejects) -> Iterator[tuple[Any, str]]:
    for unit in units(stream, rejects, _LAYOUT):
        yield unit.value, unit.position


def _packed(
    stream: Readable, rejects: Rejects, decoder: msgspec.msgpack.Decoder[Any] = _TRACE_PACKED
) -> Iterator[tuple[Any, str]]:
    """Yield the traces of payloads, one at a time; those of version 0.5 payload by payload."""
    buffer = Buffer(stream)
    while buffer.fill(1):
        buffer.fill(1 << 16)
        size, at = array_begin(buffer.data, 0)
        if size < 0:
            rejects.add(BROKEN, f"byte {buffer.base}", "no payload begins here; the rest was not read")
            return
        if is_table(bytes(buffer.data[:16])):
            content = next_value(buffer, rejects)
            if content is None:
                return
            yield from _table_traces(content, buffer.base, rejects)
            continue
        buffer.drop(at)
        for _ in range(size):
            place = buffer.base
            content = next_value(buffer, rejects)
            if content is None:
                return
            try:
                yield decoder.decode(content), f"byte {place}"
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                try:
                    yield msgspec.msgpack.decode(content, strict=False), f"byte {place}"
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    rejects.add(BROKEN, f"byte {place}")


def _table_traces(content: bytes, base: int, rejects: Rejects) -> Iterator[tuple[Any, str]]:
    """Yield the traces of a payload of version 0.5, whose spans are lists of twelve that point into a table."""
    try:
        texts, traces = msgspec.msgpack.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        rejects.add(BROKEN, f"byte {base}")
        return
    for number, trace in enumerate(traces if isinstance(traces, list) else ()):
        try:
            yield [_from_table(texts, span) for span in trace], f"byte {base}: trace {number}"
        except _MISSHAPEN:
            rejects.add(SHAPE, f"byte {base}: trace {number}", masked(trace))


def _from_table(texts: Sequence[str], span: Sequence[Any]) -> _Span:
    service, name, resource, trace_id, span_id, parent_id, start, duration, error, meta, metrics, kind = span
    return _Span(
        trace_id,
        span_id,
        parent_id,
        texts[service],
        texts[name],
        texts[resource],
        texts[kind],
        error,
        start,
        duration,
        {texts[key]: texts[value] for key, value in (meta or {}).items()},
        {texts[key]: value for key, value in (metrics or {}).items()},
    )


def _tags(span: _Span) -> dict[str, Any]:
    return {**(span.metrics or {}), **(span.meta or {})}


class _Reader:
    """Gathers rows from decoded traces."""

    def __init__(self, rejects: Rejects) -> None:
        self._gathered = DatadogRows(rejects)
        self.rows, self.finish = self._gathered.rows, self._gathered.finish
        self._rejects = rejects
        self._highs: dict[int, int] = {}
        self._likes: _Reader | None = None

    def like(self, value: Any, rejects: Rejects) -> tuple[dict[str, Any], Sequence[Target]] | None:
        """Return the row of a span, and how what differs feeds it; None where only its caller knows its service."""
        if self._likes is None:
            self._likes = _Reader(rejects)
        span = msgspec.convert(value, _Span, strict=False)
        tags = _tags(span)
        row, asks = self._likes.row(span, tags)
        high, _ = decimal_id(span.trace_id)
        if asks or high:
            return None
        # The rate stands on one span of a trace; what the others weigh follows when all of it is there.
        row["weight"] = chunk_weight(tags) or 0.0
        fed = (
            ("trace_id_low", "trace", span.trace_id, "decimal"), ("span_id", "span", span.span_id, "decimal"),
            ("parent_span_id", "parent", span.parent_id, "decimal"), ("start_ns", "start", span.start, 1),
            ("duration_ns", "duration", span.duration, 1), ("trace_id_high", "high", tags.get("_dd.p.tid"), "hex"),
        )  # fmt: skip
        return row, [Target(column, role, unit) for column, role, said, unit in fed if said not in {None, ""}]

    def row(self, span: _Span, tags: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the row of a span, and whether only its caller knows its service."""
        return self._gathered.row(self._span(span, tags))

    def leave(self, ids: Mapping[str, NDArray[Any]]) -> None:
        """Leave nothing."""

    def made(self, found: Made) -> Mapping[str, NDArray[Any]]:
        """Remember spans and upper halves of trace ids; return these, and what the traces weigh."""
        self._gathered.remember(*kept_for_callers(found))
        columns = found.columns
        lows = columns["trace_id_low"].tolist()
        highs = columns["trace_id_high"]
        for place in np.flatnonzero(highs).tolist():
            self._keep(lows[place], int(highs[place]))
        of_trace = np.fromiter(map(self._highs.get, lows, itertools.repeat(0)), np.uint64, len(lows))
        weights = np.array([row["weight"] for row in found.rows])[found.which]
        told = np.flatnonzero(weights)
        first = np.full(int(found.group.max()) + 1, 1.0)
        # The first of each trace counts: it is written last.
        first[found.group[told[::-1]]] = weights[told[::-1]]
        return {"trace_id_high": np.where(highs, highs, of_trace), "weight": first[found.group]}

    def take(self, trace: Any, position: str) -> None:
        """Take a trace, a payload, or a span by itself."""
        spans = trace if isinstance(trace, list) else [trace]
        if spans and isinstance(spans[0], list):
            for number, inner in enumerate(spans):
                self.take(inner, f"{position}[{number}]")
            return
        weight: float | None = None
        known: list[tuple[int, _Span, dict[str, Any]]] = []
        for number, found in enumerate(spans):
            try:
                span = found if type(found) is _Span else msgspec.convert(found, _Span, strict=False)
                tags = _tags(span)
                self._remember(span, tags)
                # Tracers that write spans as they end put the first span of a trace last.
                weight = chunk_weight(tags) if weight is None else weight
                known.append((number, span, tags))
            except Refused as refused:
                self._rejects.add(str(refused), f"{position}[{number}]")
            except (*_MISSHAPEN, msgspec.MsgspecError):
                self._rejects.add(SHAPE, f"{position}[{number}]", masked(found))
        for number, span, tags in known:
            try:
                self._gathered.add(self._span(span, tags), weight or 1.0)
            except Refused as refused:
                self._rejects.add(str(refused), f"{position}[{number}]")
            except _MISSHAPEN:
                self._rejects.add(SHAPE, f"{position}[{number}]", masked(spans[number]))
        self._gathered.settle()

    def _remember(self, span: _Span, tags: dict[str, Any]) -> None:
        """Remember the upper half of the trace id, which one span of a trace carries for all."""
        said = high_half(tags)
        if said:
            self._keep(decimal_id(span.trace_id)[1], said)

    def _keep(self, low: int, high: int) -> None:
        self._highs[low] = high
        if len(self._highs) > _REMEMBERED:
            del self._highs[next(iter(self._highs))]

    def _span(self, span: _Span, tags: dict[str, Any]) -> DatadogSpan:
        high, low = decimal_id(span.trace_id)
        return DatadogSpan(
            trace_id_high=high or high_half(tags) or self._highs.get(low, 0),
            trace_id_low=low,
            span_id=decimal_id(span.span_id)[1],
            parent_span_id=decimal_id(span.parent_id)[1],
            service=span.service or None,
            operation=span.name or "",
            resource=span.resource or None,
            type=span.type or "",
            failed=bool(span.error),
            start_ns=nanoseconds(span.start),
            duration_ns=nanoseconds(span.duration),
            tags=tags,
            links=span.span_links,
        )
