"""Orders: from a cart to a paid order, and what became of it."""

from __future__ import annotations

import json
import logging
import random
import time
import uuid
from typing import Any

import grpc
import pika
import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from shop import database, rpc, settings, web
from shop.breaker import Breaker, BreakerOpenError

log = logging.getLogger("orders")
# A connection is held for the whole of a checkout, the call to payments included.
engine = database.create_engine("orders", pool_size=5, pool_timeout=1.5)
http = web.create_session()
inventory = rpc.Client("inventory", "inventory.v1.Inventory")

PAYMENT_ATTEMPTS = 2 if settings.is_fixed() else 3
PAYMENT_TIMEOUT_S = 1.5 if settings.is_fixed() else 1.0

INSERT_ORDER = text("INSERT INTO orders.orders (number, customer_id, status) VALUES (:number, :customer, 'new')")
INSERT_LINES = text("INSERT INTO orders.order_lines (order_number, sku, quantity) VALUES (:number, :sku, :quantity)")
UPDATE_STATUS = text("UPDATE orders.orders SET status = :status, total_cents = :cents WHERE number = :number")
SELECT_ORDER = text("SELECT number, customer_id, status, total_cents FROM orders.orders WHERE number = :number")
SELECT_HISTORY = text(
    "SELECT l.sku FROM orders.orders AS o JOIN orders.order_lines AS l "
    "ON l.order_number = o.number WHERE o.customer_id = :customer AND o.number LIKE 'W%' "
    "ORDER BY o.number, l.sku LIMIT 2"
)
SELECT_OPEN = text("SELECT number FROM orders.orders WHERE status = 'open' ORDER BY number LIMIT 12")


class SoldOutError(Exception):
    """Something in the cart is no longer in stock."""


class PaymentFailedError(Exception):
    """No payment could be taken for an order."""


breaker = Breaker("payments")


def _pay(order: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": order["number"]} if settings.is_fixed() else {}
    for attempt in range(PAYMENT_ATTEMPTS):
        if settings.is_fixed():
            if attempt:
                time.sleep(random.uniform(0.05, 0.2 * 2**attempt))
            breaker.check()
        try:
            answer = http.post(
                "http://payments:8080/payments",
                json=order,
                headers=headers,
                timeout=PAYMENT_TIMEOUT_S,
            )
            answer.raise_for_status()
        except requests.RequestException as error:
            breaker.record(succeeded=False)
            log.warning("payment of %s failed, attempt %d: %s", order["number"], attempt + 1, error)
        else:
            breaker.record(succeeded=True)
            return
    raise PaymentFailedError(f"payment of {order['number']} failed")


def _get(url: str, **options: Any) -> Any:
    answer = http.get(url, timeout=2.0, **options)
    answer.raise_for_status()
    return answer.json()


def _prepare(wanted: dict[str, Any], number: str) -> dict[str, Any]:
    """Gather what an order needs from its neighbours and reserve the stock."""
    record = f"http://customers:8080/customers/{wanted['customer_id']}"
    customer = _get(record)
    address = _get(f"{record}/addresses")[0]
    contact = _get(f"{record}/contact")
    consents = _get(f"{record}/consents")
    quote = _get(f"http://cart:8080/carts/{wanted['cart']}", headers={"X-Customer": str(customer["id"])})
    weights = _get("http://catalogue:8080/weights", params={"skus": ",".join(quote["lines"])})
    reserved = inventory.call("Reserve", {"order": number, "lines": quote["lines"]}, timeout_s=2.0)
    if reserved.get("sold_out"):
        raise SoldOutError(", ".join(reserved["sold_out"]))
    http.put(record, json={"last_order": number}, timeout=2.0).raise_for_status()
    return {
        "number": number,
        "customer_id": customer["id"],
        "region": address["region"],
        "email": contact["email"],
        "newsletter": consents["newsletter"],
        "lines": quote["lines"],
        "weight_g": sum(weights.values()),
        "cents": quote["total_cents"],
        "card": wanted["card"],
    }


def _place() -> ResponseReturnValue:
    wanted = request.get_json()
    number = f"W7-{wanted['cart']}-{uuid.uuid4().hex[:4]}"
    try:
        order = _place_fixed(wanted, number) if settings.is_fixed() else _place_held(wanted, number)
    except PaymentFailedError as error:
        log.exception("order %s not placed", number)
        return jsonify(error=str(error)), 502
    except SoldOutError as error:
        return jsonify(sold_out=str(error)), 409
    except grpc.RpcError:
        log.exception("stock for order %s could not be reserved", number)
        return jsonify(error="stock could not be reserved"), 500
    log.info("order %s placed, %d cents", number, order["cents"])
    _publish(order)
    return jsonify(number=number, total_cents=order["cents"]), 201


def _place_held(wanted: dict[str, Any], number: str) -> dict[str, Any]:
    """Place an order on one connection, held until the payment is through."""
    with engine.connect() as connection:
        connection.execute(INSERT_ORDER, {"number": number, "customer": wanted["customer_id"]})
        order = _prepare(wanted, number)
        _insert_lines(connection, order)
        _update_status(connection, order, "reserved")
        connection.commit()
        _pay(order)
        _update_status(connection, order, "paid")
        connection.commit()
    return order


def _place_fixed(wanted: dict[str, Any], number: str) -> dict[str, Any]:
    """Place an order in two short transactions, with the payment between them."""
    with engine.begin() as connection:
        connection.execute(INSERT_ORDER, {"number": number, "customer": wanted["customer_id"]})
    order = _prepare(wanted, number)
    with engine.begin() as connection:
        _insert_lines(connection, order)
        _update_status(connection, order, "reserved")
    status = "paid"
    try:
        _pay(order)
    except (PaymentFailedError, BreakerOpenError) as error:
        # The order stands; its payment is taken later, when the acquirer is back.
        log.warning("order %s waits for its payment: %s", number, error)
        status = "awaiting payment"
    with engine.begin() as connection:
        _update_status(connection, order, status)
    return order


def _insert_lines(connection: Any, order: dict[str, Any]) -> None:
    lines = [{"number": order["number"], "sku": sku, "quantity": count} for sku, count in order["lines"].items()]
    if lines:
        connection.execute(INSERT_LINES, lines)


def _update_status(connection: Any, order: dict[str, Any], status: str) -> None:
    connection.execute(UPDATE_STATUS, {"status": status, "cents": order["cents"], "number": order["number"]})


def _publish(order: dict[str, Any]) -> None:
    parameters = pika.ConnectionParameters("rabbitmq", heartbeat=30)
    connection = pika.BlockingConnection(parameters)
    try:
        connection.channel().basic_publish(
            exchange="order.placed",
            routing_key="",
            body=json.dumps(order).encode(),
            properties=pika.BasicProperties(message_id=order["number"]),
        )
    finally:
        connection.close()


def _show(number: str) -> ResponseReturnValue:
    with engine.connect() as connection:
        row = connection.execute(SELECT_ORDER, {"number": number}).mappings().one_or_none()
    if row is None:
        return jsonify(error="no such order"), 404
    return jsonify(dict(row))


def _show_history(customer_id: int) -> ResponseReturnValue:
    with engine.connect() as connection:
        rows = connection.execute(SELECT_HISTORY, {"customer": customer_id}).all()
    return jsonify(skus=[row.sku for row in rows])


def _list_open() -> ResponseReturnValue:
    with engine.connect() as connection:
        rows = connection.execute(SELECT_OPEN).all()
    return jsonify([row.number for row in rows])


def run() -> None:
    """Serve the orders."""
    app: Flask = web.create_app("orders")
    app.post("/orders")(_place)
    app.get("/orders")(_list_open)
    app.get("/orders/<number>")(_show)
    app.get("/customers/<int:customer_id>/orders")(_show_history)
    web.serve("orders", app)
