"""Spans and log records of OTLP from their bytes, each by itself: one that is broken costs no other."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from analysis.sources._framing import records_of
from analysis.sources._ids import canonical_trace_id, is_hashed
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._otlp_protobuf_scan import scan_blocks
from analysis.sources._otlp_records import SHAPE, LogAssembler, SpanAssembler
from analysis.sources._otlp_shapes import Event, Link, Pair, Span, Status, Value, attributes_of
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import EVENT_NAMES, NAMES, Decoders, Found, Unit
from analysis.sources._scan_rows import Odd
from analysis.sources._scanning import Scanning
from analysis.sources._wire import LENGTH, Data, fields, whole_part

__all__ = ["Messages"]

BROKEN: Final = "the message is broken"
ID_LENGTH: Final = "id is of another length than OTLP's"
MENDED: Final = "ids that were hexadecimal digits taken for base64 were put right"
METRICS: Final = "requests of metrics were passed over"
_ANY: Final = frozenset({""})
#: The fewest bytes of a span with all it must have, and what attributes, scopes, blocks and links usually take.
_SIZES: Final = (44, 12, 24, 24, 28)
_EVENT_NAMES: Final = frozenset({"exception.type", "exception.message"})
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


class Messages:
    """Gathers rows from blocks of a resource (ResourceSpans, ResourceLogs)."""

    def __init__(self, rejects: Rejects, *, scanned: bool = True) -> None:
        self._rejects = rejects
        self._spans, self._logs = SpanAssembler(rejects, exact=True), LogAssembler(rejects)
        self._ready: list[Batch] = []
        decoders = Decoders(_plain_value, bytes.decode, _resource, bytes, _place, _scope_name)
        self._scanning = (
            Scanning(_scan, lambda _: 0, _SIZES, self, rejects, decoders, is_text=False) if scanned else None
        )

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        yield from self._ready
        self._ready.clear()
        if len(self._spans.rows) >= BATCH_ROWS:
            yield from self._spans.rows.batch()
        if len(self._logs.rows) >= BATCH_ROWS:
            yield from self._logs.rows.batch()

    def rest(self) -> Iterator[Batch]:
        """Yield what is left."""
        if self._scanning is not None:
            yield from self._ready
            yield from self._scanning.flush()
            # Its arrays are large, and it refers to this: apart, both are free as soon as nobody reads on.
            self._scanning = None
        yield from self._spans.rows.batch()
        yield from self._logs.rows.batch()

    def take_message(self, data: Data, start: int, end: int, base: int, prefix: str = "") -> int:
        """Take the blocks of a message that are whole.

        Parameters
        ----------
        base, prefix
            Position of `data` in the file, and what messages put before it.

        Returns
        -------
        :
            Where the first that is broken or cut off begins; `end` where none is.
        """
        at = start
        for field in fields(data, start, end):
            if field.number == 1 and field.kind == LENGTH:
                if self._scanning is not None:
                    content = bytes(memoryview(data)[field.start : field.end])
                    self._ready.extend(self._scanning.add(Unit("", content, prefix, base + field.start)))
                else:
                    self.take_block(data, field.start, field.end, base, prefix)
            at = field.end
        return at

    def settle(self) -> None:
        """Make rows of what is gathered for a scan: what comes next is told after it."""
        if self._scanning is not None:
            self._ready.extend(self._scanning.flush())

    def take_unit(self, unit: Unit) -> None:
        """Take a block that was not scanned."""
        self.take_block(unit.content, 0, len(unit.content), unit.base, unit.position)

    def take_odd(self, odd: Odd) -> None:
        """Take a span that was not made into a row."""
        self._take_span(odd.span, self._spans.scoped(dict(odd.resource), odd.scope), odd.position)

    def take_part(self, data: Data, start: int, end: int, base: int, prefix: str = "") -> None:
        """Take what is whole of a message's last block, whose end is missing."""
        self.settle()
        # A block is field 1 of its message, its scopes and their records are fields 2.
        part = whole_part(data, start, end, (1, 2, 2))
        for field in fields(part, 0, len(part)):
            if field.number == 1 and field.kind == LENGTH:
                self.take_block(part, field.start, field.end, base + start, prefix)

    def take_block(self, data: Data, start: int, end: int, base: int, prefix: str = "") -> None:
        """Take one block."""
        kind = records_of(data, start, end)
        if kind == "metrics":
            self._rejects.note(METRICS)
            return
        where = f"{prefix}{', ' if prefix else ''}byte "
        pairs: list[Pair] | None = None
        scopes = []
        at = start
        for field in fields(data, start, end):
            at = field.end
            if field.number == 1 and field.kind == LENGTH:
                try:
                    resource = ResourceMessage.FromString(bytes(data[field.start : field.end]))
                    pairs = _pairs(resource.attributes)
                except DecodeError:
                    self._rejects.add(BROKEN, f"{where}{base + field.start}", "the resource")
            elif field.number == 2 and field.kind == LENGTH:
                scopes.append(field)
        if at < end:
            self._rejects.add(BROKEN, f"{where}{base + at}")
        take = self._take_logs if kind == "logs" else self._take_spans
        for scope in scopes:
            take(data, scope.start, scope.end, pairs, base, where)

    def _take_spans(self, data: Data, start: int, end: int, pairs: list[Pair] | None, base: int, where: str) -> None:
        records, scope = self._records(data, start, end, base, where)
        template = self._spans.scoped(self._spans.resource(pairs), scope)
        for first, last in records:
            self._take_span(bytes(data[first:last]), template, f"{where}{base + first}")

    def _take_span(self, content: bytes, template: dict[str, Any], position: str) -> None:
        try:
            self._spans.add(_span(SpanMessage.FromString(content), self._rejects), template)
        except DecodeError:
            self._rejects.add(BROKEN, position)
        except Refused as refused:
            self._rejects.add(str(refused), position)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position)

    def _take_logs(self, data: Data, start: int, end: int, pairs: list[Pair] | None, base: int, where: str) -> None:
        records, scope = self._records(data, start, end, base, where)
        template = self._logs.resource(pairs)
        for first, last in records:
            try:
                self._logs.add(_log(LogRecord.FromString(bytes(data[first:last])), self._rejects), template, scope)
            except DecodeError:
                self._rejects.add(BROKEN, f"{where}{base + first}")
            except Refused as refused:
                self._rejects.add(str(refused), f"{where}{base + first}")
            except _MISSHAPEN:
                self._rejects.add(SHAPE, f"{where}{base + first}")

    def _records(
        self, data: Data, start: int, end: int, base: int, where: str
    ) -> tuple[list[tuple[int, int]], str | None]:
        """Return where the records of a scope lie, and the scope's name."""
        records, name, at = [], None, start
        for field in fields(data, start, end):
            at = field.end
            if field.number == 2 and field.kind == LENGTH:
                records.append((field.start, field.end))
            elif field.number == 1 and field.kind == LENGTH:
                try:
                    name = InstrumentationScope.FromString(bytes(data[field.start : field.end])).name or None
                except DecodeError:
                    self._rejects.add(BROKEN, f"{where}{base + field.start}", "the scope")
        if at < end:
            self._rejects.add(BROKEN, f"{where}{base + at}")
        return records, name


def _scan(data: NDArray[np.uint8], bounds: NDArray[np.int64], found: Found, left_out: NDArray[np.bool_]) -> None:
    scan_blocks(data, bounds, NAMES, EVENT_NAMES, found, left_out)


def _plain_value(content: bytes) -> Any:
    """Decode an AnyValue to the Python value that it stands for."""
    return attributes_of(_pairs([KeyValue(key="", value=AnyValue.FromString(content))], _ANY), _ANY).get("")


def _resource(content: bytes, rejects: Rejects) -> dict[str, Any]:
    """Return the row that spans of a resource begin as; one that is broken is for the readable reader to tell of."""
    try:
        message = ResourceMessage.FromString(content)
    except DecodeError as error:
        raise ValueError(BROKEN) from error
    return SpanAssembler(rejects, exact=True).resource(_pairs(message.attributes) if content else None)


def _scope_name(content: bytes) -> str | None:
    try:
        return InstrumentationScope.FromString(content).name or None
    except DecodeError as error:
        raise ValueError(BROKEN) from error


def _place(unit: Unit, _block: int, _scope: int, _span: int, byte: int) -> str:
    return f"{unit.position}{', ' if unit.position else ''}byte {unit.base + byte}"


def _span(message: SpanMessage, rejects: Rejects) -> Span:
    start, end = message.start_time_unix_nano, message.end_time_unix_nano
    events = [Event(event.name, _pairs(event.attributes, _EVENT_NAMES)) for event in message.events]
    links = [Link(_id(link.trace_id, 128, rejects), _id(link.span_id, 64, rejects)) for link in message.links]
    return Span(
        trace_id=_id(message.trace_id, 128, rejects),
        span_id=_id(message.span_id, 64, rejects),
        parent_span_id=_id(message.parent_span_id, 64, rejects),
        trace_state=message.trace_state,
        name=message.name,
        kind=message.kind,
        # Protocol Buffers do not tell 0 from absent; a span from 0 to 0 has no times.
        start_time_unix_nano=start if start or end else None,
        end_time_unix_nano=end if start or end else None,
        attributes=_pairs(message.attributes),
        status=Status(message.status.code, message.status.message) if message.HasField("status") else None,
        events=events or None,
        links=links or None,
        dropped_attributes_count=message.dropped_attributes_count,
        dropped_events_count=message.dropped_events_count,
        dropped_links_count=message.dropped_links_count,
    )


def _log(message: LogRecord, rejects: Rejects) -> dict[str, Any]:
    """Return a log record in the shape that JSON gives it."""
    return {
        "traceId": _id(message.trace_id, 128, rejects),
        "spanId": _id(message.span_id, 64, rejects),
        "timeUnixNano": message.time_unix_nano or None,
        "observedTimeUnixNano": message.observed_time_unix_nano or None,
        "severityNumber": message.severity_number,
        "severityText": message.severity_text,
        "body": _shaped(message.body) if message.HasField("body") else None,
        "attributes": [{"key": pair.key, "value": _shaped(pair.value)} for pair in message.attributes],
    }


def _pairs(pairs: Iterable[KeyValue], known: frozenset[str] | None = None) -> list[Pair]:
    found = []
    for pair in pairs:
        key = pair.key
        if known is None or key in known:
            value = pair.value
            kind = value.WhichOneof("value")
            if kind == "string_value":
                found.append(Pair(key, Value(string_value=value.string_value)))
            elif kind == "int_value":
                found.append(Pair(key, Value(int_value=value.int_value)))
            elif kind is not None:
                shaped = _shaped(value)
                found.append(Pair(key, Value(**{kind: next(iter(shaped.values()))})))
    return found


def _shaped(value: AnyValue) -> dict[str, Any]:
    """Return an AnyValue in the shape that JSON gives it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return {"arrayValue": {"values": [_shaped(item) for item in value.array_value.values]}}
    if kind == "kvlist_value":
        pairs = [{"key": pair.key, "value": _shaped(pair.value)} for pair in value.kvlist_value.values]
        return {"kvlistValue": {"values": pairs}}
    if kind is None:
        return {}
    name = kind.partition("_")[0]
    return {f"{name}Value": getattr(value, kind)}


def _id(raw: bytes, bits: int, rejects: Rejects) -> int | None:
    """Return an id of 8 or 16 bytes as a number; None where there is none."""
    if not raw:
        return None
    if len(raw) * 8 == bits or (bits == 128 and len(raw) == 8):
        return int.from_bytes(raw, "big")
    # 32 or 16 hexadecimal digits, decoded as if they were base64.
    text = base64.b64encode(raw).decode()
    if len(raw) * 8 * 2 == bits * 3 and not is_hashed(text, 128) and text.isalnum():
        rejects.note(MENDED)
        high, low = canonical_trace_id(text)
        return high << 64 | low
    raise Refused(ID_LENGTH)
