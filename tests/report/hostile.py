"""A small export with something for every chapter, whose names try to run code in whoever looks at them."""

from __future__ import annotations

from typing import Any

from tests.exports import otlp_lines, span

MILLISECOND = 1_000_000
TRACES = 40
#: Set by any of the names below if a page runs it.
FLAG = "__pwned"

GATEWAY = f"<script>window.{FLAG}=1</script>gateway"
ORDERS = f"[orders](javascript:window.{FLAG}=2) **bold** </script><script>window.{FLAG}=3</script>"
PAYMENTS = f"\u202epayments {{{{7*7}}}} ${{7*7}} <img src=x onerror=window.{FLAG}=4>"
ROUTE = f'/{{{{7*7}}}}/"onmouseover="window.{FLAG}=5'
TABLE = f"<svg onload=window.{FLAG}=6>"
TITLE = f"</title><script>window.{FLAG}=7</script>{{{{7*7}}}} Monday & Tuesday"
SERVICES = (GATEWAY, ORDERS, PAYMENTS)


def export() -> bytes:
    """Return traces of three services: repeated queries, a table with two writers, failures that climb, a circle."""
    spans: list[tuple[str, dict[str, Any]]] = []
    for number in range(1, TRACES + 1):
        spans += _trace(number, failing=number % 2 == 0)
        spans += _way_back(TRACES + number)
    return otlp_lines(spans)


def _trace(number: int, *, failing: bool) -> list[tuple[str, dict[str, Any]]]:
    status = 2 if failing else 0
    http = {"http.request.method": "GET", "http.route": ROUTE}
    began = number * 1_000 * MILLISECOND

    def one(id_: int, parent: int, service: str, name: str, kind: int, at: int, ms: int, **more: Any) -> Any:
        start, length = began + at * MILLISECOND, ms * MILLISECOND
        return span(number, id_, parent, service=service, name=name, kind=kind, start=start, length=length, **more)

    def query(id_: int, service: str, parent: int, statement: str, at: int) -> Any:
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": "shop",
            "server.address": "db",
            "db.query.text": statement,
            "db.collection.name": TABLE,
            "db.operation.name": statement.split(maxsplit=1)[0],
        }
        return one(id_, parent, service, statement.split(maxsplit=1)[0], 3, at, 19, attributes=attributes)

    write = f'INSERT INTO "{TABLE}" (sku) VALUES (?)'
    return [
        one(1, 0, GATEWAY, f"GET {ROUTE}", 2, 0, 400, status=status, attributes=http),
        one(2, 1, GATEWAY, "GET", 3, 5, 390, status=status, attributes={"server.address": "orders"}),
        one(3, 2, ORDERS, f"GET {ROUTE}", 2, 6, 388, status=status, attributes=http),
        *(query(10 + n, ORDERS, 3, f'SELECT * FROM "{TABLE}" WHERE id = {n}', 10 + 20 * n) for n in range(10)),
        query(30, ORDERS, 3, write, 220),
        one(4, 3, ORDERS, "POST", 3, 250, 100, status=status, attributes={"server.address": "payments"}),
        one(5, 4, PAYMENTS, "POST /payments", 2, 251, 98, status=status, attributes=http),
        query(31, PAYMENTS, 5, write, 255),
    ]


def _way_back(number: int) -> list[tuple[str, dict[str, Any]]]:
    """Return a trace in which payments calls orders: no single request goes back and forth, and yet it is a circle."""
    began = number * 1_000 * MILLISECOND
    times = {"start": began, "length": 50 * MILLISECOND}
    http = {"http.request.method": "POST", "http.route": "/settle"}
    return [
        span(number, 1, service=PAYMENTS, name="POST /settle", attributes=http, **times),
        span(number, 2, 1, service=PAYMENTS, name="POST", kind=3, attributes={"server.address": "orders"}, **times),
        span(number, 3, 2, service=ORDERS, name="POST /settle", attributes=http, **times),
    ]
