"""From attributes to the columns of a row: the table applied, and names that feed several columns at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from analysis.semconv._composed import COMPOSERS
from analysis.semconv._exposures import exposures, together
from analysis.semconv._names import RESOURCE_NAMES, SPAN_NAMES, Names, Read
from analysis.semconv._values import method_parts, text

__all__ = ["KNOWN", "RESOURCE_KEYS", "exception_columns", "resource_columns", "span_columns", "tracestate_weight"]

Note = Callable[[str], None]

#: Envoy, gRPC, AWS and others say in these what was tried again or refused before it was sent.
RETRY_EVIDENCE: Final = (
    "aws.request.attempts",
    "aws.retries",
    "grpc.previous-rpc-attempts",
    "http.request.header.x-envoy-attempt-count",
    "response_flags",
    "retry.attempt",
    "retry.count",
    "rpc.grpc.request.metadata.grpc-previous-rpc-attempts",
    "rpc.request.metadata.grpc-previous-rpc-attempts",
    "x-envoy-attempt-count",
)
#: A key by which the callee knows a request that comes again. Only that there is one is kept, never the key.
IDEMPOTENCY_KEYS: Final = (
    "http.request.header.idempotency-key",
    "http.request.header.idempotency_key",
    "http.request.header.x-idempotency-key",
    "http.request.header.x_idempotency_key",
    "idempotency.key",
    "idempotency_key",
    "rpc.grpc.request.metadata.idempotency-key",
    "rpc.request.metadata.idempotency-key",
)
IDEMPOTENCY_EVIDENCE: Final = "idempotency-key"


#: Ranks of names that the conventions have replaced begin here.
REPLACED: Final = 1000


class _Rule(NamedTuple):
    """How one attribute feeds its column; the lowest rank among a column's names wins."""

    column: str
    read: Read
    rank: int
    replaced: bool


def _rules(table: Iterable[Names], side: str) -> dict[str, _Rule]:
    rules: dict[str, _Rule] = {}
    rows = [row for row in table if row.side in {"", side}]
    # Every current name of a column ranks before every replaced one, in whichever row of the table they stand.
    for group, old in (("current", False), ("foreign", False), ("replaced", True)):
        for row in rows:
            for name in getattr(row, group):
                rules[name] = _Rule(row.column, row.read, len(rules) + REPLACED * old, old)
    return rules


CLIENT_RULES: Final = _rules(SPAN_NAMES, "client")
SERVER_RULES: Final = _rules(SPAN_NAMES, "server")
_RESOURCE: Final = _rules(RESOURCE_NAMES, "")
_RUNNING_COPY: Final = ("k8s.pod.uid", "k8s.pod.name", "container.id", "service.instance.id")
#: Attributes that describe a process, whether they stand in a resource or, in formats that have none, with spans.
RESOURCE_KEYS: Final = frozenset((*_RESOURCE, *_RUNNING_COPY))
_SERVER_KINDS: Final = frozenset({"server", "consumer"})


def resource_columns(attributes: Mapping[str, Any], note: Note) -> dict[str, Any]:
    """Return the columns that a resource (or a Jaeger process) feeds.

    Parameters
    ----------
    attributes
        Values as plain Python objects.
    note
        Called with a text for every value that does not fit.
    """
    columns: dict[str, Any] = {}
    _apply(_RESOURCE, attributes, columns, note)
    if "host" not in columns:
        # A pod or container runs on one host: its clock is that host's, though the export does not name it.
        for name in _RUNNING_COPY:
            host = text(attributes.get(name))
            if host is not None:
                columns["host"] = host
                break
    exposed = exposures(attributes, KNOWN)
    if exposed is not None:
        columns["exposed"] = exposed
    return columns


def span_columns(attributes: Mapping[str, Any], kind: str, columns: dict[str, Any], note: Note) -> None:
    """Add to a row the columns that a span's attributes feed.

    Parameters
    ----------
    attributes
        Values as plain Python objects; names outside `KNOWN` need not be there, and are looked through for secrets.
    kind
        The span's kind: it decides whether net.peer.name is the server or the caller.
    columns
        The row, which may already hold columns of the resource; span attributes win. None is a column without value.
    note
        Called with a text for every value that does not fit.
    """
    old = _apply(SERVER_RULES if kind in _SERVER_KINDS else CLIENT_RULES, attributes, columns, note)
    if not _COMPOSITE.isdisjoint(attributes):
        for name in sorted(_COMPOSITE.intersection(attributes), key=_TURNS.__getitem__):
            value = attributes[name]
            if value is not None and _COMPOSE[name](columns, value, kind):
                old = True
    if not RETRY.isdisjoint(attributes):
        _retry_evidence(attributes, columns)
    if columns.get("rpc_system") is not None or columns.get("rpc_status") is not None:
        _complete_rpc(attributes, columns)
    if old:
        columns["old_conventions"] = True
    exposed = exposures(attributes, KNOWN)
    if exposed is not None:
        columns["exposed"] = together(columns.get("exposed"), exposed)


def exception_columns(attributes: Mapping[str, Any], columns: dict[str, Any]) -> None:
    """Add an exception event's type and message to a row that has none yet."""
    for column, names in _EXCEPTION.items():
        if columns.get(column) is None:
            value = next((found for name in names if (found := text(attributes.get(name))) is not None), None)
            if value is not None:
                columns[column] = value


def tracestate_weight(trace_state: str) -> float | None:
    """Return how many spans one recorded span stands for, from a W3C tracestate; None where it does not say.

    ``ot=th:T`` is the rejection threshold of 56 bits, trailing zeros left out: 2**56 / (2**56 - T). The older
    ``ot=p:N`` is 2**N (OpenTelemetry, "TraceState: Probability Sampling").
    """
    for member in trace_state.split(","):
        vendor, _, values = member.strip().partition("=")
        if vendor != "ot":
            continue
        fields = dict(field.partition(":")[::2] for field in values.split(";"))
        threshold, power = fields.get("th", ""), fields.get("p", "")
        if 1 <= len(threshold) <= 14 and not threshold.strip("0123456789abcdef"):
            return float((1 << 56) / ((1 << 56) - int(threshold.ljust(14, "0"), 16)))
        # 63 stands for a probability of zero: such a span represents none, and is left at what it is.
        if power.isascii() and power.isdecimal() and int(power[:3]) <= 62:
            return float(1 << int(power))
    return None


def _apply(rules: Mapping[str, _Rule], attributes: Mapping[str, Any], columns: dict[str, Any], note: Note) -> bool:
    """Write each attribute into its column, best name first; return whether a replaced name fed one."""
    ranks: dict[str, int] = {}
    any_replaced = False
    for name, value in attributes.items():
        rule = rules.get(name)
        if rule is None:
            continue
        column, read, rank, replaced = rule
        best = ranks.get(column)
        if best is not None and best < rank:
            continue
        found = value if read is text and type(value) is str and value else read(value)
        if found is None:
            if value is not None and value != "":
                note(f"{name} held a value that does not fit")
            continue
        any_replaced |= replaced
        ranks[column] = rank
        columns[column] = found
    # A better name may have come after the replaced one.
    return any_replaced and max(ranks.values()) >= REPLACED


def _complete_rpc(attributes: Mapping[str, Any], columns: dict[str, Any]) -> None:
    if columns.get("rpc_system") is None and not GRPC_STATUS.isdisjoint(attributes):
        columns["rpc_system"] = "grpc"
    if columns.get("rpc_service") is None:
        # gRPC's HTTP path is /package.Service/Method, and so is the name of the span.
        for column in ("url_path", "name") if columns.get("rpc_system") == "grpc" else ("name",):
            service, method = method_parts(columns.get(column) or "")
            if service and method:
                columns["rpc_service"] = service
                if columns.get("rpc_method") is None:
                    columns["rpc_method"] = method
                break


def _retry_evidence(attributes: Mapping[str, Any], columns: dict[str, Any]) -> None:
    found = []
    for name in RETRY_EVIDENCE:
        value = text(attributes.get(name))
        if value is not None and value not in {"-", "0", "[]"}:
            found.append(f"{name.rpartition('.')[2] if name.startswith(('http.', 'rpc.')) else name}={value}")
    if any(attributes.get(name) for name in IDEMPOTENCY_KEYS):
        found.append(IDEMPOTENCY_EVIDENCE)
    if found:
        columns["retry_evidence"] = ";".join(found)


_COMPOSE: Final = dict(COMPOSERS)
_COMPOSITE: Final = frozenset(_COMPOSE)
_TURNS: Final[Mapping[str, int]] = {name: turn for turn, name in enumerate(_COMPOSE)}
RETRY: Final = frozenset((*RETRY_EVIDENCE, *IDEMPOTENCY_KEYS))
GRPC_STATUS: Final = frozenset({"rpc.grpc.status_code", "grpc.status_code"})

_EXCEPTION: Final[Mapping[str, tuple[str, ...]]] = {
    "error_type": ("exception.type", "error.kind"),
    "exception_message": ("exception.message", "message", "error.message"),
}

#: Names of attributes that mean something here; a reader need not decode any other.
KNOWN: Final = (
    frozenset(CLIENT_RULES)
    | frozenset(SERVER_RULES)
    | frozenset(_RESOURCE)
    | _COMPOSITE
    | RETRY
    | {"sampler.type", "sampler.param"}
)
