"""Where everything in the shop listens: one loopback address for each service."""

from __future__ import annotations

import socket
from typing import Any

HTTP_PORT = 8080
RPC_PORT = 50051

HOSTS = {
    "gateway": "127.10.0.11",
    "catalogue": "127.10.1.11",
    "pricing": "127.10.1.12",
    "cart": "127.10.1.13",
    "customers": "127.10.1.14",
    "recommendations": "127.10.1.15",
    "orders": "127.10.2.11",
    "payments": "127.10.2.12",
    "fraud-scoring": "127.10.2.13",
    "notifications": "127.10.2.14",
    "backoffice": "127.10.2.15",
    "inventory": "127.10.3.11",
    "shipping": "127.10.3.12",
    "postgres": "127.10.9.11",
    "postgres-primary": "127.10.9.12",
    "redis": "127.10.9.13",
    "rabbitmq": "127.10.9.14",
    "otel-collector": "127.10.9.15",
    "api.acquirer-sandbox.com": "127.10.8.11",
    "edi.northwind-supply.com": "127.10.8.12",
}

_system_getaddrinfo = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    return _system_getaddrinfo(HOSTS.get(host, host), *arguments, **options)


def resolve_names() -> None:
    """Make the shop's names resolve to loopback addresses in this process.

    In a cluster a name server does this; here nothing outside the process is changed.
    """
    socket.getaddrinfo = _getaddrinfo
