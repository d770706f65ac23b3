"""How each service is deployed and how well it is instrumented.

The differences are the point: one service keeps the old semantic conventions, one names its spans
by raw path, one is not instrumented, one host has a wrong clock. Each is a choice of configuration
that teams make.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Deployment and telemetry of one service."""

    host: str
    version: str
    service_name: str = ""
    database: str = "sqlalchemy"
    instrumented: bool = True
    routes_named: bool = True
    conventions: str = "new"
    logs: str = "otlp"
    clock_offset_s: float = 0.0
    worker_threads: int = 16
    export_interval_s: float = 5.0


PROFILES = {
    "gateway": Profile("edge-1", "2.14.0", worker_threads=24),
    "catalogue": Profile("store-1", "1.30.2"),
    "pricing": Profile("store-1", "0.9.4", database="both"),
    "cart": Profile("store-1", "1.8.0", routes_named=False),
    "customers": Profile("store-1", "3.2.1"),
    "recommendations": Profile("store-2", "0.4.7"),
    "orders": Profile("store-2", "4.0.3", worker_threads=24),
    "payments": Profile("store-2", "1.2.0", conventions="old", worker_threads=32),
    "fraud-scoring": Profile("store-2", "0.1.0", instrumented=False),
    "notifications": Profile("store-2", "1.1.5", database="psycopg", logs="plain"),
    "backoffice": Profile("store-2", "7.1.0"),
    "inventory": Profile("warehouse-1", "2.0.8", database="psycopg", logs="json-without-ids", clock_offset_s=1.0),
    "shipping": Profile("warehouse-1", "1.5.1", database="psycopg", logs="json", clock_offset_s=1.0),
    "price-import": Profile("jobs-1", "0.9.4", service_name="pricing", database="psycopg"),
    "restock": Profile("jobs-1", "7.1.0", export_interval_s=60.0),
    "acquirer": Profile("outside", "", instrumented=False, worker_threads=32),
    "supplier": Profile("outside", "", instrumented=False),
}
