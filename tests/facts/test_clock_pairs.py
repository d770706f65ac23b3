from __future__ import annotations

from analysis import facts
from analysis.forest import plant
from tests.facts.rows import MS, read, rows_of, span, span_ids
from tests.forests import span_table

COUNTS = ("caller_clock", "callee_clock", "calls", "early", "late", "still_early", "still_late", "traces")


def called(number: int, at: float, ms: float = 10, **columns):
    return span(number, 1, at, ms, service="stock", host="b", **columns)


def test_calls_are_early_or_late_or_in_step():
    found = read(
        "clock_pairs",
        span(1, ms=100, host="a"),
        called(2, at=-5),
        called(3, at=95),
        called(4, at=50),
        called(5, at=-5, ms=200),
    )
    assert rows_of(found, *COUNTS) == [("a", "b", 4, 2, 1, 2, 1, 1)]
    assert rows_of(found, "caller_service", "callee_service") == [("shop", "stock")]
    # Three are out of step: by 5, by 5, and by 95 ms (at -5 for 200 ms: ends at 195, of 100).
    assert found.outside[0].count == 3
    assert (1, 5) in span_ids(found.exemplars[0])


def test_what_is_corrected_is_told_beside_what_was_exported():
    fact = facts.discover()["clock_pairs"]
    forest = plant(span_table([span(1, ms=100, host="a"), called(2, at=-5)]), offsets={"b": 50 * MS})
    found = facts.to_frame(fact.FIELDS, fact.scan(forest))
    assert rows_of(found, *COUNTS) == [("a", "b", 1, 1, 0, 0, 0, 1)]


def test_what_nobody_waits_for_and_what_has_one_clock_is_no_call():
    found = read(
        "clock_pairs",
        span(1, ms=100, host="a"),
        called(2, at=500, asynchronous=True),
        called(3, at=500, kind="consumer"),
        called(4, at=500) | {"host": "a"},
        called(5, at=0) | {"start_ns": None, "duration_ns": None},
    )
    assert found.empty
