from __future__ import annotations

from tests.facts.rows import MS, START_NS, query, read, rows_of, span, span_ids

COLUMNS = ("lost", "spans", "with_parent", "orphans", "cut", "traces")


def test_lost_spans_stand_beside_those_that_are_not():
    found = read("orphans", span(1), span(2, 1), span(3, parent=99), span(4, parent=98))
    assert rows_of(found, *COLUMNS) == [(False, 2, 1, 0, 0, 1), (True, 2, 2, 2, 0, 1)]
    assert set(span_ids(found.exemplars[1])) <= {(3,), (4,)}


def test_an_orphan_at_the_end_of_the_window_is_cut_rather_than_lost():
    hour = (START_NS, START_NS + 3_600_000 * MS)
    found = read("orphans", query(1, 99, at=3_599_990, ms=10), query(2, 98, at=1_800_000), window=hour)
    assert rows_of(found, *COLUMNS) == [(False, 1, 1, 1, 1, 1), (True, 1, 1, 1, 0, 1)]
