"""Traces as Elasticsearch keeps them: documents of Elastic APM, and of OpenTelemetry natively.

**Who exports it.** A search in ``traces-apm*`` or ``traces-*.otel-*`` (and ``logs-apm.error*``, ``logs-*.otel-*`` for
what belongs to them): the body that ``_search`` or Kibana's Dev Tools return, with ``_source`` or with ``fields``;
elasticdump, which writes a hit a line; documents by themselves, one a line or in an array, as Logstash or a script
write them.

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

from collections.abc import Iterator
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._documents import units
from analysis.sources._elastic_apm import ApmSpans
from analysis.sources._elastic_documents import DOCUMENT_LAYOUT, document_paths, documents, has_field
from analysis.sources._elastic_logs import ErrorJoin, Records
from analysis.sources._elastic_otel import OtelSpans, as_native, is_otel
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._outline import Outline, outlines
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows, SpanRows
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "DocumentReader", "read", "sniff"]

NAME: Final = "elastic-apm"
TITLE: Final = "Elasticsearch trace documents: Elastic APM, OpenTelemetry"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
METRICS: Final = "documents of metrics were passed over"
UNKNOWN: Final = "document is neither a span nor a log record"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
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
    reader = DocumentReader(rejects)
    for unit in units(stream, rejects, DOCUMENT_LAYOUT):
        for flat, position in documents(unit.value, unit.position, rejects):
            reader.take(flat, position)
        yield from reader.full()
    yield from reader.rest()


class DocumentReader:
    """Gathers rows from documents with flat fields."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects
        self._spans, self._logs = SpanRows(rejects), LogRows(rejects)
        self._spans.template["time_resolution_ns"] = 1_000
        self._join = ErrorJoin(self._spans, rejects)
        self._apm, self._otel = ApmSpans(self._spans.template, rejects), OtelSpans(self._spans.template, rejects)
        self._records = Records(self._logs.template, rejects)

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

    def _take(self, flat: dict[str, Any]) -> bool:
        event = flat.get("processor.event")
        if event in _METRICS or "metricset.name" in flat or flat.get("data_stream.type") == "metrics":
            self._rejects.note(METRICS)
        elif event == "transaction" or (event is None and "transaction.duration.us" in flat):
            for row in self._apm.transaction(flat):
                self._join.span(row)
        elif event == "span" or (event is None and "span.duration.us" in flat):
            self._join.span(self._apm.span(flat))
        elif event == "error" or (event is None and "error.grouping_key" in flat):
            self._tell(self._records.error(flat))
        elif is_otel(flat) and (native := as_native(flat)).keys() & {"duration", "kind", "parent_span_id"}:
            self._join.span(self._otel.span(native))
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
        self._join.error((row["trace_id_high"], row["trace_id_low"], row["span_id"]), row["error_type"], row["body"])
