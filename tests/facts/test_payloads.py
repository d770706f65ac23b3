"""Sizes of answers, on forests written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.facts import payloads
from analysis.facts.payloads import at_least
from tests.facts.chatty_forests import MS, adds_up, client, scan, server

CALL = (
    server(1, 0, "web", 0, 200),
    client(2, 1, "web", 0, 90, "list", response_size=450_000),
    server(3, 2, "list", 5, 80, response_size=450_000, template="GET /list", http_route="/list"),
)


@pytest.mark.parametrize(
    ("amount", "step"),
    [(0, 0), (1, 1), (4, 3), (9, 5), (10, 10), (299_999, 200_000), (300_000, 300_000), (1_200_000, 1_000_000)],
)
def test_sizes_are_told_in_steps(amount: int, step: int):
    assert at_least(np.array([amount]))[0] == step


def test_a_call_of_which_both_halves_say_the_size_counts_once():
    row = scan(payloads, *CALL).iloc[0]
    assert len(scan(payloads, *CALL)) == 1
    assert list(row[["caller", "callee", "template", "rows", "at_least"]]) == [
        "web", "list", "GET /list", False, 300_000,
    ]  # fmt: skip
    assert list(row[["requests", "amount", "critical_ns"]]) == [1, 450_000, 90 * MS]


def test_where_only_the_callee_says_it_the_callee_counts():
    row = scan(payloads, CALL[0], CALL[1] | {"response_size": None}, CALL[2]).iloc[0]
    assert list(row[["caller", "callee", "template"]]) == ["", "list", "GET /list"]


def test_rows_of_a_query_are_counted_even_if_none():
    query = {"kind": "client", "category": "database", "db_system": "postgresql", "db_statement": "SELECT a FROM b"}
    read = client(2, 1, "web", 0, 10, "db", url_path=None, http_method=None) | query | {"template": "SELECT a FROM b"}
    row = scan(payloads, CALL[0], read | {"db_rows": 0}).iloc[0]
    assert list(row[["callee", "rows", "requests", "amount"]]) == ["postgresql://db", True, 1, 0]


def test_nothing_said_is_nothing_counted():
    assert scan(payloads, CALL[0]).empty


def test_parts_add_up_to_the_whole():
    assert adds_up(payloads, *CALL)
