"""The columns that every peer reads."""

from __future__ import annotations

from typing import Final

__all__ = ["NUMBERS", "SMALL", "TEXTS"]

#: What few spans differ in: texts, and numbers that few have.
TEXTS: Final = (
    "service", "operation", "name", "kind", "category", "status", "rpc_status", "error_type", "http_route", "db_system",
    "db_namespace", "db_operation", "db_collection", "template", "server_address", "peer_service", "messaging_system",
    "messaging_destination",
)  # fmt: skip
SMALL: Final = ("http_status", "server_port")
NUMBERS: Final = (
    "trace_id_high", "trace_id_low", "span_id", "parent_span_id", "start_ns", "duration_ns", "multiplicity", "weight",
    "time_resolution_ns", "old_conventions", "dropped_children",
)  # fmt: skip
