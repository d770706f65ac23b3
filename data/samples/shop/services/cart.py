"""Carts, kept in Redis."""

from __future__ import annotations

import logging
from typing import Any

import redis
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from shop import web

log = logging.getLogger("cart")
http = web.create_session()
store = redis.Redis("redis", decode_responses=True)
VOUCHERS = {"WELCOME5": 5, "SPRING10": 10}


def _lines(cart_id: str) -> dict[str, int]:
    return {sku: int(count) for sku, count in store.hgetall(f"cart:{cart_id}").items()}


def _quote(cart_id: str) -> Any:
    # The quote comes from pricing, which comes back for the lines.
    answer = http.post(
        "http://pricing:8080/quotes",
        json={"cart": cart_id, "customer_id": request.headers["X-Customer"]},
        timeout=3.0,
    )
    answer.raise_for_status()
    return answer.json()


def _show(cart_id: str) -> ResponseReturnValue:
    return jsonify(cart=cart_id, **_quote(cart_id))


def _show_lines(cart_id: str) -> ResponseReturnValue:
    return jsonify(_lines(cart_id))


def _add(cart_id: str) -> ResponseReturnValue:
    line = request.get_json()
    store.hincrby(f"cart:{cart_id}", line["sku"], line["quantity"])
    return jsonify(cart=cart_id, **_quote(cart_id)), 201


def _redeem(cart_id: str) -> ResponseReturnValue:
    code = request.get_json()["code"]
    try:
        percent = VOUCHERS[code]
    except KeyError:
        log.exception("voucher %s of cart %s could not be read", code, cart_id)
        return jsonify(ok=False)
    store.hset(f"voucher:{cart_id}", "percent", percent)
    return jsonify(ok=True, percent=percent)


def run() -> None:
    """Serve the carts."""
    app: Flask = web.create_app("cart")
    app.get("/carts/<cart_id>")(_show)
    app.get("/carts/<cart_id>/lines")(_show_lines)
    app.post("/carts/<cart_id>/lines")(_add)
    app.post("/carts/<cart_id>/voucher")(_redeem)
    web.serve("cart", app)
