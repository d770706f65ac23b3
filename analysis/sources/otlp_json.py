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
(``ot=th:`` or ``ot=p:``). A summary that a pruning of spans left in the place of several counts as many as it says
(``aggregation.span_count``). Metrics are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.sources._collection import without_collection
from analysis.sources._documents import LINE, LINES, NOT_JSON, Layout, units, units_of
from analysis.sources._json import NotJson
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._otlp_json_scan import BLOCK, REQUEST, scan_units
from analysis.sources._otlp_records import SHAPE, LogAssembler, SpanAssembler
from analysis.sources._otlp_shapes import (
    LOG_BLOCKS,
    SPAN_BLOCKS,
    Request,
    ResourceSpans,
    camel,
    decode,
    decode_span,
    json_text,
    json_value,
    pairs_from,
    resource_pairs,
    span_from,
)
from analysis.sources._outline import outlines
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import EVENT_NAMES, NAMES, Decoders, Found, Unit
from analysis.sources._scan_rows import Odd
from analysis.sources._scanning import Scanning
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "read_message", "sniff"]

NAME: Final = "otlp-json"
TITLE: Final = "OpenTelemetry JSON: Collector, Tempo, Grafana, Jaeger API v3"
DESCRIPTION: Final = __doc__ or ""

PARTIAL: Final = "Tempo says that it returned only a part of the trace"
_SCOPES: Final = ("scopeSpans", "instrumentationLibrarySpans", "ilSpans")
_SNAKE: Final = ("scope_spans", "instrumentation_library_spans", "scope_logs")
_WRAPPERS: Final = ("trace", "result")
_LAYOUT: Final = Layout(
    records=frozenset((*SPAN_BLOCKS, *LOG_BLOCKS)),
    wrappers=frozenset(_WRAPPERS),
    salvage=frozenset((*_SCOPES, *_SNAKE, "spans", "scopeLogs", "logRecords", "log_records")),
    remarks={b'"PARTIAL"': PARTIAL},
    decode=decode,
)
_RAW: Final = replace(_LAYOUT, raw=True)
#: The fewest bytes that a span with all it must have, an attribute, a scope, a block of a resource and a link take.
_SIZES: Final = (150, 20, 12, 17, 70)
#: Where an outline shows one of these keys at the top, the text is OTLP.
_MARKS: Final = (*SPAN_BLOCKS, *LOG_BLOCKS, "scopeSpans", "scope_spans", "scopeLogs")
#: What goes wrong in Python where a record is nested otherwise than its format says.
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def sniff(head: bytes) -> bool:
    """Return whether the bytes are OTLP as JSON: they name its outer arrays where these belong."""
    return any(
        keys.has(path, mark)
        for keys in outlines(head)
        for path in ("", "[]", *_WRAPPERS, *(f"[].{wrapper}" for wrapper in _WRAPPERS))
        for mark in _MARKS
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and logs in batches."""
    reader = _Reader(rejects)
    scanning = Scanning(_scan, _form, _SIZES, reader, rejects, decoders(reader.resource))
    for unit in units(stream, rejects, _RAW):
        yield from scanning.add(Unit(unit.key, unit.value, unit.position))
        yield from reader.full()
    yield from scanning.flush()
    yield from reader.rest()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a record at a time: what the scan is tested against."""
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


def _form(key: str) -> int:
    return REQUEST if key in {"", LINES} else BLOCK if key in SPAN_BLOCKS else -1


def _scan(data: NDArray[np.uint8], bounds: NDArray[np.int64], found: Found, left_out: NDArray[np.bool_]) -> None:
    scan_units(data, bounds, NAMES, EVENT_NAMES, found, left_out)


def _place(unit: Unit, block: int, scope: int, span: int, _byte: int) -> str:
    within = f".scopeSpans[{scope}].spans[{span}]"
    return f"{unit.position}{within}" if unit.key in SPAN_BLOCKS else f"{unit.position}: resourceSpans[{block}]{within}"


def decoders(resource: Callable[[bytes, Rejects], dict[str, Any]]) -> Decoders:
    """Return how OTLP JSON decodes what a scan leaves as bytes."""
    return Decoders(json_value, json_text, resource, decode_span, _place)


class _Reader:
    """Gathers rows from decoded OTLP objects."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects
        self._spans, self._logs = SpanAssembler(rejects), LogAssembler(rejects)

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        if len(self._spans.rows) >= BATCH_ROWS:
            yield from self._spans.rows.batch()
        if len(self._logs.rows) >= BATCH_ROWS:
            yield from self._logs.rows.batch()

    def rest(self) -> Iterator[Batch]:
        """Yield what is left."""
        yield from self._spans.rows.batch()
        yield from self._logs.rows.batch()

    def resource(self, content: bytes, rejects: Rejects) -> dict[str, Any]:
        """Return the row that spans of a resource begin as."""
        return self._spans.resource(resource_pairs(content) if content else None, rejects)

    def take_unit(self, unit: Unit) -> None:
        """Take a unit that was not scanned."""
        if unit.key == LINE:
            for found in units_of(unit.content, self._rejects, _LAYOUT, unit.position):
                self.take(found.key, found.value, found.position)
            return
        try:
            value = decode(unit.key, unit.content)
        except NotJson:
            self._rejects.add(NOT_JSON, unit.position)
            return
        self.take(unit.key, value, unit.position)

    def take_odd(self, odd: Odd) -> None:
        """Take a span that was not made into a row."""
        try:
            self._spans.add(odd.span, self._spans.scoped(dict(odd.resource), odd.scope))
        except Refused as refused:
            self._rejects.add(str(refused), odd.position)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, odd.position)

    def take(self, key: str, value: Any, position: str) -> None:
        """Take one decoded record, found under a key or by itself."""
        try:
            if type(value) is Request:
                for index, block in enumerate(value.resource_spans or ()):
                    self._block(block, f"{position}: resourceSpans[{index}]")
                for index, block in enumerate(value.resource_logs or ()):
                    self._log_block(block, f"{position}: resourceLogs[{index}]")
            elif key in SPAN_BLOCKS:
                self._span_block(value, position)
            elif key in LOG_BLOCKS:
                self._log_block(value, position)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    self._object(item, f"{position}[{index}]")
            else:
                self._object(value, position)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position)

    def _object(self, value: Any, position: str) -> None:
        """Take whatever an outer object holds."""
        if not isinstance(value, dict):
            self._rejects.add(SHAPE, position, masked(value))
            return
        known = not value
        for key in (*SPAN_BLOCKS, *LOG_BLOCKS):
            if key in value:
                known = True
                blocks = value[key] or ()
                if not isinstance(blocks, list | tuple):
                    # A text would be taken letter by letter.
                    self._rejects.add(SHAPE, f"{position}: {key}", masked(blocks))
                    continue
                for index, block in enumerate(blocks):
                    self.take(key, block, f"{position}: {key}[{index}]")
        for key in _WRAPPERS:
            if isinstance(value.get(key), dict):
                known = True
                self._object(value[key], f"{position}: {key}")
        if not value.keys().isdisjoint((*_SCOPES, *_SNAKE[:2])):
            known = True
            self._span_block(value, position)
        if "scopeLogs" in value or "scope_logs" in value:
            known = True
            self._log_block(value, position)
        if "resourceMetrics" in value or "resource_metrics" in value:
            known = True
            self._rejects.note("requests of metrics were passed over")
        if value.get("status") == "PARTIAL":
            self._rejects.note(PARTIAL)
        if not known:
            self._rejects.add(SHAPE, position, masked(value))

    def _span_block(self, block: Any, position: str) -> None:
        """Take a ResourceSpans, whether it came typed or as plain objects."""
        if type(block) is ResourceSpans:
            self._block(block, position)
            return
        if not block.keys().isdisjoint(_SNAKE):
            block = camel(block)
        note = self._rejects.note
        resource = self._spans.resource(pairs_from((block.get("resource") or {}).get("attributes"), note))
        for key in _SCOPES:
            for number, part in enumerate(block.get(key) or ()):
                place = f"{position}.{key}[{number}]"
                try:
                    scope = part.get("scope") or part.get("instrumentationLibrary") or {}
                    template = self._spans.scoped(resource, scope.get("name"))
                    spans = part.get("spans") or ()
                except _MISSHAPEN:
                    self._rejects.add(SHAPE, place)
                    continue
                for index, span in enumerate(spans):
                    try:
                        self._spans.add(span_from(span, note), template)
                    except Refused as refused:
                        self._rejects.add(str(refused), f"{place}.spans[{index}]")
                    except _MISSHAPEN:
                        self._rejects.add(SHAPE, f"{place}.spans[{index}]")

    def _block(self, block: ResourceSpans, position: str) -> None:
        add = self._spans.add
        resource = self._spans.resource(block.resource.attributes if block.resource is not None else None)
        for number, part in enumerate(block.scope_spans or ()):
            template = self._spans.scoped(resource, part.scope.name if part.scope is not None else None)
            for index, span in enumerate(part.spans or ()):
                try:
                    add(span, template)
                except Refused as refused:
                    self._rejects.add(str(refused), f"{position}.scopeSpans[{number}].spans[{index}]")
                except _MISSHAPEN:
                    self._rejects.add(SHAPE, f"{position}.scopeSpans[{number}].spans[{index}]")

    def _log_block(self, block: dict[str, Any], position: str) -> None:
        if not block.keys().isdisjoint(_SNAKE):
            block = camel(block)
        resource = pairs_from((block.get("resource") or {}).get("attributes"), self._rejects.note)
        shared = self._logs.resource(resource)
        for number, part in enumerate(block.get("scopeLogs") or ()):
            place = f"{position}.scopeLogs[{number}]"
            try:
                scope = (part.get("scope") or {}).get("name")
                records = part.get("logRecords") or ()
            except _MISSHAPEN:
                self._rejects.add(SHAPE, place)
                continue
            for index, record in enumerate(records):
                try:
                    self._logs.add(record, shared, scope)
                except Refused as refused:
                    self._rejects.add(str(refused), f"{place}.logRecords[{index}]")
                except _MISSHAPEN:
                    self._rejects.add(SHAPE, f"{place}.logRecords[{index}]")
