from __future__ import annotations

from tests.facts.rows import MS, query, read, rows_of, span, span_ids

COLUMNS = ("origin_service", "path", "stopped_at", "mechanism", "reached_root", "services", "failures", "requests")


def test_a_failure_is_told_from_its_origin_up():
    found = read(
        "failures",
        span(1, ms=100, status="error"),
        span(2, 1, kind="client", ms=90, status="error"),
        span(3, 2, ms=80, service="cart", operation="GET /carts", status="error"),
        query(4, 3, ms=70, service="cart", status="error"),
    )
    path = ("cart SELECT carts", "cart GET /carts", "shop GET /cart")
    assert rows_of(found, *COLUMNS) == [("cart", path, "", "error", True, 2, 1, 1)]
    assert rows_of(found, "attempts", "total_ns") == [(1, 100 * MS)]
    # From 70 ms, where the query ends, to 100.
    assert abs(found.climb[0].percentile(0.5) - 30 * MS) <= 30 * MS / 128
    assert span_ids(found.exemplars[0]) == [(4, 3, 1)]


def test_a_failure_stops_where_a_caller_survives():
    found = read(
        "failures", span(1), span(2, 1, service="cart", operation="GET /carts", status="error", http_status=503)
    )
    assert rows_of(found, *COLUMNS) == [("cart", ("cart GET /carts",), "shop GET /cart", "rejection", False, 1, 1, 0)]


def test_attempts_of_one_call_are_one_failure():
    found = read("failures", span(1, status="error"), *(query(2 + i, 1, at=20 * i, status="error") for i in range(3)))
    assert rows_of(found, "mechanism", "failures", "attempts", "requests") == [("exhausted retries", 1, 3, 1)]
    assert span_ids(found.exemplars[0]) == [(4, 1)]


def test_a_consumer_fails_alone():
    found = read(
        "failures",
        span(1, kind="producer"),
        span(2, 1, service="mail", kind="consumer", operation="send", status="error"),
    )
    assert rows_of(found, "path", "stopped_at", "reached_root") == [(("mail send",), "", True)]


def test_whoever_sent_the_message_of_a_failed_consumer_is_named():
    found = read(
        "failures",
        span(1),
        span(2, 1, kind="producer", operation="send"),
        span(3, 2, service="mail", kind="consumer", operation="receive", status="error"),
    )
    # The request that sent it has answered: none failed.
    assert rows_of(found, "path", "sent_by", "requests") == [(("mail receive",), "shop GET /cart", 0)]


def linked(number, parent=0, **columns):
    """Return a consumer that failed, with a link to the span 2 of trace 1."""
    to = [{"trace_id_high": 0, "trace_id_low": 1, "span_id": 2, "kind": "link"}]
    row = {"service": "mail", "kind": "consumer", "operation": "receive", "status": "error", "trace_id_low": 2}
    return span(number, parent, links=to, **(row | columns))


def test_a_span_link_names_the_sender_of_a_consumer_in_a_trace_of_its_own():
    sent = (span(1), span(2, 1, kind="producer", operation="send"))
    other = (span(11, trace_id_low=3, operation="GET /x"), span(12, 11, trace_id_low=3, kind="producer"))
    told = ("path", "sent_by", "reached_root")
    assert rows_of(read("failures", *sent, *other, linked(3)), *told) == [(("mail receive",), "shop GET /cart", True)]
    # A loop of its own service that polls around it is not who sent it.
    loop = span(9, service="mail", kind="internal", operation="poll", trace_id_low=2)
    assert rows_of(read("failures", *sent, loop, linked(3, 9)), *told) == [(("mail receive",), "shop GET /cart", True)]
    # Where the link leads out of what was recorded the fact names nobody.
    assert rows_of(read("failures", linked(3)), *told) == [(("mail receive",), "", True)]


def test_a_link_of_what_is_no_consumer_names_no_sender():
    row = linked(3, kind="server", service="shop", operation="GET /")
    found = read("failures", span(1), span(2, 1, kind="producer"), row)
    assert rows_of(found, "sent_by", "requests") == [("", 1)]


def test_a_failure_that_another_attempt_mended_is_told():
    call = {"kind": "client", "template": "GET /stock", "server_address": "stock", "operation": "GET"}
    first = span(2, 1, at=0, ms=10, status="error", http_status=503, **call)
    again = span(3, 1, at=20, ms=10, http_status=200, **call)
    assert rows_of(read("failures", span(1), first, again), "stopped_at", "retried_well") == [("shop GET /cart", 1)]
    lost = again | {"status": "error", "http_status": 503}
    assert rows_of(read("failures", span(1), first, lost), "mechanism", "retried_well") == [("exhausted retries", 0)]


def test_how_a_failure_began_is_told_from_its_exception():
    taking = {"operation": "connect", "db_statement": None, "error_type": "sqlalchemy.exc.TimeoutError"}
    for columns, how in (
        (taking, "saturation"),
        ({"error_type": "sqlalchemy.exc.TimeoutError"}, "timeout"),
        ({"error_type": "psycopg.errors.CheckViolation"}, "bad data"),
        ({"error_type": "PaymentRefused"}, "error"),
    ):
        found = read("failures", span(1, status="error"), query(2, 1, status="error", **columns))
        assert rows_of(found, "mechanism") == [(how,)]


def test_what_is_called_after_a_failure_that_was_survived():
    call = {"kind": "client", "server_address": "shelf", "operation": "GET"}
    spans = [
        span(1, ms=200),
        span(2, 1, at=0, ms=10, template="GET /first", http_status=200, **call),
        span(3, 1, at=20, ms=10, template="GET /ads", status="error", http_status=503, **call),
        span(4, 1, at=40, ms=10, template="GET /house-ads", http_status=200, **call),
    ]
    rows = rows_of(read("stand_ins", *spans), "operation", "template", "then_template", "visits")
    assert rows == [("GET /cart", "GET /ads", "GET /house-ads", 1)]
    # A visit that fails itself survived nothing.
    assert read("stand_ins", spans[0] | {"status": "error"}, *spans[1:]).empty


def test_a_proxy_says_that_its_retries_are_used_up():
    for columns in ({"retry_evidence": "response_flags=UF,URX"}, {"resend_count": 2}):
        found = read("failures", span(1, status="error"), query(2, 1, status="error", **columns))
        assert rows_of(found, "mechanism") == [("exhausted retries",)]
