from tests.facts.rows import log, query, read, rows_of, span, span_ids


def test_what_is_exposed_is_told_by_kind_and_place_without_the_value():
    statement = "SELECT id FROM customer WHERE mail = 'eve@shop-mail.com'"
    spans = [span(1, url_path="/login?api_key=a1b2c3d4e5"), query(2, 1, db_statement=statement)]
    records = [
        log(body="login password=hunter2xyz", template="login <secret>"),
        log(trace_id_low=0, fields='{"to": "eve@shop-mail.com"}', template="sent"),
        log(trace_id_low=9, body="nothing"),
    ]
    found = read("exposed_values", *spans, logs=records)
    assert rows_of(found, "service", "place", "kind", "carrier", "records", "traces") == [
        ("shop", "URL", "password", "GET /cart", 1, 1),
        ("shop", "database statement", "e-mail address", "SELECT carts", 1, 1),
        ("shop", "log fields", "e-mail address", "sent", 1, 0),
        ("shop", "log message", "password", "login <secret>", 1, 1),
    ]
    assert [span_ids(cell) for cell in found["exemplars"]] == [[(1,)], [(2,)], [], [(1,)]]
    assert "eve" not in found.to_string()
    assert "hunter2" not in found.to_string()


def test_what_was_looked_at_before_is_told_again():
    spans = [span(1, url_path="/login?page=2"), span(2, 1, url_path="/login?api_key=a1b2c3d4e5")]
    first, again = (read("exposed_values", *spans) for _ in range(2))
    assert rows_of(first, "place", "kind", "records") == [("URL", "password", 1)]
    assert rows_of(again, "place", "kind", "records") == [("URL", "password", 1)]


def test_a_record_that_exposes_two_kinds_counts_for_both():
    found = read("exposed_values", logs=[log(trace_id_low=0, body="eve@shop-mail.com password=hunter2xyz")])
    assert rows_of(found, "kind", "records") == [("e-mail address", 1), ("password", 1)]


def test_attributes_of_which_only_kind_and_name_are_kept_are_told_one_by_one():
    both = "e-mail address in enduser.id; password in form.pin"
    found = read(
        "exposed_values",
        span(1, exposed=both),
        span(2, 1, exposed="e-mail address in enduser.id"),
        span(1, trace_id_low=9, exposed="nothing that there is in it"),
    )
    assert rows_of(found, "place", "kind", "records", "traces") == [
        ("attribute enduser.id", "e-mail address", 2, 1),
        ("attribute form.pin", "password", 1, 1),
    ]
