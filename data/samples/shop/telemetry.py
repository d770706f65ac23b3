"""Set up OpenTelemetry in a service, with the official SDK and instrumentations only."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient, GrpcInstrumentorServer
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.pika import PikaInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shop.profiles import Profile

COLLECTOR = "http://otel-collector:4318"


def configure(service: str, profile: Profile) -> None:
    """Instrument this process as `profile` says; call it before the service is imported."""
    if not profile.instrumented:
        logging.basicConfig(level=logging.WARNING)
        return
    resource = Resource.create(
        {
            "service.name": profile.service_name or service,
            "service.namespace": "shop",
            "service.version": profile.version,
            "service.instance.id": f"{service}-0",
            "deployment.environment.name": "production",
            "host.name": profile.host,
        }
    )
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(
        BatchSpanProcessor(
            OTLPSpanExporter(endpoint=f"{COLLECTOR}/v1/traces"),
            schedule_delay_millis=int(profile.export_interval_s * 1000),
            max_queue_size=1 << 16,
        )
    )
    trace.set_tracer_provider(tracer_provider)
    _configure_logs(service, profile, resource)

    if profile.routes_named:
        FlaskInstrumentor().instrument()
    RequestsInstrumentor().instrument()
    GrpcInstrumentorClient().instrument()
    GrpcInstrumentorServer().instrument()
    if profile.database != "psycopg":
        SQLAlchemyInstrumentor().instrument()
    if profile.database != "sqlalchemy":
        PsycopgInstrumentor().instrument()
    RedisInstrumentor().instrument(request_hook=_record_key)
    # Notifications reads its queue with a wrapper of its own (see services/notifications.py).
    if service != "notifications":
        PikaInstrumentor().instrument()


def _record_key(span: trace.Span, _client: Any, arguments: Any, _options: Any) -> None:
    # The instrumentation masks all arguments; the shop's keys hold nothing personal, so it keeps
    # the key and masks only what follows.
    shown = [str(argument) for argument in arguments[:2]] + ["?"] * (len(arguments) - 2)
    span.set_attribute("db.query.text", " ".join(shown))


def _configure_logs(service: str, profile: Profile, resource: Resource) -> None:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    logging.getLogger("pika").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    handler: logging.Handler
    if profile.logs == "otlp":
        provider = LoggerProvider(resource=resource)
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{COLLECTOR}/v1/logs")))
        set_logger_provider(provider)
        handler = LoggingHandler(logger_provider=provider)
    elif profile.logs == "plain":
        handler = logging.FileHandler(_log_path(service, "log"))
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s [%(threadName)s] %(name)s - %(message)s"))
    else:
        handler = logging.FileHandler(_log_path(service, "jsonl"))
        handler.setFormatter(_JsonLines(service, with_ids=profile.logs == "json"))
    root.addHandler(handler)


def _log_path(service: str, suffix: str) -> str:
    return str(Path(os.environ["SHOP_LOG_FOLDER"], f"{service}.{suffix}"))


class _JsonLines(logging.Formatter):
    """One JSON object for each record, as python-json-logger writes it."""

    def __init__(self, service: str, *, with_ids: bool) -> None:
        super().__init__()
        self._service = service
        self._with_ids = with_ids

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{record.msecs:03.0f}Z",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        context = trace.get_current_span().get_span_context()
        if self._with_ids and context.is_valid:
            entry["trace_id"] = trace.format_trace_id(context.trace_id)
            entry["span_id"] = trace.format_span_id(context.span_id)
        return json.dumps(entry)
