"""Connections to the shop's PostgreSQL, for services with SQLAlchemy and with plain psycopg."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import sqlalchemy

from shop.addresses import HOSTS


def create_engine(user: str, **pool: Any) -> sqlalchemy.Engine:
    """Return an engine for the database `shop`, logged in as the service's own user."""
    return sqlalchemy.create_engine(
        f"postgresql+psycopg://{user}@postgres/shop",
        connect_args={"hostaddr": HOSTS["postgres"]},
        **{"max_overflow": 0, "pool_size": 12, **pool},
    )


class ThreadConnections:
    """One autocommitting psycopg connection for each thread that asks."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._local = threading.local()

    def get(self) -> psycopg.Connection[Any]:
        """Return this thread's connection, opened on first use."""
        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(
                host="postgres",
                hostaddr=HOSTS["postgres"],
                user=self._user,
                dbname="shop",
                autocommit=True,
            )
        connection: psycopg.Connection[Any] = self._local.connection
        return connection
