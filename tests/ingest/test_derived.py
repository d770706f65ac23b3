"""Derived columns: the operation by name or by template, each row with what its own attributes give."""

from __future__ import annotations

import pytest

from analysis.ingest.derived import derive_logs, derive_spans
from analysis.ingest.log_templates import log_template
from analysis.schema import SPAN_SCHEMA
from tests.ingest.test_merging import logs, spans

DERIVED = ("operation", "template", "category", "parameters")


def derived(**row):
    (found,) = derive_spans(spans(row)).select(DERIVED).to_pylist()
    return tuple(found[name] for name in DERIVED)


def test_operation_is_the_name_without_identifiers():
    operation, template, category, parameters = derived(
        name="load user 4711", kind="internal", http_method="GET", url_path="/users/4711"
    )
    assert (operation, category) == ("load user {id}", "internal")
    assert template == "load user {id}"
    assert parameters == 0


@pytest.mark.parametrize("name", ["GET", "HTTP GET", "HTTP", "get", ""])
def test_name_that_is_only_a_method_gives_way_to_the_path(name):
    operation, template, category, parameters = derived(
        name=name, kind="server", http_method="GET", url_path="/users/4711"
    )
    assert (operation, template, category) == ("GET /users/{id}", "GET /users/{id}", "http")
    assert parameters != 0


def test_name_that_is_only_a_method_stays_inside_a_service():
    assert derived(name="GET", kind="internal")[0] == "GET"


def test_statement_is_the_template_and_its_values_the_parameters():
    row = {"name": "SELECT shop.users", "kind": "client", "db_system": "postgresql"}
    one = derived(**row, db_statement="SELECT a FROM users WHERE id = 1")
    other = derived(**row, db_statement="SELECT a FROM users WHERE id = 2")
    assert one[:3] == other[:3]
    assert one[2] == "database"
    assert "?" in one[1]
    assert one[3] != other[3]
    assert 0 not in {one[3], other[3]}


def test_span_without_a_name_has_no_operation():
    assert derived(kind="internal") == (None, None, "internal", 0)


def test_each_row_has_its_own():
    rows = [
        {"span_id": number, "name": f"n{number % 3}x", "kind": ("server", "client")[number % 2]}
        for number in range(1, 40)
    ]
    table = derive_spans(spans(*rows))
    assert table.schema.equals(SPAN_SCHEMA)
    assert table["operation"].to_pylist() == [row["name"] for row in rows]
    assert table["name"].to_pylist() == [row["name"] for row in rows]


def test_no_rows_have_nothing_derived():
    assert derive_spans(spans()).num_rows == 0
    assert derive_logs(logs()).num_rows == 0


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("cart 17 is empty", "cart <number> is empty"),
        ("took 12.5ms, 30% of 2,000", "took <number>, <number> of <number>"),
        ('user "Ann Other" from 10.1.2.3:8080', "user <text> from <number>"),
        ("user 'x y' can't log in", "user <text> can't log in"),
        ("mail to ann.other+x@example.org bounced", "mail to <text> bounced"),
        ("2026-11-23T10:00:00.123Z started", "<time> started"),
        ("GET https://example.org/users/1?q=a failed", "GET <path> failed"),
        ("read /var/lib/data/1.db (ok)", "read <path> (ok)"),
        ("id 5b8efff7-9803-8103-d269-b633813fc60c at 0x7fff", "id <id> at <id>"),
        ("token=a1b2c3d4 v2", "token=<id> <id>"),
        ('{"level": "info", "msg": "sold 3 items", "user": "ann"}', "sold <number> items"),
        ('{"user": "ann", "age": 3}', "{age, user}"),
        ("{not json 5", "{not json <number>"),
        ("  many   blanks\n", "many blanks"),
        ("", ""),
    ],
)
def test_log_lines_lose_their_values(line, template):
    assert log_template(line) == template


def test_hostile_lines_take_no_time_that_grows_faster_than_they_do():
    for line in (
        "a" * 100_000,
        "'" * 100_000,
        '"' * 99_999,
        "a@" * 50_000,
        "a+" * 50_000,
        "1." * 50_000,
        "-" * 100_000,
    ):
        assert len(log_template(line)) < 100_000
    assert log_template("{" * 100_000).startswith("{")


def test_log_template_is_null_where_the_body_is():
    assert derive_logs(logs({"body": None}, {"body": "x 1"}))["template"].to_pylist() == [None, "x <number>"]
