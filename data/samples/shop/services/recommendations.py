"""What a customer may like, from what they bought."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pika
import redis
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from shop import settings, web

log = logging.getLogger("recommendations")
http = web.create_session()
cache = redis.Redis("redis")
CACHE_PREFIX = "recommendations:product" if settings.is_fixed() else "product"


def _candidates(bought: list[str]) -> list[str]:
    """Return six products near those bought last."""
    neighbours = [f"{sku[:4]}{1 + (int(sku[4:]) + step) % 39:03d}" for sku in bought for step in (1, 7, 13)]
    return list(dict.fromkeys([*neighbours, "LMP-001", "CHR-002", "RUG-003", "POT-004"]))[:6]


def _fetch_cards(skus: list[str]) -> list[dict[str, object]]:
    if settings.is_fixed():
        answer = http.post("http://catalogue:8080/cards", json={"skus": skus}, timeout=1.0)
        answer.raise_for_status()
        cards: list[dict[str, object]] = answer.json()
        return cards
    return [http.get(f"http://catalogue:8080/products/{sku}/card", timeout=1.0).json() for sku in skus]


def _recommend(customer_id: int) -> ResponseReturnValue:
    try:
        history = http.get(f"http://orders:8080/customers/{customer_id}/orders", timeout=0.7)
        history.raise_for_status()
    except requests.RequestException as error:
        log.warning("no order history for customer %s: %s", customer_id, error)
        return jsonify(error="no order history"), 503
    cards = _fetch_cards(_candidates(history.json()["skus"]))
    cache.set(f"{CACHE_PREFIX}:{cards[0]['sku']}", json.dumps(cards[0]), ex=2)
    return jsonify([card["sku"] for card in cards])


def _remember(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
    order = json.loads(body)
    cache.set(f"recommendations:bought:{order['customer_id']}", json.dumps(sorted(order["lines"])))
    channel.basic_ack(method.delivery_tag)


def _consume() -> None:
    channel = pika.BlockingConnection(pika.ConnectionParameters("rabbitmq")).channel()
    channel.basic_consume("recommendations.order-placed", on_message_callback=_remember)
    channel.start_consuming()


def run() -> None:
    """Serve recommendations, and remember what has been bought."""
    threading.Thread(target=_consume, name="consumer", daemon=True).start()
    app: Flask = web.create_app("recommendations")
    app.get("/recommendations/<int:customer_id>")(_recommend)
    web.serve("recommendations", app)
