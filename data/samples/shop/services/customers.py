"""Customers: create, read, update and delete customers and their addresses, for everyone."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ForeignKey, MetaData, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from shop import database, web

engine = database.create_engine("customers")


class Base(DeclarativeBase):
    """The tables of the customer records."""

    metadata = MetaData(schema="customers")


class Address(Base):
    """Where a customer lives."""

    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.customers.id"))
    street: Mapped[str]
    region: Mapped[str]


class Customer(Base):
    """A customer's record."""

    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    tier: Mapped[str]
    newsletter: Mapped[bool]
    last_order: Mapped[str | None]
    addresses: Mapped[list[Address]] = relationship()


def _show(customer_id: int) -> ResponseReturnValue:
    query = select(Customer).where(Customer.id == customer_id).options(joinedload(Customer.addresses, innerjoin=True))
    with Session(engine) as session:
        row = session.scalars(query).unique().one()
        return jsonify(id=row.id, name=row.name, tier=row.tier, region=row.addresses[0].region)


def _show_addresses(customer_id: int) -> ResponseReturnValue:
    with Session(engine) as session:
        rows = session.scalars(select(Address).where(Address.customer_id == customer_id)).all()
        return jsonify([{"street": row.street, "region": row.region} for row in rows])


def _show_contact(customer_id: int) -> ResponseReturnValue:
    with Session(engine) as session:
        row = session.get_one(Customer, customer_id)
        return jsonify(email=row.email)


def _show_consents(customer_id: int) -> ResponseReturnValue:
    with Session(engine) as session:
        row = session.get_one(Customer, customer_id)
        return jsonify(newsletter=row.newsletter)


def _change(customer_id: int) -> ResponseReturnValue:
    with Session(engine) as session:
        row = session.get_one(Customer, customer_id)
        for column, value in request.get_json().items():
            setattr(row, column, value)
        session.commit()
    return "", 204


def run() -> None:
    """Serve the customer records."""
    app: Flask = web.create_app("customers")
    app.get("/customers/<int:customer_id>")(_show)
    app.put("/customers/<int:customer_id>")(_change)
    app.get("/customers/<int:customer_id>/addresses")(_show_addresses)
    app.get("/customers/<int:customer_id>/contact")(_show_contact)
    app.get("/customers/<int:customer_id>/consents")(_show_consents)
    web.serve("customers", app)
