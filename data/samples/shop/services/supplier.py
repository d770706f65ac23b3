"""A stand-in for a supplier's order interface outside the shop: some orders need a second try."""

from __future__ import annotations

from collections import Counter

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from shop import web

tries: Counter[str] = Counter()


def _accept() -> ResponseReturnValue:
    order = request.get_json()
    key = request.headers["Idempotency-Key"]
    tries[key] += 1
    if order["quantity"] % 20 == 7 and tries[key] < 3:
        return jsonify(error="busy"), 503
    return jsonify(confirmation=f"NW-{key}"), 201


def run() -> None:
    """Accept purchase orders."""
    app: Flask = web.create_app("supplier")
    app.post("/purchase-orders")(_accept)
    web.serve("supplier", app, host="edi.northwind-supply.com")
