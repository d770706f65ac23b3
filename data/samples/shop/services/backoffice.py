"""The back office: one program with two modules, returns and purchasing, and the shop's news."""

from __future__ import annotations

import logging
import random
import time

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from opentelemetry import trace
from sqlalchemy import text

from shop import database, rpc, settings, web

log = logging.getLogger("backoffice")
engine = database.create_engine("backoffice")
http = web.create_session()
shipping = rpc.Client("shipping", "shipping.v1.Shipping")
inventory = rpc.Client("inventory", "inventory.v1.Inventory")
returns = trace.get_tracer("backoffice.returns")
purchasing = trace.get_tracer("backoffice.purchasing")

INSERT_RETURN = text(
    "INSERT INTO backoffice.returns (order_number, reason, status) VALUES (:number, :reason, 'refunded')"
)
INSERT_PURCHASE = text(
    "INSERT INTO backoffice.purchase_orders (sku, quantity, confirmation) VALUES (:sku, :quantity, :confirmation)"
)
SUPPLIER_ATTEMPTS = 4


def _news() -> ResponseReturnValue:
    return jsonify(["New rugs have arrived", "Free returns until the end of the month"])


def _open_orders() -> ResponseReturnValue:
    numbers = http.get("http://orders:8080/orders", timeout=3.0).json()
    if settings.is_fixed():
        return jsonify(shipping.call("TrackParcels", {"orders": numbers}, timeout_s=2.0))
    parcels = [shipping.call("TrackParcel", {"order": number}, timeout_s=2.0) for number in numbers]
    return jsonify(parcels=parcels)


def _take_back() -> ResponseReturnValue:
    wanted = request.get_json()
    with returns.start_as_current_span(
        "accept return",
        attributes={"code.namespace": "backoffice.returns", "code.function": "take_back"},
    ):
        order = http.get(f"http://orders:8080/orders/{wanted['order']}", timeout=3.0).json()
        refund = http.post(
            "http://payments:8080/refunds",
            json={"order": wanted["order"], "cents": order["total_cents"]},
            headers={"Idempotency-Key": f"return-{wanted['order']}"},
            timeout=2.0,
        )
        refund.raise_for_status()
        with engine.begin() as connection:
            connection.execute(INSERT_RETURN, {"number": wanted["order"], "reason": wanted["reason"]})
    return jsonify(accepted=wanted["order"]), 201


def _order_from_supplier(key: str, sku: str, quantity: int) -> str:
    """Place an order with the supplier; try again with exponential backoff and full jitter."""
    for attempt in range(SUPPLIER_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0.06, 0.12 * 2**attempt))
        answer = http.post(
            "http://edi.northwind-supply.com:8080/purchase-orders",
            json={"sku": sku, "quantity": quantity},
            headers={"Idempotency-Key": key},
            timeout=3.0,
        )
        if answer.ok:
            confirmation: str = answer.json()["confirmation"]
            return confirmation
        log.warning("supplier is busy, order %s, attempt %d", key, attempt + 1)
    raise requests.RequestException(f"the supplier did not accept order {key}")


def _purchase() -> ResponseReturnValue:
    wanted = request.get_json()
    with purchasing.start_as_current_span(
        "place purchase order",
        attributes={"code.namespace": "backoffice.purchasing", "code.function": "purchase"},
    ):
        confirmation = _order_from_supplier(wanted["key"], wanted["sku"], wanted["quantity"])
        with engine.begin() as connection:
            connection.execute(INSERT_PURCHASE, {**wanted, "confirmation": confirmation})
    return jsonify(confirmation=confirmation), 201


def _receive() -> ResponseReturnValue:
    with purchasing.start_as_current_span(
        "receive goods",
        attributes={"code.namespace": "backoffice.purchasing", "code.function": "receive"},
    ):
        received = inventory.call("ReceiveGoods", request.get_json(), timeout_s=3.0)
    return jsonify(received), 201


def run() -> None:
    """Serve the back office."""
    app: Flask = web.create_app("backoffice")
    app.get("/news")(_news)
    app.get("/open-orders")(_open_orders)
    app.post("/returns")(_take_back)
    app.post("/purchase-orders")(_purchase)
    app.post("/deliveries")(_receive)
    web.serve("backoffice", app)
