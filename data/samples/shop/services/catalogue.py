"""The catalogue owns products and their images."""

from __future__ import annotations

import json
import logging

import redis
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ForeignKey, MetaData, select, text
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

from shop import database, rpc, settings, web

log = logging.getLogger("catalogue")
engine = database.create_engine("catalogue")
cache = redis.Redis("redis")
inventory = rpc.Client("inventory", "inventory.v1.Inventory")
PAGE_SIZE = 12
CACHE_PREFIX = "catalogue:product" if settings.is_fixed() else "product"


class Base(DeclarativeBase):
    """The catalogue's own tables."""

    metadata = MetaData(schema="catalogue")


class Image(Base):
    """One picture of a product."""

    __tablename__ = "images"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("catalogue.products.sku"))
    url: Mapped[str]


class Product(Base):
    """A product as the shop shows it."""

    __tablename__ = "products"
    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    category: Mapped[str]
    weight_g: Mapped[int]
    bulky: Mapped[bool]
    images: Mapped[list[Image]] = relationship()


def _list_products() -> ResponseReturnValue:
    query = select(Product).order_by(Product.sku).limit(PAGE_SIZE)
    if "category" in request.args:
        query = query.where(Product.category == request.args["category"])
    if settings.is_fixed():
        query = query.options(selectinload(Product.images))
    with Session(engine) as session:
        products = session.scalars(query).all()
        page = [{"sku": product.sku, "title": product.title, "image": product.images[0].url} for product in products]
    return jsonify(page)


def _show_product(sku: str) -> ResponseReturnValue:
    cached = cache.get(f"{CACHE_PREFIX}:{sku}")
    if cached is not None:
        product = json.loads(cached)
    else:
        with Session(engine) as session:
            row = session.scalars(select(Product).where(Product.sku == sku)).one()
            product = {"sku": row.sku, "title": row.title, "bulky": row.bulky}
        cache.set(f"{CACHE_PREFIX}:{sku}", json.dumps(product), ex=2)
    stock = inventory.call("GetAvailability", {"skus": [sku]}, timeout_s=3.0)
    return jsonify({**product, "available": stock["available"][sku] > 0})


def _cards(skus: list[str]) -> list[dict[str, object]]:
    with Session(engine) as session:
        products = session.scalars(select(Product).where(Product.sku.in_(skus))).all()
        return [{"sku": row.sku, "title": row.title, "bulky": row.bulky} for row in products]


def _show_card(sku: str) -> ResponseReturnValue:
    return jsonify(_cards([sku])[0])


def _show_cards() -> ResponseReturnValue:
    return jsonify(_cards(request.get_json()["skus"]))


def _show_weights() -> ResponseReturnValue:
    with Session(engine) as session:
        rows = session.scalars(select(Product).where(Product.sku.in_(request.args["skus"].split(","))))
        return jsonify({product.sku: product.weight_g for product in rows})


def _ready() -> ResponseReturnValue:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return jsonify(status="ready")


def run() -> None:
    """Serve the catalogue."""
    app: Flask = web.create_app("catalogue")
    app.get("/products")(_list_products)
    app.get("/products/<sku>")(_show_product)
    app.get("/products/<sku>/card")(_show_card)
    app.post("/cards")(_show_cards)
    app.get("/weights")(_show_weights)
    app.get("/ready")(_ready)
    web.serve("catalogue", app)
