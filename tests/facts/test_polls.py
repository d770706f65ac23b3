"""Reads that nobody asked for, on forests written by hand."""

from __future__ import annotations

from analysis.facts.polls import SLOT_NS
from tests.facts.rows import MS, START_NS, query, read, rows_of, span

NAMES = ("operation", "store", "table", "reads", "first_ns", "last_ns", "within_ns", "total_ns")
STORE = "postgresql://db:6432/shop"


def test_three_reads_of_one_slot_can_be_told_apart():
    # The clock of the rows begins with a slot, so 10, 60 and 200 ms lie in its first one, 260 ms in the second.
    assert START_NS % SLOT_NS == 0
    found = read("polls", *(query(1 + number, 0, at=at) for number, at in enumerate((200, 10, 60, 260))))
    assert rows_of(found, *NAMES) == [
        ("SELECT carts", STORE, "carts", 3, START_NS + 10 * MS, START_NS + 200 * MS, 270 * MS, 30 * MS),
        ("SELECT carts", STORE, "carts", 1, START_NS + 260 * MS, START_NS + 260 * MS, 10 * MS, 10 * MS),
    ]


def test_of_a_tree_the_first_read_of_a_table_counts():
    tick = span(1, kind="internal", operation="tick", category="internal", ms=100)
    found = read("polls", tick, query(2, 1, at=30), query(3, 1, at=10))
    assert rows_of(found, "operation", "reads", "first_ns") == [("tick", 1, START_NS + 10 * MS)]


def test_what_was_asked_for_or_writes_or_has_lost_its_parent_is_no_poll():
    write = "UPDATE carts SET a = ?"
    found = read(
        "polls",
        span(1),
        query(2, 1),
        span(3, kind="consumer"),
        query(4, 3),
        query(5, 0, template=write, db_statement=write),
        query(6, 99),
        query(7, 0, start_ns=None),
        span(8, kind="internal", service="cron"),
        query(9, 8),
    )
    assert found.empty
