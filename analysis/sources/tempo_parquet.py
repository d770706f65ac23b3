"""Blocks of Grafana Tempo as they lie in its object storage: vParquet 2 to 5.

**Who exports it.** Whoever can read Tempo's bucket: copy the folder of a block, ``<tenant>/<block>/``, or of it
``data.parquet`` and ``meta.json``; the same two as ``NAME.data.parquet`` and ``NAME.meta.json``. Its other files (bloom
filters, indexes) are not needed.

**What is read.** Traces with resources, scopes, spans, links, exception events and all attributes: those in lists,
those in columns of their own, and those in dedicated columns, which ``meta.json`` alone names. It is looked for beside
the block; handed in without it, it is refused.

**What is assumed.** Without ``meta.json`` (a block from standard input, say) dedicated columns that hold values cannot
be named, and it is noted how many. A duration that ran below zero is a span that ends before it starts, or that never
ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

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
from analysis.sources._collection import without_collection
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._outline import outlines
from analysis.sources._parquet import PARQUET, column_paths, parquet_batches, spoolable
from analysis.sources._rows import BATCH_ROWS, Batch, SpanRows
from analysis.sources._streams import Readable
from analysis.sources._suspects import looked_at
from analysis.sources._tempo_attributes import (
    Dedicated,
    attribute_dicts,
    dedicated_columns,
    event_attributes,
    unnamed_columns,
)
from analysis.sources._times import BEYOND, INT64_MAX, span_times
from analysis.sources._unreadable import UnreadableExport
from analysis.sources._wire import LENGTH, fields

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "tempo-parquet"
TITLE: Final = "Blocks of Grafana Tempo: vParquet 2 to 5"
DESCRIPTION: Final = __doc__ or ""

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
UNNAMED: Final = "dedicated columns with values that only the block's meta.json names: {}; their attributes are missing"
COMPANION: Final = "describes the block whose data.parquet lies beside it, and was read together with that"
ALONE: Final = "this describes a block of Tempo, whose spans are in a data.parquet that is not beside it"
LACKING: Final = "the block has no column {}"
DROPPED: Final = "spans of which attributes, events or links were dropped before they reached Tempo"

_LEFT_OUT: Final = ("ServiceStats", "TraceIDText", "RootServiceName", "RootSpanName", "ParentID", "NestedSetLeft",
                    "NestedSetRight", "Version", "StartTimeRounded15", "StartTimeRounded60", "StartTimeRounded300",
                    "StartTimeRounded3600", "Cluster", "Container", "K8sClusterName", "K8sNamespaceName")  # fmt: skip
_WRAPPED: Final = 1 << 64


def sniff(head: bytes) -> bool:
    """Return whether the bytes are of a block (columns of traces with resources and spans), or describe one."""
    paths = column_paths(head)
    if paths:
        return "TraceID" in paths and any(path.startswith("rs.") and path.endswith(".SpanID") for path in paths)
    return any(
        keys.has("", "blockID") and keys.has("", "tenantID") and (keys.has("", "format") or keys.has("", "version"))
        for keys in outlines(head)
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    export = spoolable(stream)
    if export.peek(len(PARQUET)) != PARQUET:
        if not export.accompanies:
            raise UnreadableExport(export.name, ALONE, "Hand in data.parquet, or the folder of the block")
        rejects.beside = COMPANION
        return
    reader = _Reader(rejects, dedicated_columns(export.companion))
    for batch in parquet_batches(export, _LEFT_OUT):
        try:
            reader.take(batch)
        except KeyError as missing:  # as Arrow says that there is no such column
            reason = LACKING.format(missing)
            raise UnreadableExport(export.name, reason, "Hand in the block as Tempo wrote it") from missing
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    reader.say()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from batches of traces."""

    def __init__(self, rejects: Rejects, dedicated: Dedicated) -> None:
        self.rows: Final = SpanRows(rejects)
        self._rejects = rejects
        self._note = rejects.note
        self._dedicated = dedicated
        self._unnamed: set[str] = set()
        self._done = 0
        self._seen = 0

    def say(self) -> None:
        """Note which columns could not be named."""
        if self._unnamed:
            self._note(UNNAMED.format(", ".join(sorted(self._unnamed))), len(self._unnamed))

    def take(self, batch: pa.RecordBatch) -> None:
        """Take the spans of some traces."""
        resource_spans = batch.column("rs")
        blocks, trace_of_block = resource_spans.flatten(), pc.list_parent_indices(resource_spans)
        parts, block_of_part = blocks.field("ss").flatten(), pc.list_parent_indices(blocks.field("ss"))
        spans, part_of_span = parts.field("Spans").flatten(), pc.list_parent_indices(parts.field("Spans"))
        block_of_span = block_of_part.take(part_of_span)
        templates = self._templates(blocks.field("Resource"), parts.field("Scope"), block_of_part)
        traces = [int.from_bytes(value or b"") for value in batch.column("TraceID").to_pylist()]
        span_ids = _ids(spans.field("SpanID"))
        looked = looked_at(np.array(span_ids, np.uint64), self._seen)
        self._seen += len(span_ids)
        columns = [
            trace_of_block.take(block_of_span).to_pylist(),
            part_of_span.to_pylist(),
            span_ids,
            _ids(spans.field("ParentSpanID")),
            *(
                spans.field(name).to_pylist()
                for name in ("Name", "Kind", "StartTimeUnixNano", "DurationNano", "StatusCode", "StatusMessage")
            ),
            spans.field("TraceState").to_pylist() if _has(spans, "TraceState") else [""] * len(spans),
            self._attributes(spans, looked),
            _links(spans),
            _exceptions(spans),
        ]
        for row, values in enumerate(zip(*columns, strict=True)):
            trace, part, *rest = values
            try:
                self._span(traces[trace], templates[part], *rest)
            except Refused as refused:
                self._rejects.add(str(refused), f"trace {self._done + trace}, span {row} of its batch")
        for name in ("DroppedAttributesCount", "DroppedEventsCount", "DroppedLinksCount"):
            if _has(spans, name):
                self._note(DROPPED, pc.sum(pc.greater(spans.field(name), 0)).as_py() or 0)
        self._done += batch.num_rows

    def _templates(self, resources: pa.StructArray, scopes: pa.StructArray, owner: pa.Array) -> list[dict[str, Any]]:
        """Return the row that spans of each scope of a resource begin as."""
        named = self._dedicated.get("resource", {})
        self._unnamed |= {f"resource {name}" for name in unnamed_columns(resources, named)}
        found = []
        services = resources.field("ServiceName").to_pylist()
        for service, attributes in zip(services, attribute_dicts(resources, named, KNOWN), strict=True):
            if service:
                attributes["service.name"] = service
            found.append({**self.rows.template, **resource_columns(attributes, self._note)})
        names = scopes.field("Name").to_pylist()
        return [
            {**found[block], "scope": name} if name else found[block]
            for block, name in zip(owner.to_pylist(), names, strict=True)
        ]

    def _attributes(self, spans: pa.StructArray, looked: NDArray[np.bool_]) -> list[dict[str, Any]]:
        named = self._dedicated.get("span", {})
        self._unnamed |= {f"span {name}" for name in unnamed_columns(spans, named)}
        return attribute_dicts(spans, named, KNOWN, looked)

    def _span(
        self,
        trace: int,
        template: dict[str, Any],
        span_id: int,
        parent: int,
        name: str,
        kind: int,
        start_ns: int,
        duration_ns: int,
        status: int,
        message: str,
        trace_state: str,
        attributes: dict[str, Any],
        links: list[dict[str, Any]] | None,
        exception: dict[str, Any] | None,
    ) -> None:
        if not trace:
            raise Refused(NO_TRACE_ID)
        if not span_id:
            raise Refused(NO_SPAN_ID)
        row = template.copy()
        row["trace_id_high"], row["trace_id_low"] = trace >> 64 & _WRAPPED - 1, trace & _WRAPPED - 1
        row["span_id"], row["parent_span_id"], row["name"] = span_id, parent, name or None
        row["kind"] = known = KINDS.get(kind, "unspecified")
        row["status"], row["status_message"] = STATUSES.get(status, "unset"), text(message)
        row["start_ns"], row["duration_ns"] = self._times(start_ns, duration_ns)
        if attributes:
            span_columns(attributes, known, row, self._note)
        if exception is not None:
            exception_columns(exception, row)
        row["links"] = links
        if trace_state:
            row["weight"] = tracestate_weight(trace_state) or row["weight"]
        self.rows.append(row)

    def _times(self, start_ns: int, duration_ns: int) -> tuple[int | None, int | None]:
        if start_ns > INT64_MAX:
            raise Refused(BEYOND)
        duration: int | None = duration_ns
        if duration_ns > INT64_MAX:
            # An end before the start, taken away from it in unsigned numbers; an end of 0 is none.
            duration = duration_ns - _WRAPPED
            if duration == -start_ns:
                duration = None
        return span_times(start_ns, duration, self._note)


def _ids(column: pa.Array) -> list[int]:
    return [int.from_bytes(value[-8:]) if value else 0 for value in column.to_pylist()]


def _has(holder: pa.StructArray, name: str) -> bool:
    return bool(holder.type.get_field_index(name) >= 0)


def _links(spans: pa.StructArray) -> list[list[dict[str, Any]] | None]:
    """Return the links of each span; version 3 writes them as protobuf."""
    found: list[list[dict[str, Any]] | None] = [None] * len(spans)
    if not _has(spans, "Links"):
        return found
    column = spans.field("Links")
    if pa.types.is_binary(column.type):
        for row, message in enumerate(column.to_pylist()):
            if message:
                found[row] = [_link(link.trace_id, link.span_id) for link in _decoded_links(message)] or None
        return found
    items = column.flatten()
    ids = zip(items.field("TraceID").to_pylist(), items.field("SpanID").to_pylist(), strict=True)
    for row, (trace, span) in zip(pc.list_parent_indices(column).to_pylist(), ids, strict=True):
        found[row] = [*(found[row] or ()), _link(trace or b"", span or b"")]
    return found


def _decoded_links(message: bytes) -> Iterator[Any]:
    for field in fields(message, 0, len(message)):
        if field.number == 1 and field.kind == LENGTH:
            try:
                yield SpanMessage.Link.FromString(message[field.start : field.end])
            except DecodeError:
                continue


def _link(trace: bytes, span: bytes) -> dict[str, Any]:
    number = int.from_bytes(trace[-16:])
    low = number & _WRAPPED - 1
    return {"trace_id_high": number >> 64, "trace_id_low": low, "span_id": int.from_bytes(span[-8:]), "kind": "link"}


def _exceptions(spans: pa.StructArray) -> Sequence[dict[str, Any] | None]:
    """Return the attributes of the first exception recorded on each span."""
    found: list[dict[str, Any] | None] = [None] * len(spans)
    if not _has(spans, "Events"):
        return found
    events = spans.field("Events")
    items = events.flatten()
    chosen = pc.indices_nonzero(pc.equal(items.field("Name"), "exception"))
    owners = pc.list_parent_indices(events).take(chosen).to_pylist()
    for row, attributes in zip(owners, event_attributes(items.take(chosen).field("Attrs")), strict=True):
        if found[row] is None:
            found[row] = attributes
    return found
