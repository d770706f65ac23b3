"""Who publishes and who consumes, on forests written by hand."""

from __future__ import annotations

from typing import Any

from analysis.facts.topics import ALL
from tests.facts.rows import MS, read, rows_of, span, span_ids


def message(number: int, parent: int, kind: str, service: str, **columns: Any) -> dict[str, Any]:
    said = {"category": "messaging", "messaging_system": "kafka", "messaging_destination": "orders"}
    word = {"messaging_operation": "publish" if kind == "producer" else "process"}
    return span(number, parent, service=service, kind=kind, ms=2, **(said | word | columns))


def test_producers_and_consumers_of_a_topic_and_the_traces_of_all():
    found = read(
        "topics",
        span(1, service="shop"),
        message(2, 1, "producer", "shop"),
        message(3, 1, "producer", "billing", multiplicity=3, status="error"),
        message(4, 2, "consumer", "mailer"),
    )
    names = ("topic", "role", "service", "named", "messages", "errors", "traces", "total_ns")
    assert rows_of(found, *names) == [
        ("kafka://orders", "consumer", ALL, True, 1, 0, 1, 2 * MS),
        ("kafka://orders", "consumer", "mailer", True, 1, 0, 1, 2 * MS),
        ("kafka://orders", "producer", ALL, True, 4, 3, 1, 4 * MS),
        ("kafka://orders", "producer", "billing", True, 3, 3, 1, 2 * MS),
        ("kafka://orders", "producer", "shop", True, 1, 0, 1, 2 * MS),
    ]
    assert span_ids(found["exemplars"].iloc[1]) == [(4,)]


def test_a_broker_is_no_topic():
    found = read(
        "topics", span(1), message(2, 1, "producer", "shop", messaging_destination=None, server_address="broker")
    )
    assert rows_of(found, "topic", "service", "named") == [
        ("kafka://broker", ALL, False),
        ("kafka://broker", "shop", False),
    ]


def test_without_messages_there_is_nothing():
    assert read("topics", span(1)).empty
