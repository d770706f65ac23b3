from tests.facts.rows import log, read, rows_of, span


def test_records_are_counted_by_service_and_severity():
    records = [
        log(structured=True, span_id=1),
        log(structured=True, span_id=7),
        log(trace_id_low=9),
        log(trace_id_low=0, request_id="r-1", fields="{}"),
        log(None, severity="error", error_type="ValueError"),
        log(service=None, severity=None),
    ]
    found = read("log_lines", span(1), logs=records)
    columns = ("service", "severity", "lines", "structured", "apart", "named", "joined", "with_span", "request_ids")
    assert rows_of(found, *columns) == [
        ("", "", 1, 0, 0, 1, 1, 0, 0),
        ("shop", "error", 1, 0, 0, 1, 1, 0, 0),
        ("shop", "info", 4, 2, 1, 3, 2, 1, 1),
    ]
    assert rows_of(found, "with_error_type", "timeless") == [(0, 0), (1, 1), (0, 0)]


def test_logs_without_spans_are_counted():
    assert rows_of(read("log_lines", logs=[log()]), "lines", "named", "joined") == [(1, 1, 0)]
