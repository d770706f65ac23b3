"""Texts that differ in plain values only: what is derived of all together is what is derived of each alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.ingest import derived
from analysis.ingest.derived import derive_spans
from analysis.ingest.likeness import OTHER_MARKS, name_shape, path_shape, statement_shape, statement_values
from tests.ingest.test_derived import DERIVED
from tests.ingest.test_merging import spans

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/users/4711", "/users/1111"),
        ("/users/4711/", "/users/1111/"),
        ("/v1/users/7/orders/2024", "/v1/users/1/orders/1111"),
        (f"/carts/{UUID}/items", "/carts/1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a/items"),
        ("/blobs/9f8a7b6c5d", "/blobs/1a1a1a1a1a"),
        ("/blobs/f98a7b6c5d", "/blobs/a1a1a1a1a1"),
        # A word, part of a segment, a query, what may be a telephone or the number of a card: these stay.
        ("/deadbeef", "/deadbeef"),
        ("/oauth2/part3", "/oauth2/part3"),
        ("/users/4711?page=2", "/users/4711?page=2"),
        ("/call/0049/170/1234567", "/call/0049/170/1234567"),
        ("/c/12345678-1234-1234-abcd-0305e82c3301", "/c/12345678-1234-1234-abcd-0305e82c3301"),
        ("/users/{id}/3", "/users/{id}/3"),
    ],
)
def test_whole_segments_are_values(path, shape):
    assert path_shape(path) == shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("GET /users/4711", "GET /users/1111"),
        ("GET /blobs/9f8a7b6c5d/parts", "GET /blobs/1a1a1a1a1a/parts"),
        ("/users/4711", "/users/1111"),
        # No path, more than a path, a path that is not plain: these stay.
        ("user-4711", "user-4711"),
        ("GET users/4711", "GET users/4711"),
        ("/users/4711 GET", "/users/4711 GET"),
        ("GET /users/4711 now", "GET /users/4711 now"),
        ("GET /users/4711?page=2", "GET /users/4711?page=2"),
        ("GET", "GET"),
        ("", ""),
    ],
)
def test_paths_in_names_have_shapes(name, shape):
    assert name_shape(name) == shape


@pytest.mark.parametrize(
    ("statement", "values", "shape"),
    [
        ("SELECT a FROM t1 WHERE id = 42", ["42"], "SELECT a FROM t1 WHERE id = 11"),
        ("SELECT 1.25, 'Ann B' FROM t", ["1.25", "'Ann B'"], "SELECT 1.11, 'xxxxx' FROM t"),
        ("x IN (1, 22,333)", ["1", "22", "333"], "x IN (1, 11,111)"),
        ("GET cart:1234:items", ["1234"], "GET cart:1111:items"),
        (f"GET session:{UUID}", [UUID], "GET session:1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a"),
        ("SELECT '[REDACTED]', 'REDACTED', '***', '?'", [], "SELECT '[REDACTED]', 'REDACTED', '***', '?'"),
        ('{"find": "orders", "limit": 5}', [], '{"find": "orders", "limit": 5}'),
    ],
)
def test_plain_values_of_statements(statement, values, shape):
    assert statement_values(statement) == values
    assert statement_shape(statement) == shape


def test_other_marks_tell_where_values_show():
    assert path_shape("/a/12", OTHER_MARKS) == "/a/77"
    assert statement_shape(f"x = 'ab', :{UUID}", OTHER_MARKS) == "x = 'qq', :7b7b7b7b-7b7b-7b7b-7b7b-7b7b7b7b7b7b"


SEGMENTS = st.one_of(
    st.sampled_from(["users", "v1", "Api", "part3", "_uuid_", "{id}", "00", "0049", "report.pdf", "key-", "", "a b"]),
    st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{8,34}", fullmatch=True),
    st.uuids().map(str),
)
PATHS = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end, st.lists(SEGMENTS, max_size=6), st.sampled_from(["", "/"])
)
WORDS = st.sampled_from(
    [
        "SELECT",
        "a",
        "FROM",
        "t_1",
        "WHERE",
        "id",
        "=",
        "(",
        ")",
        ",",
        "IN (",
        "LIMIT",
        "'it''s'",
        '"x 12 y"',
        "GET",
        "cart:17:items",
        "-",
        "--",
        "/* 5 */",
        "::",
        ":1",
        "$1",
        "?",
        "N'x'",
        "'",
        "\\",
        "user-",
        "a1b2c3d4",
        "SAVEPOINT",
    ]
)
PARTS = st.one_of(
    WORDS,
    st.integers(0, 10**6).map(str),
    st.floats(0, 100).map(lambda number: f"{number:.2f}"),
    st.uuids().map(str),
    st.from_regex(r"'[A-Za-z0-9 ._:-]{0,12}'", fullmatch=True),
    st.from_regex(r"[0-9a-f]{8,20}", fullmatch=True),
)
STATEMENTS = st.builds(lambda parts, by: by.join(parts), st.lists(PARTS, max_size=10), st.sampled_from([" ", "", ":"]))
ROWS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["GET", "POST", "work", "GET /users/{id}"])
        | PATHS
        | st.builds("{} {}".format, st.sampled_from(["GET", "POST", "Load", "HTTP GET"]), PATHS),
        "kind": st.sampled_from(["client", "server", "internal"]),
        "http_method": st.sampled_from([None, "GET", "POST"]),
        "url_path": st.none() | PATHS,
        "db_system": st.sampled_from([None, "redis", "postgresql", "mysql", "elasticsearch"]),
        "db_statement": st.none() | STATEMENTS,
    }
)


@settings(max_examples=50, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12))
@example([{"name": "GET", "kind": "server", "url_path": f"/users/{number}"} for number in (11, 12)])
@example([{"name": f"GET /users/{number}", "kind": "server", "url_path": "/users"} for number in (11, 12)])
@example([{"name": "q", "kind": "client", "db_statement": "SELECT a0000000"}])
@example([{"name": "q", "kind": "client", "db_system": "mysql", "db_statement": f"t{{{n}}} 'x{n}'"} for n in (1, 2, 3)])
def test_what_is_shared_is_what_each_row_gives(rows):
    numbered = [row | {"span_id": place} for place, row in enumerate(rows, start=1)]
    together = derive_spans(spans(*numbered)).select(DERIVED).to_pylist()
    assert together == [derive_spans(spans(row)).select(DERIVED).to_pylist()[0] for row in numbered]
    assert together == [_slowly(row) for row in numbered]


def _slowly(row):
    """Derive of the row itself, whatever is alike."""
    found = derived._derive(*(row.get(name) or "" for name in derived._BASIS))
    return {name: getattr(found, name) for name in DERIVED}
