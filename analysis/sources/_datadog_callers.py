"""Who made a call that Datadog shows under the name of the library that made it.

Tracers of Datadog give a client span the service "postgres", "kafka" or "shop-redis", and name the service that really
recorded it in ``_dd.base_service``. Where that is empty or gone, the service is that of the nearest ancestor which has
one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from analysis.semconv import text
from analysis.sources._rows import SpanRows

__all__ = ["Callers", "owner_of"]

NO_CALLER: Final = "spans that name only a library as their service, and no caller of theirs is there: no service"
FORGOTTEN: Final = "spans remembered for their children became too many: half of them were forgotten, so often"
#: Spans remembered for children that come later, and spans that wait for a parent.
_REMEMBERED: Final = 1_000_000
_WAITING: Final = 50_000
#: How far up callers are looked for; a circle of parents ends there too.
_GENERATIONS: Final = 64
_Key = tuple[int, int]

_CALLING: Final = frozenset({"client", "producer", "consumer"})
#: What tracers call a service by default where an integration overrides the name of the process.
_DEFAULTS: Final = frozenset(
    {
        "aiohttp", "aiopg", "amqp", "asyncpg", "aws", "cassandra", "couchbase", "elasticsearch", "faraday", "grpc",
        "grpc-client", "grpc.client", "http-client", "httpclient", "httpx", "kafka", "kombu", "mariadb", "memcached",
        "mongo", "mongodb", "mysql", "net/http", "opensearch", "oracle", "pg", "postgres", "postgresql", "psycopg",
        "pymongo", "pymysql", "rabbitmq", "redis", "requests", "sqlite", "sqlserver", "urllib3", "valkey",
    }
)  # fmt: skip
_SUFFIXES: Final = (
    "-http-client", "-grpc-client", "-postgres", "-postgresql", "-mysql", "-mariadb", "-redis", "-mongodb", "-mongo",
    "-elasticsearch", "-memcached", "-cassandra", "-kafka", "-amqp", "-rabbitmq", "-aws", ".client",
)  # fmt: skip
#: Where these tags stand, their value names the library.
_LIBRARIES: Final = ("component", "db.system", "db.type", "messaging.system")


def owner_of(service: str | None, kind: str, span_type: str, tags: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return who recorded a span as far as it says so itself, and whether an ancestor knows better.

    Parameters
    ----------
    service, kind, span_type
        As the span has them; the kind in the words of the schema.
    tags
        Its tags, flat.
    """
    base = text(tags.get("_dd.base_service")) or text(tags.get("base_service"))
    if base is not None:
        return base, False
    if service is None or kind not in _CALLING:
        return service, False
    # Present though empty: the name was overridden, and the process has none.
    if "_dd.base_service" in tags and kind != "consumer":
        return None, True
    source = text(tags.get("_dd.svc_src")) or ""
    if source and source != "m" and not source.startswith("opt."):
        return None, True
    name = service.lower()
    libraries = {str(tags[tag]).lower() for tag in _LIBRARIES if tags.get(tag)} | {span_type} - {""}
    if name in _DEFAULTS or name in libraries or name.removesuffix("-client") in libraries:
        return None, True
    for suffix in (*_SUFFIXES, *(f"-{library}" for library in sorted(libraries))):
        if name.endswith(suffix) and len(name) > len(suffix):
            return service[: -len(suffix)], True
    return service, False


class Callers:
    """Gives spans whose service is a library that of their caller, and hands them on.

    Parameters
    ----------
    rows
        Where finished rows go.
    note
        Called with what was assumed, and of how many spans.
    """

    def __init__(self, rows: SpanRows, note: Callable[[str, int], None]) -> None:
        self._rows = rows
        self._note = note
        self._known: dict[_Key, tuple[str | None, int]] = {}
        self._waiting: dict[_Key, dict[str, Any]] = {}

    def add(self, row: dict[str, Any], asks: bool) -> None:
        """Take a row; one that asks waits for its ancestors."""
        key = (row["trace_id_low"], row["span_id"])
        if not asks:
            return self._hand_on(key, row)
        earlier = self._waiting.pop(key, None)
        if earlier is not None:
            self._hand_on(key, earlier)
        self._waiting[key] = row
        if len(self._waiting) > _WAITING:
            self.settle()
            if len(self._waiting) > _WAITING // 2:
                self.finish()
        return None

    def settle(self) -> None:
        """Hand on the rows whose caller is there."""
        # All are looked up before any leaves: one that waits may be the parent of another.
        callers = {key: self._caller(key[0], row["parent_span_id"]) for key, row in self._waiting.items()}
        for key, service in callers.items():
            if service is not None:
                row = self._waiting.pop(key)
                row["service"] = service
                self._hand_on(key, row)

    def finish(self) -> None:
        """Hand on all rows: nothing more is known of their callers."""
        self.settle()
        self._note(NO_CALLER, sum(row["service"] is None for row in self._waiting.values()))
        for key, row in self._waiting.items():
            self._hand_on(key, row)
        self._waiting = {}

    def remember(self, keys: Iterable[_Key], services: Iterable[tuple[str | None, int]]) -> None:
        """Take note of spans that were handed on by themselves: trace and span, service and parent."""
        self._known.update(zip(keys, services, strict=True))
        self._shorten()

    def _hand_on(self, key: _Key, row: dict[str, Any]) -> None:
        self._known[key] = (row["service"], row["parent_span_id"])
        self._shorten()
        self._rows.append(row)

    def _shorten(self) -> None:
        if len(self._known) > _REMEMBERED:
            self._note(FORGOTTEN, 1)
            for oldest in list(self._known)[: _REMEMBERED // 2]:
                del self._known[oldest]

    def _caller(self, trace_low: int, parent: int) -> str | None:
        """Return the service of the nearest ancestor that has one of its own."""
        for _ in range(_GENERATIONS):
            key = (trace_low, parent)
            service, above = self._known.get(key, (None, 0))
            if service is not None:
                return service
            waiting = self._waiting.get(key)
            parent = above if waiting is None else waiting["parent_span_id"]
            if not parent:
                return None
        return None
