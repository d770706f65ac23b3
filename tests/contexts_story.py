"""A small system written by hand, whose contexts are known: two pairs that live for each other, and a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.exports import otlp_lines, span

MS = 1_000_000
SERVER, CLIENT, INTERNAL = 2, 3, 1


def shop(traces: int = 40) -> list[Any]:
    """Return the spans: gateway calls cart and orders in each trace.

    cart asks pricing twice and pricing asks cart back once; orders and payments both write ``orders``, and orders asks
    payments in every second trace. users is asked by the gateway alone.
    """
    return [one for trace in range(1, traces + 1) for one in _trace(trace)]


def shop_file(path: Path, traces: int = 40) -> Path:
    """Write it as OTLP JSON, a span a line."""
    path.write_bytes(otlp_lines(shop(traces)))
    return path


def _trace(trace: int) -> Iterator[Any]:
    at = trace * 1000 * MS

    def one(number: int, parent: int, service: str, name: str, kind: int, begin: int, ms: int, **more: Any) -> Any:
        ids = (trace, trace * 100 + number, parent and trace * 100 + parent)
        return span(*ids, service=service, name=name, kind=kind, start=at + begin * MS, length=ms * MS, **more)

    def call(number: int, parent: int, caller: str, callee: str, name: str, begin: int, ms: int) -> Iterator[Any]:
        yield one(number, parent, caller, "GET", CLIENT, begin, ms)
        route = {"http.request.method": "GET", "http.route": name.partition(" ")[2]}
        yield one(number + 1, number, callee, name, SERVER, begin + 1, ms - 2, attributes=route)

    def data(number: int, parent: int, service: str, begin: int, text: str) -> Any:
        says = {"db.system.name": "postgresql", "db.query.text": text, "server.address": "db", "db.namespace": "shop"}
        return one(number, parent, service, "query", CLIENT, begin, 2, attributes=says)

    yield one(1, 0, "gateway", "GET /home", SERVER, 0, 300, attributes={"http.route": "/home"})
    yield from call(2, 1, "gateway", "cart", "GET /carts/{id}", 5, 100)
    yield from call(4, 3, "cart", "pricing", "GET /quotes", 10, 20)
    yield from call(6, 3, "cart", "pricing", "GET /quotes", 40, 40)
    yield from call(8, 7, "pricing", "cart", "GET /carts/{id}/lines", 45, 10)
    yield data(10, 3, "cart", 90, "UPDATE carts SET a = 1 WHERE id = 2")
    yield from call(20, 1, "gateway", "orders", "GET /orders", 120, 80)
    yield data(22, 21, "orders", 125, "UPDATE orders SET a = 1 WHERE id = 2")
    if trace % 2 == 0:
        yield from call(23, 21, "orders", "payments", "POST /charges", 130, 30)
        yield data(25, 24, "payments", 135, "UPDATE orders SET paid = 1 WHERE id = 2")
    yield from call(30, 1, "gateway", "users", "GET /users/{id}", 210, 20)
    yield data(32, 31, "users", 215, "SELECT * FROM users WHERE id = 7")
