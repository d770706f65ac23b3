"""Log files of each format, written by hand: what tools write, and the row that the first record must become."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.sources import Rejects, open_stream, recognise

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
AT_NS = 1_795_418_554_500_000_000
IDS = {"trace_id_high": int(TRACE[:16], 16), "trace_id_low": int(TRACE[16:], 16), "span_id": int(SPAN, 16)}
LOW = {"trace_id_high": 0, "trace_id_low": int(TRACE[16:], 16), "span_id": int(SPAN, 16)}
DECIMAL = {"trace_id": str(int(TRACE[16:], 16)), "span_id": str(int(SPAN, 16))}


@dataclass(frozen=True)
class Made:
    """A file, the format that must claim it, and columns of the row of its first record."""

    format: str
    content: bytes
    row: Mapping[str, Any]
    file: str = "cart.log"


@dataclass(frozen=True)
class Read:
    """What became of a file."""

    format: str
    rows: list[dict[str, Any]]
    rejected: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)


def lines(*records: Mapping[str, Any]) -> bytes:
    """Return records as JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def log_rows(content: bytes, file: str = "cart.log") -> Read:
    """Read a file as ingest does."""
    stream = open_stream(io.BytesIO(content), file)
    source = recognise(stream)
    rejects = Rejects()
    rows = [row for batch in source.read(stream, rejects) if batch.logs is not None for row in batch.logs.to_pylist()]
    return Read(source.NAME, rows, {row["reason"]: row["count"] for row in rejects.rows()}, rejects.notes)


def _said(severity: str | None, body: str, **columns: Any) -> dict[str, Any]:
    return {"severity": severity, "body": body, "structured": True, "time_ns": AT_NS, **columns}


ISO = "2026-11-23T07:22:34.500Z"
MADE: Mapping[str, Made] = {
    "ecs": Made(
        "log-json",
        lines({"@timestamp": ISO, "log.level": "ERROR", "message": "late", "service.name": "shop", "trace.id": TRACE,
               "span.id": SPAN, "log.logger": "shop.cart", "error.type": "TimeoutError", "ecs.version": "1.6"}),
        _said("error", "late", service="shop", logger="shop.cart", error_type="TimeoutError", **IDS),
    ),
    "ecs nested": Made(
        "log-json",
        lines({"@timestamp": ISO, "log": {"level": "warn", "logger": "shop.cart"}, "message": "late",
               "service": {"name": "shop"}, "trace": {"id": TRACE}, "transaction": {"id": SPAN}}),
        _said("warn", "late", service="shop", logger="shop.cart", **IDS),
    ),
    "logstash-logback": Made(
        "log-json",
        lines({"@timestamp": "2026-11-23T08:22:34.500+01:00", "@version": "1", "message": "late", "level": "WARN",
               "logger_name": "c.s.Cart", "thread_name": "main", "level_value": 30000,
               "traceId": TRACE, "spanId": SPAN}),
        _said("warn", "late", logger="c.s.Cart", service="cart", **IDS),
    ),
    "structlog": Made(
        "log-json",
        lines({"event": "late", "timestamp": ISO, "level": "warning", "logger": "cart", "otelTraceID": TRACE,
               "otelSpanID": SPAN, "otelServiceName": "shop"}),
        _said("warn", "late", service="shop", logger="cart", **IDS),
    ),
    "python-json-logger": Made(
        "log-json",
        lines({"asctime": "2026-11-23 07:22:34,500", "levelname": "INFO", "name": "shop.cart", "message": "paid"}),
        _said("info", "paid", logger="shop.cart"),
    ),
    "zap": Made(
        "log-json",
        lines({"level": "error", "ts": 1795418554.5, "caller": "cart/main.go:7", "msg": "late", "traceID": TRACE}),
        _said("error", "late", trace_id_low=IDS["trace_id_low"]),
    ),
    "zerolog": Made(
        "log-json",
        lines({"level": "info", "time": 1795418554500, "message": "paid", "dd.trace_id": DECIMAL["trace_id"],
               "dd.span_id": DECIMAL["span_id"]}),
        _said("info", "paid", **LOW),
    ),
    "slog": Made("log-json", lines({"time": ISO, "level": "INFO", "msg": "paid", "order": 7}), _said("info", "paid")),
    "pino": Made(
        "log-json",
        lines({"level": 50, "time": 1795418554500, "pid": 7, "hostname": "store-1", "name": "shop", "trace_id": TRACE,
               "span_id": SPAN, "trace_flags": "01", "msg": "late", "err": {"type": "TypeError", "stack": "x"}}),
        _said("error", "late", service="shop", host="store-1", **IDS),
    ),
    "bunyan": Made(
        "log-json",
        lines({"name": "shop", "hostname": "store-1", "pid": 7, "level": 40, "msg": "late", "time": ISO, "v": 0}),
        _said("warn", "late", service="shop", host="store-1"),
    ),
    "serilog": Made(
        "log-json",
        lines({"@t": ISO, "@m": "late 7", "@mt": "late {n}", "@l": "Warning", "@tr": TRACE, "@sp": SPAN,
               "SourceContext": "Shop.Cart", "@x": "System.TimeoutException: late"}),
        _said("warn", "late 7", logger="Shop.Cart", error_type="System.TimeoutException", **IDS),
    ),
    "google cloud": Made(
        "log-json",
        lines({"timestamp": ISO, "severity": "NOTICE", "message": "paid", "logging.googleapis.com/spanId": SPAN,
               "logging.googleapis.com/trace": f"projects/shop/traces/{TRACE}"}),
        _said("info", "paid", **IDS),
    ),
    "logfmt": Made(
        "logfmt",
        f'ts={ISO} caller=main.go:7 level=warn traceID={TRACE[16:]} msg="a \\"late\\" call" order=7\n'.encode() * 3,
        _said("warn", 'a "late" call', trace_id_high=0, trace_id_low=IDS["trace_id_low"]),
    ),
    "spring boot": Made(
        "log-text",
        f"2026-11-23T07:22:34.500Z  INFO [shop,{TRACE},{SPAN}] 7 --- [exec-1] com.shop.Cart : paid\n".encode(),
        {"severity": "info", "service": "shop", "logger": "com.shop.Cart", "time_ns": AT_NS, **IDS},
    ),
    "spring boot 3": Made(
        "log-text",
        f"2026-11-23T07:22:34.500Z  WARN 7 --- [shop] [exec-1] [{TRACE}-{SPAN}] com.shop.Cart : late\n".encode(),
        {"severity": "warn", "logger": "com.shop.Cart", "service": "cart", **IDS},
    ),
    "datadog text": Made(
        "log-text",
        f"2026-11-23 07:22:34,500 INFO [shop.cart] [cart.py:7] [dd.service=shop dd.env=prod dd.version= "
        f"dd.trace_id={DECIMAL['trace_id']} dd.span_id={DECIMAL['span_id']}] - paid\n".encode(),
        {"severity": "info", "service": "shop", "time_ns": AT_NS, **LOW},
    ),
    "python text": Made(
        "log-text",
        b"2026-11-23 07:22:34,500 INFO    [mailer] shop.mailer - order 7 confirmed\n",
        {"severity": "info", "logger": "shop.mailer", "time_ns": AT_NS, "service": "cart", "trace_id_low": 0},
    ),
    "ruby text": Made(
        "log-text",
        b"I, [2026-11-23T07:22:34.500000 #14]  INFO -- : Index page hit\n",
        {"severity": "info", "time_ns": AT_NS, "structured": False},
    ),
    "text with a traceparent": Made(
        "log-text",
        f"[2026-11-23 07:22:34.500] [error] call failed traceparent=00-{TRACE}-{SPAN}-01\n".encode(),
        {"severity": "error", "time_ns": AT_NS, **IDS},
    ),
    "envoy": Made(
        "access-log",
        b'[2026-11-23T07:22:34.500Z] "GET /cart/7?x=1 HTTP/1.1" 504 UT 0 24 3000 - "10.0.0.9" "curl/8" "6f-1" "shop" '
        b'"10.0.0.7:8080"\n',
        _said(None, "GET /cart/7?x=1 HTTP/1.1 504 UT", retry_evidence="response_flags=UT", request_id="6f-1"),
    ),
    "nginx": Made(
        "access-log",
        b'10.0.0.9 - - [23/Nov/2026:07:22:34 +0000] "GET /cart HTTP/1.1" 200 12 "-" "curl/8"\n',
        _said(None, "GET /cart HTTP/1.1 200", retry_evidence=None) | {"time_ns": AT_NS - 500_000_000},
    ),
    "loki": Made(
        "loki-json",
        json.dumps({"status": "success", "data": {"resultType": "streams", "result": [
            {"stream": {"app": "shop", "level": "warn", "pod": "shop-1"},
             "values": [[str(AT_NS), "call was late", {"trace_id": TRACE, "span_id": SPAN}]]}], "stats": {}}}).encode(),
        {"severity": "warn", "service": "shop", "body": "call was late", "structured": False, "time_ns": AT_NS, **IDS},
    ),
    "logcli jsonl": Made(
        "logcli",
        lines({"labels": {"job": "prod/shop"}, "line": f"level=error msg=late traceID={TRACE}", "timestamp": ISO}),
        _said("error", "late", service="shop", trace_id_low=IDS["trace_id_low"]),
    ),
    "logcli": Made(
        "logcli",
        f'Common labels: {{app="shop"}}\n{ISO} {{level="warn", pod="a, b"}} level=warn msg=late\n'.encode(),
        _said("warn", "late", service="shop"),
    ),
    "explore text": Made(
        "grafana-logs",
        f'Common labels: {{"app":"shop"}}\nLine limit: "9"\n\n\n1795418554500\t{ISO}\tlevel=warn msg=late\n'.encode(),
        _said("warn", "late", service="shop"),
    ),
    "explore csv": Made(
        "grafana-logs",
        f'"labels","Time","Line","tsNs","id"\n"{{""app"":""shop"",""trace_id"":""{TRACE}""}}","2026-11-23 07:22:34.5",'
        f'"{{""level"":""warn"",""msg"":""late""}}","{AT_NS}","x"\n'.encode(),
        _said("warn", "late", service="shop", trace_id_low=IDS["trace_id_low"]),
    ),
    "explore json": Made(
        "grafana-logs",
        json.dumps([{"line": "level=warn msg=late", "timestamp": str(AT_NS), "date": ISO,
                     "fields": {"service_name": "shop"}}], indent=1).encode(),
        _said("warn", "late", service="shop"),
    ),
    "datadog": Made(
        "datadog-logs",
        json.dumps({"data": [{"id": "A", "type": "log", "attributes": {
            "timestamp": ISO, "status": "error", "service": "shop", "host": "store-1", "message": "late",
            "tags": ["env:prod"], "attributes": {"dd": DECIMAL, "logger": {"name": "shop.cart"}}}}],
            "meta": {"page": {"after": None}}}).encode(),
        {"severity": "error", "service": "shop", "host": "store-1", "body": "late", "logger": "shop.cart",
         "structured": False, "time_ns": AT_NS, **LOW},
    ),
    "datadog csv": Made(
        "datadog-logs-csv",
        "Date,Host,Service,Status,dd.trace_id,dd.span_id,Message\n"
        f'{ISO},store-1,shop,error,{DECIMAL["trace_id"]},{DECIMAL["span_id"]},"late, ""very"""\n'.encode(),
        {"severity": "error", "service": "shop", "host": "store-1", "body": 'late, "very"', "structured": False,
         "time_ns": AT_NS, **LOW},
    ),
    "elastic search": Made(
        "elastic-logs",
        json.dumps({"took": 1, "hits": {"total": {"value": 1}, "hits": [
            {"_index": "filebeat-8", "_id": "1", "_source": {
            "@timestamp": ISO, "message": "late", "log": {"level": "warn"}, "service": {"name": "shop"},
            "trace": {"id": TRACE}, "span": {"id": SPAN}, "host": {"name": "store-1"}}}]}}).encode(),
        _said("warn", "late", service="shop", host="store-1", **IDS),
    ),
    "elastic fields": Made(
        "elastic-logs",
        json.dumps([{"@timestamp": [ISO], "message": ["late"], "log.level": ["warn"], "service.name": ["shop"],
                     "trace.id": [TRACE], "processor.event": ["log"]}], indent=1).encode(),
        _said("warn", "late", service="shop", trace_id_low=IDS["trace_id_low"]),
    ),
    "elasticdump": Made(
        "elastic-logs",
        lines({"_index": "logs", "_id": "1", "_score": 1, "_source": {"@timestamp": ISO, "message": "plain text",
              "service.name": "shop"}}),
        {"body": "plain text", "service": "shop", "structured": False, "time_ns": AT_NS},
    ),
}  # fmt: skip
