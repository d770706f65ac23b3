"""Payments: screens an order for fraud and charges the card through the acquirer."""

from __future__ import annotations

import logging
import uuid

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from shop import database, settings, web

log = logging.getLogger("payments")
engine = database.create_engine("payments", pool_size=20)
http = web.create_session()
ACQUIRER_TIMEOUT_S = 1.0 if settings.is_fixed() else 5.0

INSERT_PAYMENT = text(
    "INSERT INTO payments.payments (reference, order_number, cents, status) "
    "VALUES (:reference, :number, :cents, 'pending')"
)
UPDATE_PAYMENT = text("UPDATE payments.payments SET status = :status WHERE reference = :reference")
INSERT_REFUND = text(
    "INSERT INTO payments.refunds (key, order_number, cents) VALUES (:key, :number, :cents) "
    "ON CONFLICT (key) DO NOTHING"
)
# Three-domain-secure payments leave their reference on the order itself.
UPDATE_ORDER = text("UPDATE orders.orders SET payment_reference = :reference WHERE number = :number")


def _pay() -> ResponseReturnValue:
    order = request.get_json()
    reference = f"pay-{uuid.uuid4().hex[:12]}"
    with engine.begin() as connection:
        connection.execute(
            INSERT_PAYMENT,
            {"reference": reference, "number": order["number"], "cents": order["cents"]},
        )
    score = http.post(
        "http://fraud-scoring:8080/score",
        json={"order": order["number"], "cents": order["cents"]},
        timeout=2.0,
    )
    score.raise_for_status()
    status = _charge(order, reference)
    with engine.begin() as connection:
        connection.execute(UPDATE_PAYMENT, {"status": status, "reference": reference})
        if status == "charged" and order["card"].startswith("3ds") and not settings.is_fixed():
            connection.execute(UPDATE_ORDER, {"reference": reference, "number": order["number"]})
    if status != "charged":
        return jsonify(error="the acquirer did not answer"), 502
    log.info("order %s charged as %s", order["number"], reference)
    return jsonify(reference=reference, status=status), 201


def _charge(order: dict[str, str], reference: str) -> str:
    try:
        answer = http.post(
            "http://api.acquirer-sandbox.com:8080/v1/charges",
            json={"card": order["card"], "cents": order["cents"], "reference": reference},
            timeout=ACQUIRER_TIMEOUT_S,
        )
        answer.raise_for_status()
    except requests.RequestException:
        log.exception("charge %s of order %s failed", reference, order["number"])
        return "failed"
    return "charged"


def _refund() -> ResponseReturnValue:
    wanted = request.get_json()
    with engine.begin() as connection:
        connection.execute(
            INSERT_REFUND,
            {
                "key": request.headers["Idempotency-Key"],
                "number": wanted["order"],
                "cents": wanted["cents"],
            },
        )
    return jsonify(refunded=wanted["cents"]), 201


def run() -> None:
    """Serve payments."""
    app: Flask = web.create_app("payments")
    app.post("/payments")(_pay)
    app.post("/refunds")(_refund)
    web.serve("payments", app)
