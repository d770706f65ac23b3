"""The storefront's gateway: the pages and actions that browsers and the mobile app ask for."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import requests
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from shop import rpc, settings, web

log = logging.getLogger("gateway")
http = web.create_session()
shipping = rpc.Client("shipping", "shipping.v1.Shipping")
inventory = rpc.Client("inventory", "inventory.v1.Inventory")

BESTSELLERS = ["LMP-001", "CHR-002", "RUG-003", "POT-004"]
CHECKOUT_ATTEMPTS = 1 if settings.is_fixed() else 2
CHECKOUT_TIMEOUT_S = 8.0 if settings.is_fixed() else 2.5


def _get(url: str, timeout_s: float = 3.0) -> Any:
    answer = http.get(url, headers=_customer_header(), timeout=timeout_s)
    answer.raise_for_status()
    return answer.json()


def _customer_header() -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name == "X-Customer"}


def _customer() -> Any:
    return _get(f"http://customers:8080/customers/{request.headers['X-Customer']}")


def _recommendations(customer_id: int) -> list[str]:
    try:
        found: list[str] = _get(f"http://recommendations:8080/recommendations/{customer_id}", timeout_s=1.0)
    except requests.RequestException:
        log.warning("no recommendations for customer %s: bestsellers instead", customer_id)
        return BESTSELLERS
    return found


def _home() -> ResponseReturnValue:
    customer = _customer()
    featured = _get("http://catalogue:8080/products?featured=1")
    recommended = _recommendations(customer["id"])
    cart = _get(f"http://cart:8080/carts/{request.headers['X-Cart']}")
    news = _get("http://backoffice:8080/news")
    stock = inventory.call("GetAvailability", {"skus": BESTSELLERS}, timeout_s=3.0)
    return jsonify(featured=featured, for_you=recommended, cart=cart, news=news, stock=stock)


def _category(slug: str) -> ResponseReturnValue:
    customer = _customer()
    return jsonify(customer=customer["name"], products=_get(f"http://catalogue:8080/products?category={slug}"))


def _product(sku: str) -> ResponseReturnValue:
    customer = _customer()
    product = _get(f"http://catalogue:8080/products/{sku}")
    if product["bulky"]:
        product["delivery"] = _delivery_estimate(sku, customer["region"])
    return jsonify(product)


def _delivery_estimate(sku: str, region: str) -> Any:
    try:
        return shipping.call("EstimateDelivery", {"sku": sku, "region": region}, timeout_s=2.0)
    except grpc.RpcError:
        if not settings.is_fixed():
            raise
        log.warning("no delivery estimate for %s in %s", sku, region)
        return None


def _add_to_cart() -> ResponseReturnValue:
    _customer()
    answer = http.post(
        f"http://cart:8080/carts/{request.headers['X-Cart']}/lines",
        json=request.json,
        headers=_customer_header(),
        timeout=3.0,
    )
    answer.raise_for_status()
    return jsonify(answer.json()), 201


def _show_cart() -> ResponseReturnValue:
    _customer()
    return jsonify(_get(f"http://cart:8080/carts/{request.headers['X-Cart']}"))


def _redeem_voucher() -> ResponseReturnValue:
    _customer()
    answer = http.post(
        f"http://cart:8080/carts/{request.headers['X-Cart']}/voucher",
        json=request.json,
        headers=_customer_header(),
        timeout=3.0,
    )
    answer.raise_for_status()
    return jsonify(answer.json())


def _checkout() -> ResponseReturnValue:
    customer = _customer()
    order = {**request.get_json(), "customer_id": customer["id"], "cart": request.headers["X-Cart"]}
    for attempt in range(CHECKOUT_ATTEMPTS):
        try:
            answer = http.post("http://orders:8080/orders", json=order, timeout=CHECKOUT_TIMEOUT_S)
            if answer.status_code != 409:
                answer.raise_for_status()
            return jsonify(answer.json()), answer.status_code
        except requests.RequestException as error:
            log.warning("checkout of %s failed, attempt %d: %s", order["cart"], attempt + 1, error)
    log.error("checkout of %s given up", order["cart"])
    return jsonify(error="the order could not be placed"), 502


def _order_status(number: str) -> ResponseReturnValue:
    return jsonify(_get(f"http://orders:8080/orders/{number}"))


def _log_answer(response: Response) -> Response:
    if request.path != "/health":
        log.info("%s %s %d", request.method, request.path, response.status_code)
    return response


def run() -> None:
    """Serve the storefront."""
    app: Flask = web.create_app("gateway")
    app.after_request(_log_answer)
    app.get("/")(_home)
    app.get("/categories/<slug>")(_category)
    app.get("/products/<sku>")(_product)
    app.post("/cart/lines")(_add_to_cart)
    app.get("/cart")(_show_cart)
    app.post("/cart/voucher")(_redeem_voucher)
    app.post("/checkout")(_checkout)
    app.get("/orders/<number>")(_order_status)
    web.serve("gateway", app)
