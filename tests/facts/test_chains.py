"""Chains of services that wait for each other, on forests written by hand."""

from __future__ import annotations

from analysis.facts import chains
from tests.facts.chatty_forests import MS, adds_up, client, scan, server, span_ids

CHAIN = (
    server(1, 0, "a", 0, 100),
    client(2, 1, "a", 10, 80, "b"),
    server(3, 2, "b", 15, 70),
    client(4, 3, "b", 20, 50, "c"),
    server(5, 4, "c", 22, 46),
)


def test_a_chain_is_told_with_its_way():
    row = scan(chains, *CHAIN).iloc[0]
    assert list(row[["entry_service", "path", "edges", "requests"]]) == ["a", "a → b → c", 2, 1]
    # The first client span holds 10 ms that b does not cover, the second 4 that c does not.
    assert row["way_ns"] == 14 * MS
    assert row["exemplars"][0].span_ids == span_ids(1, 3, 5)


def test_what_nobody_waits_for_is_no_part_of_it():
    row = scan(chains, *CHAIN[:4], CHAIN[4] | {"asynchronous": True}).iloc[0]
    assert (row["path"], row["edges"]) == ("a → b", 1)


def test_calls_within_a_service_are_no_hops():
    row = scan(chains, *CHAIN, client(6, 5, "c", 25, 20, "c"), server(7, 6, "c", 26, 18)).iloc[0]
    assert (row["path"], row["edges"]) == ("a → b → c", 2)


def test_a_span_without_a_service_is_passed_through():
    nameless = CHAIN[3] | {"service": None}
    row = scan(chains, *CHAIN[:3], nameless, CHAIN[4]).iloc[0]
    assert (row["path"], row["edges"]) == ("a → b → c", 2)


def test_a_request_alone_is_a_chain_without_edges():
    row = scan(chains, server(1, 0, "a", 0, 10)).iloc[0]
    assert (row["path"], row["edges"], row["way_ns"]) == ("a", 0, 0)


def test_parts_add_up_to_the_whole():
    assert adds_up(chains, *CHAIN)
