from __future__ import annotations

from tests.facts.rows import read, rows_of, span, span_ids

LINK = {"trace_id_high": 0, "trace_id_low": 9, "span_id": 1, "kind": "link"}


def consumer(number: int, parent: int = 0, ms: float = 10, **columns):
    said = {"kind": "consumer", "operation": "take", "messaging_system": "kafka", "messaging_operation": "Process"}
    return span(number, parent, ms=ms, **(said | {"messaging_destination": "orders"} | columns))


def test_a_consumer_is_alone_without_parent_and_link():
    found = read(
        "messages",
        span(1),
        consumer(2, 1),
        consumer(3, 77),
        consumer(4, ms=30),
        consumer(5, links=[LINK]),
        consumer(6, links=[]),
    )
    assert rows_of(found, "kind", "destination", "step", "alone", "spans", "linked", "traces") == [
        ("consumer", "orders", "process", False, 3, 1, 1),
        ("consumer", "orders", "process", True, 2, 0, 1),
    ]
    assert sorted(span_ids(found.exemplars[1])) == [(4,), (6,)]


def test_destinations_are_named_without_what_varies():
    found = read(
        "messages",
        consumer(1, kind="producer", messaging_destination="amq.gen-Jz3x"),
        consumer(2, kind="producer", messaging_destination="amq.gen-Qp81"),
    )
    assert rows_of(found, "kind", "destination", "spans") == [("producer", "{temporary}", 2)]
