"""Waits, overhangs, calls by the minute and deliveries, on forests written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.facts import call_minutes, deliveries, merge, overhangs, to_frame, waits
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def span(number: int, parent: int = 0, at: float = 0, ms: float = 10, **columns: Any) -> dict[str, Any]:
    row = {"service": "orders", "kind": "internal", "operation": "work", "category": "http"}
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS)}
    return row | {"span_id": number, "parent_span_id": parent} | times | columns


def root(**columns: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": "server", "operation": "POST /orders"}
    return span(1, ms=5000, **(said | columns))


def call(number: int, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": "client", "operation": "POST", "template": "POST /payments"}
    return span(number, 1, at, ms, **(said | {"server_address": "payments"} | columns))


def served(number: int, parent: int, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"service": "payments", "kind": "server", "operation": "POST /payments"}
    return span(number, parent, at, ms, **(said | columns))


def late() -> dict[str, Any]:
    return {"status": "error", "error_type": "ReadTimeout"}


def broken() -> dict[str, Any]:
    return {"status": "error", "http_status": 502}


def scan(fact: Any, *tables: list[dict[str, Any]]) -> pd.DataFrame:
    return to_frame(fact.FIELDS, merge(fact.FIELDS, [fact.scan(plant(span_table(rows))) for rows in tables]))


def test_waits_are_told_by_how_they_ended() -> None:
    frame = scan(waits, [root(), call(2, 10, 100), call(3, 200, 50, **broken()), call(4, 300, 1000, **late())])
    ended = list(frame[["end", "calls", "longest_ns"]].itertuples(index=False, name=None))
    assert ended == [("answered", 1, 100 * MS), ("failed", 1, 50 * MS), ("timeout", 1, 1000 * MS)]


def test_a_call_without_a_time_is_no_wait() -> None:
    assert scan(waits, [root(), call(2, 10, 100) | {"start_ns": None, "duration_ns": None}]).empty
    assert scan(waits, []).empty


def test_an_overhang_is_what_the_callee_took_beyond_its_caller() -> None:
    [found] = scan(overhangs, [root(), call(2, 10, 1000, **late()), served(3, 2, 11, 3000)]).to_dict("records")
    assert (found["service"], found["target"], found["calls"]) == ("orders", "payments", 1)
    assert found["overhang_ns"] == 2000 * MS
    # Two thousand thousandths of the caller's second; histograms keep 1/128.
    assert abs(found["overhang"].percentile(0.5) - 2000) <= 2000 / 128


def test_overhangs_are_of_calls_that_failed_and_were_answered() -> None:
    assert scan(overhangs, [root(), call(2, 10, 1000), served(3, 2, 11, 3000)]).empty
    assert scan(overhangs, [root(), call(2, 10, 1000, **late())]).empty
    [ended] = scan(overhangs, [root(), call(2, 10, 1000, **late()), served(3, 2, 11, 900)]).to_dict("records")
    assert (ended["overhang_ns"], ended["overhang"].count, ended["waited"].count) == (0, 0, 0)


def test_a_callee_of_thirty_years_does_not_overflow() -> None:
    ages = served(3, 2, 11, 0) | {"duration_ns": 2**60}
    [found] = scan(overhangs, [root(), call(2, 10, 0, **late()), ages]).to_dict("records")
    assert found["overhang_ns"] == 2**60


def test_calls_are_put_into_the_minute_in_which_they_began() -> None:
    rows = [root(), call(2, 59_999, 10), call(3, 60_000, 10, **late()), call(4, 60_500, 1, **broken())]
    frame = scan(call_minutes, [*rows, served(5, 4, 60_500, 1)])
    told = list(frame[["minute", "calls", "failures", "timeouts", "rejections"]].itertuples(index=False, name=None))
    assert told == [(0, 1, 0, 0, 0), (1, 2, 2, 1, 0)]
    # The broken call was seen to arrive, the late one was not.
    assert [cell.count for cell in frame["kept_back"]] == [0, 1]


def test_calls_to_stores_have_no_minutes() -> None:
    assert scan(call_minutes, [root(), call(2, 10, 1, db_system="postgresql", category="database")]).empty


def delivery(number: int, at: float, *, failed: bool, **columns: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"service": "shipping", "kind": "consumer", "messaging_destination": "placed"}
    ended = {"status": "error" if failed else "unset"}
    return span(number, 2, at, 20, **(said | {"messaging_system": "rabbitmq"} | ended | columns))


def sent(**columns: Any) -> list[dict[str, Any]]:
    return [root(), span(2, 1, 5, 2, **({"kind": "producer", "messaging_destination": "placed"} | columns))]


def told(*rows: dict[str, Any]) -> list[tuple[int, ...]]:
    frame = scan(deliveries, list(rows))
    columns = ["messages", "deliveries", "failures", "most_failures", "recovered"]
    return list(frame[columns].itertuples(index=False, name=None))


def test_deliveries_of_what_one_span_published_are_of_one_message() -> None:
    rows = [delivery(3, 10, failed=True), delivery(4, 50, failed=True), delivery(5, 90, failed=False)]
    assert told(*sent(), *rows) == [(1, 3, 2, 2, 1)]


def test_messages_are_told_apart_by_their_ids() -> None:
    rows = [delivery(3, 10, failed=True, message_id="a"), delivery(4, 50, failed=True, message_id="b")]
    assert told(*sent(), *rows) == [(2, 2, 2, 1, 0)]


def test_receiving_around_processing_is_one_delivery() -> None:
    inner = delivery(4, 12, failed=True) | {"parent_span_id": 3, "duration_ns": 5 * MS}
    assert told(*sent(), delivery(3, 10, failed=False), inner) == [(1, 1, 1, 1, 0)]


def test_without_id_and_parent_each_delivery_is_for_itself() -> None:
    alone = [delivery(number, number, failed=True) | {"parent_span_id": 0} for number in (1, 2)]
    frame = scan(deliveries, alone)
    assert frame[["identified", "messages"]].to_numpy().tolist() == [[False, 2]]


def test_partitions_add_up() -> None:
    rows = [root(), call(2, 10, 1000, **late()), served(3, 2, 11, 3000)]
    other = [row | {"trace_id_low": 2} for row in rows]
    for fact in (waits, overhangs, call_minutes):
        apart, together = scan(fact, rows, other), scan(fact, [*rows, *other])
        plain = [column for column in apart.columns if apart[column].dtype != object or column in ("service", "target")]
        pd.testing.assert_frame_equal(apart[plain], together[plain])
