"""A small shop as an export: a loop of queries, a table that two services write, failures that reach the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.exports import otlp_lines, span

MS = 1_000_000
SERVER, CLIENT = 2, 3
ERROR = 2
TRACES = 30

Spans = list[tuple[str, dict[str, Any]]]


def shop(traces: int = TRACES, **given: str) -> Spans:
    """Return the spans of a shop.

    In each trace gateway calls cart, which runs one statement five times with other values (10 ms each, one every
    20 ms) and writes a table that billing, which gateway calls next, writes too; billing fails in every third trace,
    and the request with it.

    Parameters
    ----------
    traces
        How many.
    given
        ``service``, ``operation``, ``statement``, ``path``, ``message``, ``table``: other texts in place of those of
        the shop.
    """
    return [one for trace in range(1, traces + 1) for one in _trace(trace, given)]


def shop_file(path: Path, traces: int = TRACES, **given: str) -> Path:
    """Write a shop as OTLP JSON, a span a line."""
    path.write_bytes(otlp_lines(shop(traces, **given)))
    return path


def _trace(trace: int, given: Mapping[str, str]) -> Spans:
    cart = given.get("service", "cart")
    operation = given.get("operation", "GET /cart")
    statement = given.get("statement", f"SELECT * FROM item WHERE owner = {trace}")
    table = given.get("table", "ledger")
    failed = ERROR if trace % 3 == 0 else 0
    at = trace * 1000 * MS
    path = {"url.path": given.get("path", "/cart"), "http.route": "/cart", "http.request.method": "GET"}

    def one(number: int, parent: int, service: str, name: str, kind: int, begin: int, ms: int, **more: Any) -> Any:
        whole = {"start": at + begin * MS, "length": ms * MS, **more}
        return span(
            trace, trace * 100 + number, parent and trace * 100 + parent, service=service, name=name, kind=kind, **whole
        )

    def data(number: int, parent: int, service: str, begin: int, text: str) -> Any:
        says = {"db.system.name": "postgresql", "db.query.text": text, "server.address": "db", "db.namespace": "shop"}
        return one(number, parent, service, "query", CLIENT, begin, 10, attributes=says)

    exception = {
        "name": "exception",
        "attributes": [
            {"key": "exception.type", "value": {"stringValue": "PaymentRefused"}},
            {"key": "exception.message", "value": {"stringValue": given.get("message", "no money")}},
        ],
    }
    failure = {
        "status": failed,
        **({"events": [exception]} if failed else {}),
    }
    return [
        one(1, 0, "gateway", operation, SERVER, 0, 300, attributes=path, status=failed),
        one(2, 1, "gateway", "GET", CLIENT, 10, 180, attributes={"server.address": "cart"}),
        one(3, 2, cart, operation, SERVER, 20, 160, attributes=path),
        *(data(10 + step, 3, cart, 30 + 20 * step, f"{statement} AND id = {step}") for step in range(5)),
        data(20, 3, cart, 140, f"UPDATE {table} SET sum = 1 WHERE id = 7"),
        one(30, 1, "gateway", "POST", CLIENT, 200, 80, attributes={"server.address": "billing"}, status=failed),
        one(31, 30, "billing", "POST /charges", SERVER, 205, 70, **failure),
        data(32, 31, "billing", 210, f"UPDATE {table} SET sum = 2 WHERE id = 8"),
    ]
