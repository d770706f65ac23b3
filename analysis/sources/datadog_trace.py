"""One trace as Datadog gives it out: the API's *Get trace*, or the trace view's *Download JSON*.

**Who exports it.** ``GET /api/v2/trace/<id>`` (a preview), which answers ``{"data": {"attributes": {"spans": […]}}}``;
in Datadog, open a trace, *Download JSON*, which gives ``{"trace": {"root_id": …, "spans": {"<id>": …}}}``, with or
without the outer ``trace``. Several may stand one a line, or in an array.

**What is read.** Ids, names, times, service, error, tags (``meta``) and metrics of every span. That Datadog cut a trace
off (``is_truncated``) is noted.

**What is assumed.** Neither shape says its units: a start of ten digits before the point is seconds, of thirteen
milliseconds, of sixteen microseconds, of nineteen nanoseconds, and a duration is in the unit in which it fits start and
end; which was taken is noted. A trace id of 64 bits is the lower half of the whole one (``traceIDFull``). The API
leaves out ``_dd.base_service``: a call that names a library ("postgres") as its service belongs to the nearest
ancestor's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._datadog_rows import DatadogRows, DatadogSpan, decimal_id, flat_tags, high_half
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._streams import Readable
from analysis.sources._times import iso_nanoseconds, nanoseconds

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "datadog-trace"
TITLE: Final = "Datadog traces, one by one: Get trace, Download JSON"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
TRUNCATED: Final = "traces that Datadog cut off: is_truncated"
ASSUMED: Final = "times were taken as {} by their size"
_UNITS: Final = ((10**17, 1, "nanoseconds"), (10**14, 1_000, "microseconds"), (10**11, 10**6, "milliseconds"))
_SECOND: Final = (10**9, "seconds")
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
#: What an inferred entity is named by, and the tag that says the same.
_INFERRED: Final = {
    "peer.service": "peer.service",
    "peer.hostname": "peer.hostname",
    "peer.db.name": "db.name",
    "peer.db.system": "db.system",
    "peer.cassandra.contact.points": "peer.hostname",
    "peer.kafka.bootstrap.servers": "peer.hostname",
    "peer.messaging.destination": "messaging.destination",
    "peer.messaging.system": "messaging.system",
    "peer.rpc.service": "rpc.service",
    "peer.aws.dynamodb.table": "tablename",
    "peer.aws.s3.bucket": "bucketname",
    "peer.aws.sqs.queue": "queuename",
    "peer.aws.kinesis.stream": "streamname",
}
_PARENTS: Final = ("parentID", "parent_id", "parentId")
_IDS: Final = ("spanID", "span_id", "spanId", "id")

_LAYOUT: Final = Layout(salvage=frozenset({"spans"}))


def sniff(head: bytes) -> bool:
    """Return whether the bytes are a trace of Datadog under the keys that only it spells so."""
    return any(_is_trace(keys) for keys in outlines(head))


def _is_trace(keys: Outline) -> bool:
    for path in ("", "[]"):
        inner = f"{path}." if path else ""
        if keys.has(f"{inner}data.attributes", "spans") and (
            keys.has(f"{inner}data.attributes", "is_truncated")
            or keys.has(f"{inner}data.attributes.spans[]", "resourceHash")
            or keys.has(f"{inner}data.attributes.spans[]", "traceIDFull")
        ):
            return True
        if any(keys.has(place, "root_id") and keys.has(place, "spans") for place in (path, f"{inner}trace")):
            return True
    return False


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    reader.finish()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from decoded traces."""

    def __init__(self, rejects: Rejects) -> None:
        self._gathered = DatadogRows(rejects)
        self.rows, self.finish = self._gathered.rows, self._gathered.finish
        self._rejects = rejects

    def take(self, value: Any, position: str) -> None:
        """Take a trace or a list of traces."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                self.take(item, f"{position}[{number}]")
            return
        try:
            trace = value["data"]["attributes"] if "data" in value else value.get("trace", value)
            spans = trace["spans"]
            numbered = spans.items() if isinstance(spans, dict) else ((None, span) for span in spans)
            if trace.get("is_truncated"):
                self._rejects.note(TRUNCATED)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position, masked(value))
            return
        for number, (key, span) in enumerate(numbered):
            place = f"{position}.spans[{number}]"
            try:
                self._gathered.add(self._span(span, key, trace))
            except Refused as refused:
                self._rejects.add(str(refused), place)
            except _MISSHAPEN:
                self._rejects.add(SHAPE, place, masked(span))
        self._gathered.settle()

    def _span(self, span: Mapping[str, Any], key: str | None, trace: Mapping[str, Any]) -> DatadogSpan:
        tags = _inferred(span, flat_tags(span.get("meta") or {}, dict(span.get("metrics") or {})))
        whole = _first(span, ("traceIDFull", "trace_id_full"))
        high, low = decimal_id(whole or _first(span, ("traceID", "trace_id")) or trace.get("trace_id"))
        if not (high or low):
            # The view names its root only: what identifies it identifies the trace.
            low = decimal_id(tags.get("_dd.p.trace_id") or trace.get("root_id"))[1]
        start_ns, duration_ns, resolution_ns = self._times(span)
        error = span.get("error")
        return DatadogSpan(
            trace_id_high=high or high_half(tags),
            trace_id_low=low,
            span_id=decimal_id(_first(span, _IDS) or key)[1],
            parent_span_id=decimal_id(_first(span, _PARENTS))[1],
            service=span.get("service") or None,
            operation=span.get("name") or "",
            resource=span.get("resource") or None,
            type=span.get("type") or "",
            failed=span.get("status") == "error" or (bool(error) and error != "0"),
            start_ns=start_ns,
            duration_ns=duration_ns,
            tags=tags,
            resolution_ns=resolution_ns,
        )

    def _times(self, span: Mapping[str, Any]) -> tuple[int | None, int | None, int]:
        start, end = _first(span, ("startTime", "start")), _first(span, ("endTime", "end"))
        duration = span.get("duration")
        if isinstance(start, str) and "-" in start[1:]:
            start_ns, end_ns, unit_ns = iso_nanoseconds(start), iso_nanoseconds(end), 10**6
        else:
            unit_ns, name = _unit(start)
            self._rejects.note(ASSUMED.format(name))
            start_ns, end_ns = nanoseconds(start, unit_ns), nanoseconds(end, unit_ns)
        whole = None if start_ns is None or end_ns is None else end_ns - start_ns
        duration_ns = whole if duration is None else _fitting(duration, whole, unit_ns)
        # Seconds in a double are exact to a quarter of a microsecond.
        return start_ns, duration_ns, 1_000 if unit_ns == _SECOND[0] else unit_ns


def _inferred(span: Mapping[str, Any], tags: dict[str, Any]) -> dict[str, Any]:
    """Return tags with what Datadog inferred of the other side, where the span itself does not say it."""
    entity = span.get("inferred_entity")
    if isinstance(entity, dict) and isinstance(entity.get("entity"), str) and entity["entity"]:
        known = _INFERRED.get(str(entity.get("entity_key") or ""))
        if known is not None:
            tags.setdefault(known, entity["entity"])
    return tags


def _unit(start: Any) -> tuple[int, str]:
    try:
        size = abs(float(start))
    except (TypeError, ValueError):
        return _SECOND
    return next(((unit_ns, name) for least, unit_ns, name in _UNITS if size >= least), _SECOND)


def _fitting(duration: Any, whole: int | None, unit_ns: int) -> int | None:
    """Return a duration in the unit in which it comes closest to what start and end say; else whole numbers are ns."""
    if whole is None:
        return nanoseconds(duration, 1 if isinstance(duration, int) else unit_ns)
    found = [nanoseconds(duration, unit) for unit in (1, 1_000, 10**6, 10**9)]
    return min((one for one in found if one is not None), key=lambda one: abs(one - whole), default=whole)


def _first(span: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((span[name] for name in names if span.get(name) is not None), None)
