"""Pricing turns the lines of a cart into a quote."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import String, bindparam, text

from shop import database, web

engine = database.create_engine("pricing")
http = web.create_session()
PRICES = text("SELECT sku, cents FROM pricing.prices WHERE sku IN :skus").bindparams(
    bindparam("skus", type_=String, expanding=True)
)
DISCOUNT = text("SELECT percent FROM pricing.discounts WHERE tier = :tier")


def _quote() -> ResponseReturnValue:
    wanted = request.get_json()
    lines = http.get(f"http://cart:8080/carts/{wanted['cart']}/lines", timeout=2.0).json()
    customer = http.get(f"http://customers:8080/customers/{wanted['customer_id']}", timeout=2.0).json()
    with engine.connect() as connection:
        prices = {row.sku: row.cents for row in connection.execute(PRICES, {"skus": list(lines)})}
        percent = connection.execute(DISCOUNT, {"tier": customer["tier"]}).scalar_one()
    total = sum(prices[sku] * count for sku, count in lines.items())
    return jsonify(lines=lines, total_cents=total * (100 - percent) // 100)


def run() -> None:
    """Serve quotes."""
    app: Flask = web.create_app("pricing")
    app.post("/quotes")(_quote)
    web.serve("pricing", app)
