"""Where time went and whom it made wait, worked out by hand."""

from __future__ import annotations

from analysis.facts.failures import HOP
from tests.facts.rows import query, read, rows_of, span, span_ids


def told(*spans):
    columns = ("origin_service", "way", "carried", "whole", "sent_by", "spans", "requests", "gave_up")
    return rows_of(read("slow_ways", *spans), *columns)


def test_a_query_carries_as_far_as_it_is_half_of_what_waits():
    # The query takes 60 of the cart's 70 ms, which takes 70 of the shop's 90 ms: 60 is half of both.
    found = read(
        "slow_ways", span(1, ms=90), span(2, 1, at=10, ms=70, service="cart"), query(3, 2, at=15, ms=60, service="cart")
    )
    assert rows_of(found, "origin_operation", "way", "carried", "spans", "requests") == [
        ("SELECT carts", ("cart SELECT carts", "cart GET /cart", "shop GET /cart"), 3, 1, 1)
    ]
    assert span_ids(found.exemplars[0]) == [(3, 2, 1)]
    # From the end of the query (75 ms) to the end of the request (90 ms); in buckets of 0.8 %.
    assert abs(found.climb[0].percentile(0.5) / 15e6 - 1) < 0.01


def test_it_stops_where_more_than_as_long_goes_elsewhere():
    # The shop takes 130 ms, of which the cart has 40: not half. Its own 90 ms are.
    assert told(span(1, ms=130), span(2, 1, at=10, ms=40, service="cart")) == [
        ("cart", ("cart GET /cart", "shop GET /cart"), 1, True, "", 1, 0, 0),
        ("shop", ("shop GET /cart",), 1, True, "", 1, 1, 0),
    ]


def test_who_gives_up_waiting_is_told():
    # The shop answers after 30 ms, the cart goes on for 100: it carried all the same, as the shop waited for it.
    rows = told(
        span(1, ms=300),
        span(2, 1, at=0, ms=290, kind="internal", operation="work"),
        span(3, 2, at=1, ms=30, service="front"),
        span(4, 3, at=2, ms=100, service="cart"),
    )
    assert ("cart", ("cart GET /cart", "front GET /cart", "shop GET /cart"), 2, True, "", 1, 0, 0) in rows


def test_messages_are_not_waited_for_and_name_their_sender():
    sent = {"kind": "consumer", "service": "mail", "operation": "order receive", "asynchronous": True}
    assert ("mail", ("mail order receive",), 1, True, "shop GET /cart", 1, 0, 0) in told(
        span(1, ms=10), span(2, 1, at=5, ms=50, **sent)
    )


def test_failures_are_told_as_such():
    assert told(span(1, ms=90, status="error"), span(2, 1, ms=80, service="cart", status="error")) == []


def test_ways_of_the_same_names_are_one():
    spans = [
        row
        for trace in (1, 2)
        for row in (span(1, ms=90, trace_id_low=trace), span(2, 1, at=5, ms=80, service="cart", trace_id_low=trace))
    ]
    assert [row[5] for row in told(*spans)] == [2]
    assert HOP not in "".join(told(*spans)[0][1])
