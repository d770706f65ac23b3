"""Traces of AWS X-Ray: segment documents.

**Who exports it.** ``aws xray batch-get-traces --trace-ids …``, whose answer holds each segment as a text; segment
documents by themselves, one a line or in an array, as the X-Ray daemon takes them or a script writes them.

**What is read.** Segments with their subsegments, however deep: ids, times, calls over HTTP, SQL statements, calls of
AWS with operation, table, bucket or queue, exceptions, annotations named as attributes are. ``aws.retries`` says how
often a call was sent again.

**What is assumed.** Times are seconds, exact to a microsecond. A segment is the work of a server; a subsegment belongs
to its segment's service, and leaves it where its namespace is *aws* or *remote*. Segments that X-Ray inferred from a
call (``inferred``) are left out: the call itself names whom it reached. *fault* is an error; *error*, an answer of 4xx,
is one for the caller alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis.semconv import exception_columns, resource_columns, span_columns, text
from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, SpanRows
from analysis.sources._streams import Readable
from analysis.sources._times import nanoseconds, span_times
from analysis.sources._xray_attributes import attributes_of, process_attributes

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "aws-xray"
TITLE: Final = "AWS X-Ray: batch-get-traces, segment documents"
DESCRIPTION: Final = __doc__ or ""

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
SHAPE: Final = "record has another shape than its format says"
INFERRED: Final = "segments that X-Ray inferred from calls were left out: the calls are there"
ALONE: Final = "subsegments in documents of their own, whose segment did not come before them: they have no service"
_SECOND_NS: Final = 1_000_000_000
_RESOLUTION_NS: Final = 1_000
_LAYOUT: Final = Layout(records=frozenset({"Traces"}), salvage=frozenset({"Traces", "Segments"}))
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
#: Segments whose service is remembered for subsegments that come by themselves.
_REMEMBERED: Final = 100_000


def sniff(head: bytes) -> bool:
    """Return whether the bytes are segments of X-Ray, or an answer that holds them as texts."""
    return any(_is_xray(keys) for keys in outlines(head))


def _is_xray(keys: Outline) -> bool:
    if any(keys.has(path, "Document") for path in ("Traces[].Segments[]", "[].Segments[]", "Segments[]")):
        return True
    return any(
        all(keys.has(path, key) for key in ("trace_id", "id", "name", "start_time"))
        and not keys.has(path, "startTimeUnixNano")
        for path in ("", "[]")
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from decoded segments."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = SpanRows(rejects)
        self.rows.template["time_resolution_ns"] = _RESOLUTION_NS
        self._rejects = rejects
        self._note = rejects.note
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)
        self._templates: dict[tuple[int, int], dict[str, Any]] = {}

    def take(self, value: Any, position: str) -> None:
        """Take a segment, a trace of several, an answer of the API, or a list of those."""
        pending = [(value, position)]
        while pending:
            item, place = pending.pop()
            if isinstance(item, list):
                pending.extend((part, f"{place}[{number}]") for number, part in reversed(list(enumerate(item))))
            elif not isinstance(item, dict):
                self._rejects.add(SHAPE, place, masked(item))
            elif (
                inner := next((key for key in ("Traces", "Segments") if isinstance(item.get(key), list)), None)
            ) is not None:
                pending.append((item[inner], f"{place}.{inner}"))
            elif isinstance(item.get("Document"), str):
                try:
                    pending.append((loads(item["Document"].encode("utf-8", "replace")), f"{place}.Document"))
                except NotJson:
                    self._rejects.add(SHAPE, f"{place}.Document", "not JSON")
            else:
                self._segment(item, place)

    def _segment(self, segment: Mapping[str, Any], position: str) -> None:
        """Take a segment with what is below it."""
        if segment.get("inferred") is True:
            self._note(INFERRED)
            return
        try:
            parent = self._span_id(segment.get("parent_id"))
            alone = segment.get("type") == "subsegment"
            template = self._template(segment, self._whole_trace_id(segment), parent, alone=alone)
        except Refused as refused:
            self._rejects.add(str(refused), position)
            return
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position, masked(segment))
            return
        pending = [(segment, parent, not alone, position)]
        while pending:
            item, above, is_segment, place = pending.pop()
            try:
                row = self._row(item, template, above, is_segment=is_segment)
                below = [
                    (part, row["span_id"], False, f"{place}.{number}")
                    for number, part in enumerate(item.get("subsegments") or ())
                ]
                pending.extend(reversed(below))
                self.rows.append(row)
            except Refused as refused:
                self._rejects.add(str(refused), place)
            except _MISSHAPEN:
                self._rejects.add(SHAPE, place, masked(item))

    def _whole_trace_id(self, segment: Mapping[str, Any]) -> tuple[int, int]:
        trace_id = self._trace_id(segment.get("trace_id"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        return trace_id

    def _template(
        self, segment: Mapping[str, Any], trace_id: tuple[int, int], parent: int, *, alone: bool
    ) -> dict[str, Any]:
        """Return the row that a segment and what is below it begin as."""
        if alone:
            known = self._templates.get((trace_id[1], parent))
            if known is None:
                self._note(ALONE)
                known = {**self.rows.template, "trace_id_high": trace_id[0], "trace_id_low": trace_id[1]}
        else:
            known = {**self.rows.template, **resource_columns(process_attributes(segment), self._note)}
            known["trace_id_high"], known["trace_id_low"] = trace_id
        self._templates[trace_id[1], self._span_id(segment.get("id"))] = known
        if len(self._templates) > _REMEMBERED:
            del self._templates[next(iter(self._templates))]
        return known

    def _row(
        self, segment: Mapping[str, Any], template: Mapping[str, Any], parent: int, *, is_segment: bool
    ) -> dict[str, Any]:
        row = dict(template)
        row["span_id"] = self._span_id(segment.get("id"))
        if not row["span_id"]:
            raise Refused(NO_SPAN_ID)
        row["parent_span_id"], row["name"] = parent, text(segment.get("name"))
        leaves = segment.get("namespace") in {"aws", "remote"} or bool(segment.get("sql"))
        attributes, row["kind"] = attributes_of(segment, "server" if is_segment else "client" if leaves else "internal")
        start_ns = nanoseconds(segment.get("start_time"), _SECOND_NS)
        end_ns = nanoseconds(segment.get("end_time"), _SECOND_NS)
        duration_ns = None if start_ns is None or end_ns is None else end_ns - start_ns
        row["start_ns"], row["duration_ns"] = span_times(start_ns, duration_ns, self._note)
        if segment.get("fault") or segment.get("throttle") or (segment.get("error") and not is_segment):
            row["status"] = "error"
        span_columns(attributes, row["kind"], row, self._note)
        cause = segment.get("cause")
        exceptions = cause.get("exceptions") if isinstance(cause, dict) else None
        if exceptions:
            first = exceptions[0]
            exception_columns({"exception.type": first.get("type"), "exception.message": first.get("message")}, row)
        row["links"] = self._links(segment.get("links"))
        return row

    def _links(self, links: Any) -> list[dict[str, Any]] | None:
        found = []
        for link in links if isinstance(links, list) else ():
            (high, low), identity = (
                self._trace_id(link.get("trace_id")),
                self._span_id(link.get("id") or link.get("span_id")),
            )
            if (high or low) and identity:
                found.append({"trace_id_high": high, "trace_id_low": low, "span_id": identity, "kind": "link"})
        return found or None
