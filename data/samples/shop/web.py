"""Serving HTTP and the outgoing sessions that the services share the shape of."""

from __future__ import annotations

from typing import Any

import requests
import waitress
from flask import Flask
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from requests.adapters import HTTPAdapter

from shop.addresses import HOSTS, HTTP_PORT
from shop.profiles import PROFILES


def create_session() -> requests.Session:
    """Return a session whose pool is wide enough for every worker thread."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=16, pool_maxsize=32))
    return session


def create_app(service: str) -> Flask:
    """Return a Flask application with the health check that every service has."""
    app = Flask(service)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "up"}

    return app


def serve(service: str, app: Flask, host: str | None = None) -> None:
    """Serve `app` on the service's address until the process is told to stop."""
    profile = PROFILES[service]
    application: Any = app
    if profile.instrumented and not profile.routes_named:
        application = OpenTelemetryMiddleware(app)
    waitress.serve(
        application,
        host=HOSTS[host or service],
        port=HTTP_PORT,
        threads=profile.worker_threads,
        ident=None,
    )
