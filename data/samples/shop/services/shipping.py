"""Shipping: estimates, parcels for placed orders, and where each parcel is."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

import grpc
import pika

from shop import database, rpc, settings, web
from shop.profiles import PROFILES

log = logging.getLogger("shipping")
connections = database.ThreadConnections("shipping")
http = web.create_session()
inventory = rpc.Client("inventory", "inventory.v1.Inventory")
POLL_INTERVAL_S = 0.5
MOST_ATTEMPTS = 3

SELECT_TARIFF = "SELECT days, cents FROM shipping.tariffs WHERE region = %s"
INSERT_PARCEL = (
    "INSERT INTO shipping.parcels (number, order_number, region, carrier) "
    "VALUES (%s, %s, %s, 'road') ON CONFLICT (number) DO NOTHING"
)
# Shipping books dispatched goods straight into the table that belongs to inventory.
DISPATCH_STOCK = "UPDATE inventory.stock_levels SET on_hand = on_hand - %s, reserved = reserved - %s WHERE sku = %s"
SELECT_PICKS = "SELECT id, order_number, sku FROM inventory.pick_lists WHERE id > %s ORDER BY id LIMIT 50"


def _estimate(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    row = connections.get().execute(SELECT_TARIFF, (message["region"],)).fetchone()
    if row is None:
        raise LookupError(f"no tariff for region {message['region']}")
    return {"days": row[0], "cents": row[1]}


def _track(number: str) -> dict[str, str]:
    return {"order": number, "state": "in transit" if number[-1] < "5" else "at the depot"}


def _track_parcel(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    # Carriers push their feed; the last state is kept in memory.
    time.sleep(0.003)
    return _track(message["order"])


def _track_parcels(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    time.sleep(0.005)
    return {"parcels": [_track(number) for number in message["orders"]]}


def _dispatch(order: dict[str, Any]) -> None:
    if not order["lines"]:
        raise ValueError(f"order {order['number']} has no lines")
    connection = connections.get()
    # The region decides the carrier; the order's own service knows whether it still stands.
    answer = http.get(f"http://orders:8080/orders/{order['number']}", timeout=2.0)
    answer.raise_for_status()
    parcel = f"P-{order['number']}"
    connection.execute(INSERT_PARCEL, (parcel, order["number"], order["region"]))
    if settings.is_fixed():
        inventory.call("Dispatch", {"lines": order["lines"]}, timeout_s=2.0)
        return
    for sku, quantity in sorted(order["lines"].items()):
        connection.execute(DISPATCH_STOCK, (quantity, quantity, sku))


def _on_order_placed(channel: Any, method: Any, properties: Any, body: bytes) -> None:
    order = json.loads(body)
    try:
        _dispatch(order)
    except Exception:
        log.exception("parcel for message %s failed", properties.message_id)
        _reject(channel, method, properties, body)
        raise
    log.info("parcel for order %s handed to the carrier", order["number"])
    channel.basic_ack(method.delivery_tag)


def _reject(channel: Any, method: Any, properties: Any, body: bytes) -> None:
    attempts = (properties.headers or {}).get("x-delivery-count", 0) + 1
    if settings.is_fixed() and attempts >= MOST_ATTEMPTS:
        channel.basic_publish(
            exchange="",
            routing_key="shipping.order-placed.dead-letter",
            body=body,
            properties=pika.BasicProperties(message_id=properties.message_id),
        )
        channel.basic_ack(method.delivery_tag)
        return
    time.sleep(0.2)
    channel.basic_nack(method.delivery_tag, requeue=True)


def _consume() -> None:
    connection = pika.BlockingConnection(pika.ConnectionParameters("rabbitmq"))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=4)
    channel.basic_consume("shipping.order-placed", on_message_callback=_on_order_placed)
    while True:
        try:
            channel.start_consuming()
        except (ValueError, OSError) as error:
            log.warning("message put back: %s", error)


def _poll_pick_lists() -> None:
    """Look for new pick lists in inventory's table, again and again."""
    last = 0
    connection = connections.get()
    for _ in range(settings.poll_count()):
        for row in connection.execute(SELECT_PICKS, (last,)).fetchall():
            last = row[0]
        time.sleep(POLL_INTERVAL_S)


def run() -> None:
    """Serve shipping over gRPC, consume placed orders and poll for pick lists."""
    server = rpc.serve(
        "shipping",
        "shipping.v1.Shipping",
        {
            "EstimateDelivery": _estimate,
            "TrackParcel": _track_parcel,
            "TrackParcels": _track_parcels,
        },
        PROFILES["shipping"].worker_threads,
    )
    threading.Thread(target=_consume, name="consumer", daemon=True).start()
    if not settings.is_fixed():
        threading.Thread(target=_poll_pick_lists, name="pick-lists", daemon=True).start()
    server.wait_for_termination()
