"""A small instrumented program with a test suite of its own, as a user has one: a shop over a real database."""

from __future__ import annotations

CONFTEST = """
import os

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter


@pytest.fixture(scope="session", autouse=True)
def telemetry():
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    yield
    provider.shutdown()
"""

TESTS = """
import sqlite3

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

tracer = trace.get_tracer("shop")


def run(database, statement, *values):
    attributes = {"db.system.name": "sqlite", "db.namespace": "shop", "db.query.text": statement}
    with tracer.start_as_current_span("query", kind=SpanKind.CLIENT, attributes=attributes):
        return database.execute(statement, values).fetchall()


@pytest.mark.parametrize("user", range(20))
def test_an_order_has_its_items(user):
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE item (id INTEGER, name TEXT)")
    database.executemany("INSERT INTO item VALUES (?, ?)", [(number, "thing") for number in range(8)])
    attributes = {"http.request.method": "GET", "http.route": "/orders/{id}"}
    with tracer.start_as_current_span("GET /orders/{id}", kind=SpanKind.SERVER, attributes=attributes):
        names = [run(database, "SELECT name FROM item WHERE id = ?", number) for number in range(8)]
    assert len(names) == 8


def test_that_fails():
    with tracer.start_as_current_span("GET /broken", kind=SpanKind.SERVER):
        assert "FAIL" not in __import__("os").environ
"""
