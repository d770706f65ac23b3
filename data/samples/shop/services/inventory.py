"""Inventory: stock levels, reservations and pick lists, over gRPC."""

from __future__ import annotations

import logging

import grpc

from shop import database, rpc, settings, web
from shop.profiles import PROFILES

log = logging.getLogger("inventory")
connections = database.ThreadConnections("inventory")
http = web.create_session()

SELECT_STOCK = "SELECT sku, on_hand - reserved FROM inventory.stock_levels WHERE sku = ANY(%s)"
RESERVE_STOCK = "UPDATE inventory.stock_levels SET reserved = reserved + %s WHERE sku = %s"
RESERVE_STOCK_IN_HAND = f"{RESERVE_STOCK} AND on_hand - reserved >= %s"
RECEIVE_STOCK = "UPDATE inventory.stock_levels SET on_hand = on_hand + %s WHERE sku = %s"
DISPATCH_STOCK = "UPDATE inventory.stock_levels SET on_hand = on_hand - %s, reserved = reserved - %s WHERE sku = %s"
INSERT_PICK = "INSERT INTO inventory.pick_lists (order_number, sku, quantity) VALUES (%s, %s, %s)"


def _get_availability(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    rows = connections.get().execute(SELECT_STOCK, (message["skus"],)).fetchall()
    log.info("availability of %d products read", len(rows))
    return {"available": dict(rows)}


def _reserve(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    connection = connections.get()
    sold_out = []
    with connection.transaction():
        for sku, quantity in sorted(message["lines"].items()):
            if not settings.is_fixed():
                # The table's own check is left to find out what is sold out.
                connection.execute(RESERVE_STOCK, (quantity, sku))
            elif not connection.execute(RESERVE_STOCK_IN_HAND, (quantity, sku, quantity)).rowcount:
                sold_out.append(sku)
    if sold_out:
        log.info("order %s: sold out %s", message["order"], ", ".join(sold_out))
        return {"sold_out": sold_out}
    for sku, quantity in sorted(message["lines"].items()):
        connection.execute(INSERT_PICK, (message["order"], sku, quantity))
    log.info("stock reserved for order %s", message["order"])
    return {}


def _dispatch(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    connection = connections.get()
    for sku, quantity in sorted(message["lines"].items()):
        connection.execute(DISPATCH_STOCK, (quantity, quantity, sku))
    return {}


def _receive_goods(message: rpc.Message, _context: grpc.ServicerContext) -> rpc.Message:
    # The catalogue knows the weights that the shelf plan needs.
    answer = http.get("http://catalogue:8080/weights", params={"skus": ",".join(message["lines"])}, timeout=2.0)
    answer.raise_for_status()
    connection = connections.get()
    for sku, quantity in sorted(message["lines"].items()):
        connection.execute(RECEIVE_STOCK, (quantity, sku))
    log.info("goods received: %s", ", ".join(sorted(message["lines"])))
    return {"weight_g": sum(answer.json().values())}


def run() -> None:
    """Serve stock over gRPC."""
    handlers: dict[str, rpc.Handler] = {
        "GetAvailability": _get_availability,
        "Reserve": _reserve,
        "ReceiveGoods": _receive_goods,
    }
    if settings.is_fixed():
        handlers["Dispatch"] = _dispatch
    threads = PROFILES["inventory"].worker_threads
    server = rpc.serve("inventory", "inventory.v1.Inventory", handlers, threads)
    server.wait_for_termination()
