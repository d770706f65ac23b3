"""What agents of Elastic APM send to the APM server: events of the intake API, version 2, a line each.

**Who exports it.** Whoever stands between agents and server and keeps the bodies of ``POST /intake/v2/events``: a
proxy, a test's stand-in for the server, an agent told to write to a file. The first line is the agent's ``metadata``.

**What is read.** Transactions, spans, errors and logs with the metadata before them; compressed spans and the
statistics of dropped ones as in documents of Elastic APM, which such events become. Metrics are passed over.

**What is assumed.** Durations are milliseconds, timestamps microseconds; a span without a timestamp begins its
``start`` after its transaction, where that came before it. A sample rate's inverse is the weight. Further ``metadata``
holds for the events after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._elastic_documents import flat_fields
from analysis.sources._ledger import Rejects, masked
from analysis.sources._outline import outlines
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable
from analysis.sources.elastic_apm import DocumentReader

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "elastic-intake"
TITLE: Final = "Elastic APM agents' events: intake API, version 2"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
METRICS: Final = "events of metrics were passed over"
_EVENTS: Final = ("transaction", "span", "error", "log")
#: Transactions whose start is remembered for spans that say only how long after it they began.
_REMEMBERED: Final = 10_000
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)

#: Where a document keeps what an event says, beside what has the same place in both.
_COMMON: Final[Mapping[str, str]] = {
    "trace_id": "trace.id",
    "transaction_id": "transaction.id",
    "parent_id": "parent.id",
    "timestamp": "timestamp.us",
    "outcome": "event.outcome",
    "context.request.method": "http.request.method",
    "context.request.url.full": "url.full",
    "context.request.url.pathname": "url.path",
    "context.response.status_code": "http.response.status_code",
    "context.http.url": "url.original",
    "context.http.method": "http.request.method",
    "context.http.status_code": "http.response.status_code",
    "context.http.response.status_code": "http.response.status_code",
    "context.destination.address": "destination.address",
    "context.destination.port": "destination.port",
    "context.destination.service.resource": "span.destination.service.resource",
    "context.destination.service.type": "span.destination.service.type",
    "context.service.target.type": "service.target.type",
    "context.service.target.name": "service.target.name",
    "context.service.name": "service.name",
    "context.service.version": "service.version",
    "context.service.environment": "service.environment",
    "context.service.framework.name": "service.framework.name",
    "otel.span_kind": "span.kind",
}
_METADATA: Final[Mapping[str, str]] = {
    "service.name": "service.name",
    "service.version": "service.version",
    "service.environment": "service.environment",
    "service.node.configured_name": "service.node.name",
    "service.agent.name": "agent.name",
    "service.framework.name": "service.framework.name",
    "system.configured_hostname": "host.hostname",
    "system.detected_hostname": "host.name",
    "system.hostname": "host.name",
    "system.container.id": "container.id",
    "system.kubernetes.pod.name": "kubernetes.pod.name",
}
_LAYOUT: Final = Layout()


def sniff(head: bytes) -> bool:
    """Return whether the bytes are events of an agent, which begin with its metadata."""
    return any(
        keys.has("metadata", "service") and (keys.has("metadata.service", "agent") or keys.has("metadata", "process"))
        for keys in outlines(head)
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and log records in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        yield from reader.documents.full()
    yield from reader.documents.rest()


class _Reader:
    """Turns events into documents, and gathers their rows."""

    def __init__(self, rejects: Rejects) -> None:
        self.documents = DocumentReader(rejects)
        self._rejects = rejects
        self._metadata: dict[str, Any] = {}
        self._starts: dict[Any, float] = {}

    def take(self, value: Any, position: str) -> None:
        """Take one event."""
        try:
            ((kind, event),) = value.items()
            if kind == "metadata":
                found = flat_fields(event, {})
                self._metadata = {name: found[said] for said, name in _METADATA.items() if said in found}
            elif kind == "metricset":
                self._rejects.note(METRICS)
            elif kind in _EVENTS:
                self.documents.take(self._document(kind, event), position)
            else:
                self._rejects.add(SHAPE, position, "an event of another kind")
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position, masked(value))

    def _document(self, kind: str, event: Mapping[str, Any]) -> dict[str, Any]:
        flat = flat_fields(event, {})
        found = {**self._metadata, "processor.event": kind}
        if kind == "log":
            return {**found, **{"@timestamp" if name == "timestamp" else name: item for name, item in flat.items()},
                    **self._log_time(flat)}  # fmt: skip
        for name, item in flat.items():
            if name in _COMMON:
                found[_COMMON[name]] = item
            elif name.startswith("context.db."):
                found[f"span.db.{name.removeprefix('context.db.')}"] = item
            elif name.startswith("context.message."):
                found[f"{kind}.message.{name.removeprefix('context.message.')}"] = item
            elif name.startswith(("context.tags.", "otel.attributes.")):
                found[f"labels.{name.split('.', 2)[2].replace('.', '_')}"] = item
            elif not name.startswith("context."):
                found[f"{kind}.{name}"] = item
        duration = flat.get("duration")
        if isinstance(duration, int | float):
            found[f"{kind}.duration.us"] = duration * 1_000
        if isinstance(flat.get("composite.sum"), int | float):
            found["span.composite.sum.us"] = flat["composite.sum"] * 1_000
        rate = flat.get("sample_rate")
        if isinstance(rate, int | float) and 0 < rate <= 1:
            found[f"{kind}.representative_count"] = 1 / rate
        if kind == "transaction":
            self._remember(flat)
        elif kind == "span":
            self._complete(flat, found)
        return found

    def _log_time(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        stamp = flat.get("@timestamp", flat.get("timestamp"))
        return {"timestamp.us": stamp} if isinstance(stamp, int) else {}

    def _remember(self, flat: Mapping[str, Any]) -> None:
        if isinstance(flat.get("timestamp"), int | float):
            self._starts[flat.get("id")] = flat["timestamp"]
            if len(self._starts) > _REMEMBERED:
                del self._starts[next(iter(self._starts))]

    def _complete(self, flat: Mapping[str, Any], found: dict[str, Any]) -> None:
        began, after = self._starts.get(flat.get("transaction_id")), flat.get("start")
        if "timestamp.us" not in found and began is not None and isinstance(after, int | float):
            found["timestamp.us"] = began + after * 1_000
        # Older agents write type, subtype and action as one: "db.postgresql.query".
        kind = str(flat.get("type") or "")
        if "." in kind and "subtype" not in flat:
            parts = kind.split(".", 2)
            found.update(zip(("span.type", "span.subtype", "span.action"), parts, strict=False))
