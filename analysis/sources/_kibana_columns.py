"""Which columns a CSV report of Kibana needs to hold spans, and which of them one lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

__all__ = ["is_report", "missing_columns"]

#: What makes a span, and the fields that may say it.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "trace id": ("trace.id", "trace_id"),
    "span id": ("span.id", "transaction.id", "span_id"),
    "parent": ("parent.id", "parent_span_id"),
    "service": ("service.name", "resource.attributes.service.name"),
    "start": ("@timestamp", "timestamp.us"),
    "duration": ("transaction.duration.us", "span.duration.us", "duration"),
}
_OF_TRACES: Final = (
    "trace.id", "trace_id", "transaction.id", "transaction.name", "span.id", "span.name", "span_id", "parent.id",
    "processor.event", "transaction.duration.us", "span.duration.us",
)  # fmt: skip


def is_report(columns: Collection[str]) -> bool:
    """Return whether a header is that of a report on traces: fields of Elasticsearch that no other table has."""
    return len(set(columns) & set(_OF_TRACES)) >= 2 or (
        "@timestamp" in columns and bool(set(columns) & set(_OF_TRACES))
    )


def missing_columns(columns: Collection[str]) -> tuple[str, ...]:
    """Return what a span needs and the report lacks, each with the fields that would say it."""
    return tuple(
        f"{what} ({' or '.join(fields)})" for what, fields in _NEEDED.items() if not set(fields) & set(columns)
    )
