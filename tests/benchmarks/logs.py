"""Log records of generated requests, written as each kind of export has them: every record names its trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

__all__ = ["LOG_FORMATS", "Record", "records"]

_BEGIN: Final = datetime(2026, 11, 23, 7, tzinfo=UTC)
_LEVELS: Final = ("INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")
_SAID: Final = (
    "cart {0} of customer {1} was read in {2} ms",
    "Fetching prices of {2} goods for cart {0}",
    "order {0} confirmed to customer {1}",
    "Slow query: {2} ms for customer {1}",
)


class Record(NamedTuple):
    """A log record."""

    at: datetime
    number: int
    level: str
    message: str
    trace: str
    span: str

    @property
    def iso(self) -> str:
        """The time in ISO 8601."""
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def nanoseconds(self) -> int:
        """The time in nanoseconds since the epoch."""
        return int(self.at.timestamp() * 1000) * 1_000_000


def records(count: int) -> Iterator[Record]:
    """Yield so many records."""
    random = Random(7)
    for number in range(count):
        said = _SAID[number % len(_SAID)].format(number, random.randrange(5_000), random.randrange(900))
        trace, span = f"{random.getrandbits(128):032x}", f"{random.getrandbits(64):016x}"
        at = _BEGIN + timedelta(milliseconds=7 * number)
        yield Record(at, number, random.choice(_LEVELS), said, trace, span)


def _zap(record: Record) -> str:
    return json.dumps(
        {
            "level": record.level.lower(), "ts": record.nanoseconds / 1e9, "caller": "cart/read.go:71",
            "msg": record.message, "service": "cart", "trace_id": record.trace, "span_id": record.span,
            "customer": record.number % 5_000, "path": f"/cart/{record.number}",
        }
    )  # fmt: skip


def _ecs(record: Record) -> str:
    return json.dumps(
        {
            "@timestamp": record.iso, "log.level": record.level, "message": record.message, "ecs.version": "1.2.0",
            "service.name": "cart", "service.version": "1.4.2", "event.dataset": "cart",
            "process.thread.name": "exec-7",
            "log.logger": "shop.CartController", "trace.id": record.trace, "span.id": record.span,
        }
    )  # fmt: skip


def _logfmt(record: Record) -> str:
    said, level = record.message, record.level.lower()
    return f'ts={record.iso} caller=read.go:71 level={level} msg="{said}" service=cart traceID={record.trace} size=7'


def _spring(record: Record) -> str:
    return (
        f"{record.iso}  {record.level:>5} 1 --- [cart] [nio-8080-exec-{record.number % 20}]"
        f" [{record.trace}-{record.span}] c.e.shop.CartController : {record.message}"
    )


def _nginx(record: Record) -> str:
    at = record.at.strftime("%d/%b/%Y:%H:%M:%S +0000")
    return (
        f'10.0.7.{record.number % 250} - - [{at}] "GET /cart/{record.number % 5_000} HTTP/1.1" 200'
        f' {record.number % 4_000} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"'
        f' "00-{record.trace}-{record.span}-01"'
    )


def _istio(record: Record) -> str:
    asked = f"{record.trace[:8]}-{record.trace[8:12]}-{record.trace[12:16]}-{record.span[:4]}-{record.span[4:]}"
    return (
        f'[{record.iso}] "GET /cart/{record.number % 5_000} HTTP/1.1" 200 - via_upstream - "-" 0'
        f' {record.number % 4_000} 12 11 "-" "curl/8.5" "{asked}" "cart.shop:8080" "10.0.0.9:8080"'
        " outbound|8080||cart.shop.svc.cluster.local 10.0.0.1:51 10.0.0.2:8080 10.0.0.1:33 - default"
    )


def _lines(write: Callable[[Record], str]) -> Callable[[list[Record]], bytes]:
    return lambda found: "\n".join(map(write, found)).encode()


def _loki(found: list[Record]) -> bytes:
    """Pages of a thousand lines, one response a line."""
    pages = []
    for first in range(0, len(found), 1_000):
        values = [[str(record.nanoseconds), _logfmt(record)] for record in found[first : first + 1_000]]
        stream = {"stream": {"app": "cart", "namespace": "shop"}, "values": values}
        pages.append(json.dumps({"status": "success", "data": {"resultType": "streams", "result": [stream]}}))
    return "\n".join(pages).encode()


def _logcli(record: Record) -> str:
    return json.dumps({"labels": {"app": "cart"}, "line": _zap(record), "timestamp": record.iso})


def _datadog(found: list[Record]) -> bytes:
    """Pages of a thousand records, one response a line."""
    pages = []
    for first in range(0, len(found), 1_000):
        data = [_datadog_event(record) for record in found[first : first + 1_000]]
        pages.append(json.dumps({"data": data, "meta": {"page": {"after": "x"}, "status": "done"}}))
    return "\n".join(pages).encode()


def _datadog_event(record: Record) -> dict[str, Any]:
    inner = {"dd": {"trace_id": str(int(record.trace[16:], 16)), "span_id": str(int(record.span, 16))}, "size": 7}
    attributes = {
        "timestamp": record.iso, "status": record.level.lower(), "service": "cart", "host": "node-7",
        "message": record.message, "tags": ["env:production", "source:java"], "attributes": inner,
    }  # fmt: skip
    return {"id": "AYkGkCVkAADfl3Kz2yGWhekz", "type": "log", "attributes": attributes}


def _otlp(found: list[Record]) -> bytes:
    lines = []
    for first in range(0, len(found), 1_000):
        made = [
            {
                "timeUnixNano": str(record.nanoseconds), "severityText": record.level, "severityNumber": 9,
                "body": {"stringValue": record.message}, "traceId": record.trace, "spanId": record.span,
                "attributes": [{"key": "customer", "value": {"intValue": str(record.number % 5_000)}}],
            }
            for record in found[first : first + 1_000]
        ]  # fmt: skip
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
        block = {"resource": resource, "scopeLogs": [{"scope": {"name": "generated"}, "logRecords": made}]}
        lines.append(json.dumps({"resourceLogs": [block]}))
    return "\n".join(lines).encode()


#: By what is measured: the name of the format, and how records are written in it.
LOG_FORMATS: Final[Mapping[str, tuple[str, Callable[[list[Record]], bytes]]]] = {
    "log-json, zap": ("log-json", _lines(_zap)),
    "log-json, ECS": ("log-json", _lines(_ecs)),
    "logfmt": ("logfmt", _lines(_logfmt)),
    "log-text, Spring Boot": ("log-text", _lines(_spring)),
    "access-log, nginx": ("access-log", _lines(_nginx)),
    "access-log, Istio": ("access-log", _lines(_istio)),
    "otlp-json, logs": ("otlp-json", _otlp),
    "loki-json": ("loki-json", _loki),
    "logcli": ("logcli", _lines(_logcli)),
    "datadog-logs": ("datadog-logs", _datadog),
}
