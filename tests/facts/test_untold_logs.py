from tests.facts.rows import log, read, rows_of, span, span_ids


def test_errors_in_traces_that_are_in_order_are_told_with_their_span():
    spans = [
        span(1, ms=50),
        span(2, 1, ms=5, service="cart", operation="read"),
        span(3, trace_id_low=2, status="error"),
    ]
    records = [
        log(severity="error", span_id=2, service="cart"),
        log(severity="error", span_id=2, service="cart"),
        log(severity="fatal"),
        log(severity="error", trace_id_low=2),
        log(severity="warn"),
        log(severity="error", trace_id_low=9),
        log(severity="error", trace_id_low=0),
    ]
    found = read("untold_logs", *spans, logs=records)
    assert rows_of(found, "service", "operation", "entry_operation", "template", "lines", "traces") == [
        ("cart", "read", "GET /cart", "cart read", 2, 1),
        ("shop", "GET /cart", "GET /cart", "cart read", 1, 1),
    ]
    assert [span_ids(cell)[0] for cell in found["exemplars"]] == [(2,), (1,)]
