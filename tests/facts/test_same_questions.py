"""Questions asked again, on forests written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.facts import merge, same_questions, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def root(**columns: Any) -> dict[str, Any]:
    return span(1, 0, 0, 500, kind="server", category="http", operation="GET /page") | columns


def span(number: int, parent: int, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS)}
    return {"span_id": number, "parent_span_id": parent, "service": "shop", "kind": "internal"} | times | columns


def read(
    number: int, at: float, value: int = 7, table: str = "items", parent: int = 1, **columns: Any
) -> dict[str, Any]:
    template = f"SELECT * FROM {table} WHERE id = ?"
    said = {"db_system": "postgresql", "server_address": "db", "category": "database", "kind": "client"}
    stated = {"template": template, "db_statement": template.replace("?", str(value)), "parameters": value}
    return span(number, parent, at, 10, operation="SELECT", **(said | stated | columns))


def write(number: int, at: float, table: str) -> dict[str, Any]:
    statement = f"UPDATE {table} SET open = ?"
    return read(number, at, template=statement, db_statement=statement.replace("?", "1"))


def scan(*rows: dict[str, Any]) -> pd.DataFrame:
    tables = [same_questions.scan(plant(span_table(rows)))]
    frame = to_frame(same_questions.FIELDS, merge(same_questions.FIELDS, tables))
    return frame[frame["verdict"] != "seen"].reset_index(drop=True)


def test_the_second_of_two_equal_reads_is_repeated():
    row = scan(root(), read(2, 0), read(3, 20)).iloc[0]
    assert list(row[["entry_operation", "verdict", "callers"]]) == ["GET /page", "repeated", ("shop",)]
    numbers = ["requests", "traces", "questions", "calls", "repeated", "open_ns", "critical_ns"]
    assert list(row[numbers]) == [1, 1, 1, 2, 1, 10 * MS, 10 * MS]
    assert row["exemplars"][0].span_ids == (f"{2:016x}", f"{3:016x}")


def test_questions_that_differ_in_values_are_one_occurrence():
    row = scan(root(), *(read(10 + i, 20 * i, value=1 + i % 2) for i in range(6))).iloc[0]
    assert list(row[["requests", "questions", "calls", "repeated"]]) == [1, 2, 6, 4]


def test_a_change_at_a_service_that_nothing_names_is_no_write_to_a_store():
    change = span(4, 1, 20, 10, kind="client", category="http", http_method="POST", template="POST /seen")
    assert list(scan(root(), read(2, 0), change, read(3, 40))["verdict"]) == ["repeated"]


def test_a_write_between_makes_it_another_question():
    assert list(scan(root(), read(2, 0), write(3, 20, "items"), read(4, 40))["verdict"]) == ["written"]
    assert list(scan(root(), read(2, 0), write(3, 20, "carts"), read(4, 40))["verdict"]) == ["repeated"]


def test_after_a_write_it_can_be_repeated_again():
    row = scan(root(), read(2, 0), write(3, 20, "items"), read(4, 40), read(5, 60)).iloc[0]
    assert list(row[["verdict", "calls", "repeated"]]) == ["repeated", 3, 1]


def test_a_write_of_another_trace_does_not_matter():
    other = [row | {"trace_id_low": 2} for row in (root(), write(3, 20, "items"))]
    assert list(scan(root(), read(2, 0), read(4, 40), *other)["verdict"]) == ["repeated"]


def test_an_answer_that_is_not_there_yet_is_not_asked_again():
    assert list(scan(root(), read(2, 0), read(3, 5))["verdict"]) == ["hedging"]


def test_an_attempt_after_a_failure_repeats_nothing():
    assert list(scan(root(), read(2, 0, status="error"), read(3, 20))["verdict"]) == ["retry"]


def test_values_behind_placeholders_are_not_known():
    hidden = {"db_statement": "SELECT * FROM items WHERE id = $1", "parameters": 0}
    assert scan(root(), read(2, 0, **hidden), read(3, 20, **hidden)).empty


def test_what_a_repeated_call_repeats_is_part_of_it():
    def ask(number: int, at: float) -> dict[str, Any]:
        said = {"category": "http", "template": "GET /settings", "url_path": "/settings", "http_method": "GET"}
        return span(number, 1, at, 20, kind="client", operation="GET", server_address="config", **said)

    rows = scan(root(), ask(2, 0), ask(3, 40), read(4, 2, parent=2), read(5, 42, parent=3))
    assert list(rows["template"]) == ["GET /settings"]
    # The repeated call's own 20 ms, of which its read takes 10.
    assert rows.iloc[0]["critical_ns"] == 20 * MS


def test_parts_add_up_to_the_whole():
    traces = [[row | {"trace_id_low": trace} for row in (root(), read(2, 0), read(3, 20))] for trace in (1, 2, 3)]
    parts = [same_questions.scan(plant(span_table(rows))) for rows in traces]
    whole = same_questions.scan(plant(span_table([row for rows in traces for row in rows])))
    assert merge(same_questions.FIELDS, parts[::-1]).equals(merge(same_questions.FIELDS, [whole]))
