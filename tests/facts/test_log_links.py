from analysis.facts.log_links import TIMELESS
from tests.facts.rows import START_NS, log, read, rows_of, span

MINUTE_MS = 60_000
FIRST = START_NS // 60_000_000_000


def test_records_stand_beside_the_spans_of_their_minute():
    spans = [span(1), span(2, 1, at=1), span(3, service="other", at=MINUTE_MS)]
    records = [log(5), log(MINUTE_MS, trace_id_low=0), log(5, trace_id_low=9), log(None)]
    found = read("log_links", *spans, logs=records)
    assert rows_of(found, "service", "minute", "spans", "lines", "named", "joined") == [
        ("other", FIRST + 1, 1, 0, 0, 0),
        ("shop", TIMELESS, 0, 1, 1, 1),
        ("shop", FIRST, 2, 2, 2, 1),
        ("shop", FIRST + 1, 0, 1, 0, 0),
    ]
