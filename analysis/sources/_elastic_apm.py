"""Documents of Elastic APM as rows: transactions, spans, and what the agent compressed or dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

from analysis.semconv import KINDS, KNOWN, resource_columns, span_columns, text
from analysis.sources._elastic_documents import flat_fields
from analysis.sources._elastic_names import BROKERS, LABELS, STORES, exit_attributes, host_and_port_of
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Refused, Rejects
from analysis.sources._times import INT64_MAX, iso_nanoseconds, nanoseconds, span_times

__all__ = ["ApmSpans", "Processes", "document_time", "is_exact"]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"
UNSAMPLED: Final = "transactions that were not sampled: what they called was not recorded"
DROPPED: Final = "transactions of which the agent dropped spans"
STOOD_FOR: Final = "calls that the agent dropped and counted: a row without time stands for those to one destination"
_MICROSECOND_NS: Final = 1_000
_MILLISECOND_NS: Final = 1_000_000
#: Times with more digits than microseconds have: ISO 8601, or milliseconds with a fraction as the exporter writes them.
_EXACT: Final = re.compile(r"\d{4}-.*\.\d{7,9}(?:Z|[+-]\d\d:?\d\d)?|\d+\.\d{4,6}", re.ASCII)
_BROWSERS: Final = frozenset({"rum-js", "js-base"})
_RESOURCE: Final[Mapping[str, tuple[str, ...]]] = {
    "service.name": ("service.name",),
    "service.version": ("service.version",),
    "deployment.environment.name": ("service.environment",),
    "host.name": ("host.hostname", "host.name"),
    "service.instance.id": ("service.node.name", "kubernetes.pod.name", "container.id"),
}
_PROCESS_FIELDS: Final = tuple(field for fields in _RESOURCE.values() for field in fields)
#: Processes whose columns are remembered.
_PROCESSES: Final = 4096
#: Types of transactions that nobody asked for: the agents' names for timers, commands, and what is begun by hand.
_JOBS: Final = frozenset({"background", "cli", "custom", "job", "scheduled"})
#: Fields that only transactions have that were asked for over HTTP.
_ASKED: Final = frozenset({"http.request.method", "url.full", "url.original", "url.path"})
#: Names of transactions that are method and route; a page that no route is there for is named otherwise.
_ROUTED: Final = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) (/\S*)", re.ASCII)
_LEAVING: Final = frozenset({"db", "messaging", "external", "storage", "cache"})
_REQUEST: Final = (
    "http.request.method", "http.response.status_code", "url.full", "url.path", "url.query", "http.route",
    "http.request.id",
)  # fmt: skip


class Processes:
    """Who recorded documents: the columns of few processes, which many documents name.

    Parameters
    ----------
    note
        Called with a text for every value that does not fit.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def columns(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that a document's process feeds."""
        said = tuple(map(flat.get, _PROCESS_FIELDS))
        try:
            found = self._known.get(said)
        except TypeError:
            # A list or an object where a text belongs.
            return self._columns(flat)
        if found is None:
            if len(self._known) >= _PROCESSES:
                self._known.clear()
            found = self._known[said] = self._columns(flat)
        return found

    def _columns(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        attributes = {
            name: flat[field] for name, fields in _RESOURCE.items() for field in reversed(fields) if field in flat
        }
        return resource_columns(attributes, self._note)


def document_time(flat: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return a document's time in ns and the step of its clock.

    Raises
    ------
    Refused
        It is no time.
    """
    exact = nanoseconds(flat.get("timestamp.us"), _MICROSECOND_NS)
    if exact is not None:
        return exact, _MICROSECOND_NS
    stamp = flat.get("@timestamp")
    if isinstance(stamp, int | float) or (isinstance(stamp, str) and stamp.replace(".", "", 1).isdecimal()):
        return nanoseconds(stamp, _MILLISECOND_NS), _MILLISECOND_NS
    return iso_nanoseconds(stamp), _MILLISECOND_NS


def is_exact(stamp: Any) -> bool:
    """Return whether a time has more digits than microseconds have."""
    return _EXACT.fullmatch(str(stamp)) is not None


class ApmSpans:
    """Makes rows of transactions and spans.

    Parameters
    ----------
    template
        The row that they begin as.
    rejects
        Where assumptions are noted.
    """

    def __init__(self, template: Mapping[str, Any], rejects: Rejects) -> None:
        self._template = template
        self._note = rejects.note
        self._processes = Processes(rejects.note)
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def transaction(self, flat: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the row of a transaction, then those that stand for calls that the agent dropped."""
        row = self._begun(flat, "transaction", flat.get("transaction.id") or flat.get("span.id"))
        kind = str(flat.get("transaction.type") or "")
        asked = not flat.keys().isdisjoint(_ASKED)
        own = flat.get("agent.name") in _BROWSERS or (kind in _JOBS and not asked)
        row["kind"] = KINDS.get(str(flat.get("span.kind") or "").upper()) or (
            "internal" if own else "consumer" if kind == "messaging" else "server"
        )
        attributes = {name: flat[name] for name in _REQUEST if name in flat}
        # Agents name a transaction after the route, which they record nowhere else.
        route = _ROUTED.fullmatch(str(flat.get("transaction.name") or "")) if asked else None
        if route is not None:
            attributes.setdefault("http.route", route[1])
        if "url.full" not in flat and "url.path" not in flat and "url.original" in flat:
            attributes["url.full"] = flat["url.original"]
        if kind == "messaging" or "transaction.message.queue.name" in flat:
            attributes["messaging.destination.name"] = flat.get("transaction.message.queue.name")
            attributes["messaging.operation.type"] = "process"
            attributes["messaging.system"] = BROKERS.get(str(flat.get("service.framework.name") or "").lower())
        self._finish(flat, attributes, row)
        if flat.get("transaction.sampled") is False:
            self._note(UNSAMPLED)
        stood_for = list(self._dropped(flat, row))
        dropped = _count(flat.get("transaction.span_count.dropped"))
        if dropped:
            self._note(DROPPED)
            row["dropped_children"] = max(0, dropped - sum(one["multiplicity"] for one in stood_for))
        yield row
        yield from stood_for

    def span(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a span."""
        row = self._begun(flat, "span", flat.get("span.id"))
        kind, action = str(flat.get("span.type") or ""), str(flat.get("span.action") or "").lower()
        leaves = any(
            name in flat for name in ("span.destination.service.resource", "service.target.type", "service.target.name")
        )
        said = KINDS.get(str(flat.get("span.kind") or "").upper())
        if said is not None:
            row["kind"] = said
        elif kind == "messaging" and action in {"send", "publish", "produce"}:
            row["kind"] = "producer"
        else:
            row["kind"] = (
                "client" if leaves or kind in {"db", "messaging", "external", "storage", "cache"} else "internal"
            )
        count = _count(flat.get("span.composite.count"))
        if count and count > 1:
            row["multiplicity"] = count
        self._finish(flat, exit_attributes(flat, kind, action), row)
        return row

    def exported(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a span that the Collector's exporter wrote in its mode "ecs", which leaves out its end."""
        row = self._begun(
            {name: value for name, value in flat.items() if name != "transaction.id"}, "span", flat["span.id"]
        )
        row["kind"] = KINDS.get(str(flat.get("span.kind") or "").upper()) or "unspecified"
        if is_exact(flat.get("@timestamp")):
            row["time_resolution_ns"] = 1
        attributes = {name: flat[name] for name in sorted(flat.keys() & KNOWN)}
        attributes |= {name: flat[field] for field, name in _EXPORTED.items() if field in flat}
        self._finish(flat, attributes, row)
        return row

    def _begun(self, flat: Mapping[str, Any], event: str, identity: Any) -> dict[str, Any]:
        row = {**self._template, **self._processes.columns(flat)}
        trace_id = self._trace_id(flat.get("trace.id"))
        if trace_id == (0, 0):
            raise Refused(NO_TRACE_ID)
        row["trace_id_high"], row["trace_id_low"] = trace_id
        row["span_id"] = self._span_id(identity)
        if not row["span_id"]:
            raise Refused(NO_SPAN_ID)
        # Of a span that names no parent, the transaction is it.
        parent = flat.get("parent.id") or (flat.get("transaction.id") if event == "span" else None)
        row["parent_span_id"] = self._span_id(parent)
        row["name"] = text(flat.get(f"{event}.name"))
        start_ns, row["time_resolution_ns"] = document_time(flat)
        duration_ns = nanoseconds(flat.get(f"{event}.duration.us"), _MICROSECOND_NS)
        row["start_ns"], row["duration_ns"] = span_times(start_ns, duration_ns, self._note)
        if flat.get("event.outcome") == "failure":
            row["status"] = "error"
        weight = flat.get(f"{event}.representative_count")
        if isinstance(weight, int | float) and 1 <= weight <= 1e9:
            row["weight"] = float(weight)
        return row

    def _finish(self, flat: Mapping[str, Any], attributes: dict[str, Any], row: dict[str, Any]) -> None:
        said = {name: value for name, value in attributes.items() if value is not None}
        for name in sorted(flat.keys() & _LABELLED):
            said.setdefault(LABELS[name], flat[name])
        span_columns(said, row["kind"], row, self._note)
        row["links"] = self._links(flat)

    def _links(self, flat: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        listed = flat.get("span.links") or flat.get("transaction.links")
        if listed is None and flat.keys().isdisjoint(_LINK_FIELDS):
            return None
        pairs: list[tuple[Any, Any]] = []
        for link in listed if isinstance(listed, list) else ():
            if isinstance(link, dict):
                fields = flat_fields(link, {})
                pairs.append((fields.get("trace.id"), fields.get("span.id")))
        for name in ("span.links", "transaction.links"):
            traces, spans = _listed(flat.get(f"{name}.trace.id")), _listed(flat.get(f"{name}.span.id"))
            pairs.extend(zip(traces, spans, strict=False))
        found = []
        for trace, span in pairs:
            (high, low), identity = self._trace_id(trace), self._span_id(span)
            if (high or low) and identity:
                found.append({"trace_id_high": high, "trace_id_low": low, "span_id": identity, "kind": "link"})
        return found or None

    def _dropped(self, flat: Mapping[str, Any], transaction: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a row for the calls to one destination that the agent dropped: how many, not when."""
        listed = flat.get("transaction.dropped_spans_stats")
        for statistic in listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else ():
            if not isinstance(statistic, dict):
                continue
            duration = statistic.get("duration")
            count = _count(duration.get("count") if isinstance(duration, dict) else statistic.get("duration.count"))
            resource = text(statistic.get("destination_service_resource"))
            system = str(statistic.get("service_target_type") or "").lower()
            if not count or (resource is None and not system):
                continue
            outcome = str(statistic.get("outcome") or "")
            row = {**self._template, **{name: transaction[name] for name in _SHARED}}
            told = f"{transaction['span_id']:016x}/{system}/{resource}/{outcome}"
            row["span_id"] = int.from_bytes(blake2b(told.encode("utf-8", "replace"), digest_size=8).digest()) | 1
            row["parent_span_id"], row["kind"], row["multiplicity"] = transaction["span_id"], "client", count
            row["name"] = resource or system
            row["status"] = "error" if outcome == "failure" else "unset"
            if system in STORES:
                row["db_system"], row["db_namespace"] = STORES[system], text(statistic.get("service_target_name"))
            elif system in BROKERS:
                row["kind"], row["messaging_system"] = "producer", BROKERS[system]
                row["messaging_destination"] = text(statistic.get("service_target_name"))
            else:
                row["server_address"], row["server_port"] = host_and_port_of(resource)
            self._note(STOOD_FOR, count)
            yield row


#: Fields of the mode "ecs", and the attributes that they were.
_EXPORTED: Final = {
    "span.db.type": "db.system.name",
    "span.db.instance": "db.namespace",
    "span.db.statement": "db.query.text",
}
_LINK_FIELDS: Final = frozenset({"span.links.trace.id", "transaction.links.trace.id"})
_LABELLED: Final = LABELS.keys()
_SHARED: Final = (
    "trace_id_high", "trace_id_low", "service", "service_version", "environment", "host", "instance", "weight",
    "time_resolution_ns",
)  # fmt: skip


def _count(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 < number <= INT64_MAX else 0


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
