"""Traces as Elasticsearch keeps them: documents of Elastic APM, and of OpenTelemetry natively.

**Who exports it.** A search in ``traces-apm*`` or ``traces-*.otel-*`` (and ``logs-apm.error*``, ``logs-*.otel-*`` for
what belongs to them): the body that ``_search`` or Kibana's Dev Tools return, with ``_source`` or with ``fields``;
elasticdump, which writes a hit a line; documents by themselves, one a line or in an array, as Logstash or a script
write them. Of the modes of the Collector's exporter (``mapping: mode``) *otel*, *none* and *ecs*; the last writes no
end of a span, so that its duration is unknown.

**What is read.** Transactions and spans, whatever wraps them, fields nested or with dots in their names, values in
arrays or not. Errors and events that stand in documents of their own become log records, and the first one of a span
is its exception. A span that stands for several (``span.composite``) counts as so many; calls that the agent dropped
and counted (``dropped_spans_stats``) are a row without time that counts as so many; further ones
(``span_count.dropped``) are children that are missing. Metrics are passed over.

**What is assumed.** A transaction is the work of a server, or of a consumer where its type is *messaging*; in a browser
it is internal. A span that names a destination leaves its service. Outcome *failure* is an error; *success* says
nothing of its own. ``representative_count`` is the weight. Labels are attributes whose dots became underscores. Times
are microseconds, or the milliseconds of ``@timestamp`` where those are all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.sources._alike import Alike, Made, Target, fields
from analysis.sources._collection import without_collection
from analysis.sources._documents import units
from analysis.sources._elastic_apm import ApmSpans
from analysis.sources._elastic_documents import DOCUMENT_LAYOUT, document_paths, documents, has_field
from analysis.sources._elastic_logs import ErrorJoin, Records
from analysis.sources._elastic_names import LABELS
from analysis.sources._elastic_otel import OtelSpans, as_native, is_otel
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows, SpanRows
from analysis.sources._scan_found import Unit
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "DocumentReader", "read", "sniff"]

NAME: Final = "elastic-apm"
TITLE: Final = "Elasticsearch trace documents: Elastic APM, OpenTelemetry"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
METRICS: Final = "documents of metrics were passed over"
UNKNOWN: Final = "document is neither a span nor a log record"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
_RAW: Final = replace(DOCUMENT_LAYOUT, raw=True, runs=True)
#: What differs from one document to the next, and what of it nobody reads.
_FORM: Final = fields(
    {
        "trace": ("trace.id", "trace_id"),
        "transaction": ("transaction.id",),
        "span": ("span.id", "span_id"),
        "parent": ("parent.id", "parent_span_id"),
        "time": ("timestamp.us",),
        "stamp": ("@timestamp",),
        "transaction duration": ("transaction.duration.us",),
        "duration": ("span.duration.us", "duration"),
    },
    text={
        "statement": ("span.db.statement",),
        "store query": ("attributes.db.query.text", "attributes.db.statement"),
        "query": ("url.query",),
    },
    path={
        "full": ("url.full", "attributes.url.full", "attributes.http.url"),
        "original": ("url.original",),
        "path": ("url.path", "attributes.url.path", "attributes.http.target"),
    },
    passed=(
        "_id", "_version", "_seq_no", "_primary_term", "sort", "_score", "event.ingested", "agent.ephemeral_id",
        "transaction.span_count.started", "transaction.breakdown_count",
        "transaction.marks", "transaction.custom", "span.stacktrace", "http.request.headers", "http.request.body",
        "http.request.env", "http.response.headers", "client", "source", "user", "user_agent", "process", "cloud",
    ),
    unnamed=("labels", "numeric_labels"),
    kept=tuple(name for name in LABELS if name.startswith(("labels.", "numeric_labels."))),
    prefixes=("", "_source."),
)  # fmt: skip
_ROLES: Final = {
    "trace.id": "trace", "trace_id": "trace", "transaction.id": "transaction", "span.id": "span", "span_id": "span",
    "parent.id": "parent", "parent_span_id": "parent", "transaction.duration.us": "transaction duration",
    "span.duration.us": "duration", "duration": "duration",
}  # fmt: skip
_NOTHING: Final = (None, "")
_OF_SPANS: Final = frozenset({"duration", "kind", "parent_span_id"})
_METRICS: Final = frozenset({"metric", "metricset"})


def sniff(head: bytes) -> bool:
    """Return whether the bytes are documents of traces under the fields that only Elastic names so."""
    return any(_is_traces(keys) for keys in outlines(head))


def _is_traces(keys: Outline) -> bool:
    for path in document_paths(keys):
        apm = has_field(keys, path, "trace.id") and any(
            has_field(keys, path, name)
            for name in ("transaction.duration.us", "span.duration.us", "error.grouping_key", "error.exception")
        )
        exported = (has_field(keys, path, name) for name in ("trace.id", "span.id", "span.name", "@timestamp"))
        if all(exported) and not has_field(keys, path, "message"):
            return True
        if apm and (has_field(keys, path, "processor.event") or has_field(keys, path, "@timestamp")):
            return True
        ids = (("trace_id", "span_id"), ("TraceId", "SpanId"))
        for trace, span in ids:
            timed = keys.has(path, trace) and keys.has(path, span) and keys.has(path, "@timestamp")
            if timed and any(has_field(keys, path, name) for name in ("duration", "Duration", "parent_span_id")):
                return True
    return False


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and log records in batches."""
    reader = _Reader(rejects)
    alike = Alike(_FORM, DOCUMENT_LAYOUT, reader, rejects)
    for unit in units(stream, rejects, _RAW):
        yield from alike.add(Unit(unit.key, unit.value, unit.position, unit.first))
        yield from reader.documents.full()
    yield from alike.flush()
    yield from reader.documents.rest()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a document at a time: what it is tested against."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, DOCUMENT_LAYOUT):
        reader.take(unit.value, unit.position)
        yield from reader.documents.full()
    yield from reader.documents.rest()


class _Reader:
    """Takes documents in whatever wraps them."""

    def __init__(self, rejects: Rejects) -> None:
        self.documents: Final = DocumentReader(rejects)
        self._rejects = rejects

    def take(self, value: Any, position: str) -> None:
        """Take a document, a hit, a body of a search, or a list of those."""
        for flat, place in documents(value, position, self._rejects):
            self.documents.take(flat, place)

    def like(self, value: Any, rejects: Rejects) -> tuple[dict[str, Any], Sequence[Target]] | None:
        """Return the row of a document of one span, and how what differs feeds it."""
        found = list(documents(value, "", rejects))
        return self.documents.like(found[0][0], rejects) if len(found) == 1 else None

    def leave(self, ids: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Mark the spans of which an error was told before they came."""
        return self.documents.join.awaited(ids)

    def made(self, found: Made) -> Mapping[str, NDArray[Any]]:
        """Remember spans for errors that come later."""
        self.documents.join.remember(found.columns)
        return {}


class DocumentReader:
    """Gathers rows from documents with flat fields."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects
        self._spans, self._logs = SpanRows(rejects), LogRows(rejects)
        self._spans.template["time_resolution_ns"] = 1_000
        self.join: Final = ErrorJoin(self._spans, rejects)
        self._apm, self._otel = ApmSpans(self._spans.template, rejects), OtelSpans(self._spans.template, rejects)
        self._records = Records(self._logs.template, rejects)
        self._likes: tuple[ApmSpans, OtelSpans] | None = None

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        if len(self._spans) >= BATCH_ROWS:
            yield from self._spans.batch()
        if len(self._logs) >= BATCH_ROWS:
            yield from self._logs.batch()

    def rest(self) -> Iterator[Batch]:
        """Yield what is left."""
        yield from self._spans.batch()
        yield from self._logs.batch()

    def take(self, flat: dict[str, Any], position: str) -> None:
        """Take one document."""
        try:
            if not self._take(flat):
                self._rejects.add(UNKNOWN, position, f"{len(flat)} fields")
        except Refused as refused:
            self._rejects.add(str(refused), position)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position)

    def like(self, flat: dict[str, Any], rejects: Rejects) -> tuple[dict[str, Any], list[Target]] | None:
        """Return the row of a document of one span, and which of its fields feed it; None of any other document."""
        event = flat.get("processor.event")
        if event in _METRICS or "metricset.name" in flat or flat.get("data_stream.type") == "metrics":
            return None
        if self._likes is None:
            template = self._spans.template
            self._likes = ApmSpans(template, rejects), OtelSpans(template, rejects)
        apm, otel = self._likes
        if event == "transaction" or (event is None and "transaction.duration.us" in flat):
            found = list(apm.transaction(flat))
            row = found[0] if len(found) == 1 else None
            targets = _targets(flat, ("transaction.id", "span.id"), ("parent.id",), "transaction.duration.us")
        elif event == "span" or (event is None and "span.duration.us" in flat):
            row = apm.span(flat)
            targets = _targets(flat, ("span.id",), ("parent.id", "transaction.id"), "span.duration.us")
        elif event is None and is_otel(flat) and "TraceId" not in flat and not flat.keys().isdisjoint(_OF_SPANS):
            row = otel.span(flat)
            targets = _targets(flat, ("span_id",), ("parent_span_id",), "duration")
        elif event is None and _is_exported(flat):
            row = apm.exported(flat)
            targets = _targets(flat, ("span.id",), ("parent.id",), "span.duration.us")
        else:
            return None
        return None if row is None else (row, targets)

    def _take(self, flat: dict[str, Any]) -> bool:
        event = flat.get("processor.event")
        if event in _METRICS or "metricset.name" in flat or flat.get("data_stream.type") == "metrics":
            self._rejects.note(METRICS)
        elif event == "transaction" or (event is None and "transaction.duration.us" in flat):
            for row in self._apm.transaction(flat):
                self.join.span(row)
        elif event == "span" or (event is None and "span.duration.us" in flat):
            self.join.span(self._apm.span(flat))
        elif event == "error" or (event is None and "error.grouping_key" in flat):
            self._tell(self._records.error(flat))
        elif is_otel(flat) and (native := as_native(flat)).keys() & {"duration", "kind", "parent_span_id"}:
            self.join.span(self._otel.span(native))
        elif event is None and _is_exported(flat):
            self.join.span(self._apm.exported(flat))
        elif is_otel(flat) or event == "log" or "message" in flat:
            row = self._records.record(as_native(flat))
            if flat.get("event_name") == "exception" or row["error_type"] is not None:
                self._tell(row)
            else:
                self._logs.append(row)
        else:
            return False
        return True

    def _tell(self, row: dict[str, Any]) -> None:
        self._logs.append(row)
        self.join.error((row["trace_id_high"], row["trace_id_low"], row["span_id"]), row["error_type"], row["body"])


def _is_exported(flat: Mapping[str, Any]) -> bool:
    """Return whether a document is a span as the Collector's exporter writes it in its mode "ecs"."""
    return "message" not in flat and all(flat.get(name) for name in ("trace.id", "span.id", "span.name", "@timestamp"))


def _targets(flat: Mapping[str, Any], identity: Sequence[str], parent: Sequence[str], duration: str) -> list[Target]:
    """Return how the fields of a span feed its row."""
    found = [Target("trace_id", _ROLES["trace.id" if flat.get("trace.id") else "trace_id"], "hex")]
    for column, names in (("span_id", identity), ("parent_span_id", parent)):
        found += [Target(column, _ROLES[name], "hex") for name in names if flat.get(name)][:1]
    if flat.get("timestamp.us") not in _NOTHING:
        found.append(Target("start_ns", "time", 1_000))
    elif flat.get("@timestamp") not in _NOTHING:
        found.append(Target("start_ns", "stamp", "iso"))
    if flat.get(duration) not in _NOTHING:
        found.append(Target("duration_ns", _ROLES[duration], 1 if duration == "duration" else 1_000))
    return found
