"""Conversations of two services, on forests written by hand."""

from __future__ import annotations

from analysis.facts import conversations
from tests.facts.chatty_forests import MS, adds_up, client, scan, server, span_ids

TALK = (
    server(1, 0, "a", 0, 100),
    client(2, 1, "a", 0, 20, "b"),
    server(3, 2, "b", 5, 10),
    client(4, 1, "a", 30, 20, "b"),
    server(5, 4, "b", 35, 10, operation="GET /other"),
)


def test_two_calls_are_one_conversation():
    row = scan(conversations, *TALK).iloc[0]
    assert list(row[["entry_service", "caller", "callee"]]) == ["a", "a", "b"]
    assert list(row[["requests", "calls", "errors", "operations", "paired"]]) == [1, 2, 0, 2, 2]
    assert list(row[["client_ns", "server_ns", "way_ns", "critical_ns"]]) == [40 * MS, 20 * MS, 20 * MS, 40 * MS]
    # One call in place of two saves one way of 10 ms.
    assert row["saving_ns"] == 10 * MS
    assert row["exemplars"][0].span_ids == span_ids(2, 4)


def test_calls_that_failed_are_not_counted_in_a_request():
    row = scan(conversations, *TALK[:3], TALK[3] | {"status": "error"}, TALK[4]).iloc[0]
    assert (row["calls"], row["errors"], row["calls_per_request"].percentile(0.5)) == (2, 1, 1)


def test_messages_and_calls_within_a_service_are_none():
    assert scan(conversations, server(1, 0, "a", 0, 100), client(2, 1, "a", 0, 20, "a"), server(3, 2, "a", 5, 10)).empty
    assert scan(conversations, *TALK[:2], TALK[2] | {"asynchronous": True}).empty


def test_parts_add_up_to_the_whole():
    assert adds_up(conversations, *TALK)
