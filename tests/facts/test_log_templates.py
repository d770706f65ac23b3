from tests.facts.rows import START_NS, log, read, rows_of


def test_templates_are_counted_with_their_first_and_last_time():
    records = [log(5), log(2), log(9, severity="error"), log(1, template="other", trace_id_low=0)]
    found = read("log_templates", logs=records)
    assert rows_of(found, "service", "severity", "template", "lines", "named") == [
        ("shop", "error", "cart read", 1, 1),
        ("shop", "info", "cart read", 2, 2),
        ("shop", "info", "other", 1, 0),
    ]
    assert rows_of(found, "first_ns", "last_ns")[1] == (START_NS + 2_000_000, START_NS + 5_000_000)
