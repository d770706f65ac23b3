"""Different questions one after the other, on forests written by hand."""

from __future__ import annotations

from analysis.facts import series
from tests.facts.chatty_forests import MS, adds_up, client, scan, server, span_ids

PAGE = (
    server(1, 0, "web", 0, 200),
    client(2, 1, "web", 0, 30, "a"),
    client(3, 1, "web", 35, 50, "b"),
    client(4, 1, "web", 90, 20, "c"),
)


def test_three_calls_are_a_series_that_would_take_the_longest():
    row = scan(series, *PAGE).iloc[0]
    assert list(row[["service", "operation", "different", "calls"]]) == ["web", "GET /web", 3, 3]
    assert row["questions"] == "a GET /a; b GET /b; c GET /c"
    assert list(row[["critical_ns", "saving_ns"]]) == [100 * MS, 50 * MS]
    assert row["second_per_request"].percentile(0.5) == row["second_per_request"].percentile(1.0)
    assert row["exemplars"][0].span_ids == span_ids(2, 3, 4)


def test_calls_that_overlap_end_a_series():
    # The third begins while the second is open.
    row = scan(series, *PAGE[:3], client(4, 1, "web", 60, 20, "c")).iloc[0]
    assert (row["different"], row["saving_ns"]) == (2, 30 * MS)


def test_a_call_under_a_longer_one_ends_a_series():
    # The last begins after the one before it, but within the first.
    rows = (client(2, 1, "web", 0, 100, "a"), client(3, 1, "web", 10, 5, "b"), client(4, 1, "web", 20, 5, "c"))
    assert scan(series, PAGE[0], *rows).empty


def test_a_pause_longer_than_the_calls_ends_a_series():
    assert scan(series, *PAGE[:2], client(3, 1, "web", 61, 10, "b")).empty
    assert len(scan(series, *PAGE[:2], client(3, 1, "web", 60, 10, "b"))) == 1


def test_what_changes_something_or_fails_ends_a_series():
    assert len(scan(series, *PAGE[:3])) == 1
    assert scan(series, *PAGE[:2], PAGE[2] | {"status": "error"}).empty
    assert scan(series, *PAGE[:2], PAGE[2] | {"http_method": "POST", "template": "POST /b"}).empty


def test_one_question_again_is_none():
    assert scan(series, *PAGE[:2], client(3, 1, "web", 35, 20, "a")).empty


def test_parts_add_up_to_the_whole():
    assert adds_up(series, *PAGE)
