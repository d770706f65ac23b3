"""The nightly price import: a batch that loops over the price list, one update a line, by design."""

from __future__ import annotations

import logging

from opentelemetry import trace

from shop import database

log = logging.getLogger("price-import")
tracer = trace.get_tracer("price-import")
SELECT_PRICES = "SELECT sku, cents FROM pricing.prices ORDER BY sku LIMIT 60"
UPDATE_PRICE = "UPDATE pricing.prices SET cents = %s WHERE sku = %s"


def run() -> None:
    """Import the price list once."""
    # The same role as pricing's: the import is part of it, run by the scheduler at night.
    connection = database.ThreadConnections("pricing").get()
    with tracer.start_as_current_span("nightly price import"):
        rows = connection.execute(SELECT_PRICES).fetchall()
        for sku, cents in rows:
            connection.execute(UPDATE_PRICE, (cents, sku))
        log.info("%d prices imported", len(rows))
