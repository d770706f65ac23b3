"""Splitting JSON of any size: strings, escapes, chunk borders, what stands between records."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import Rejects, _documents, _splitting
from analysis.sources._brackets import BracketScanner, complete_part, key_before
from analysis.sources._documents import Layout, units

LAYOUT = Layout(records={"data"}, wrappers={"trace"}, salvage={"spans"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
TRICKY = st.text(alphabet='{}[]"\\:, \n\tadt', max_size=14)
RECORD = st.dictionaries(TRICKY, TRICKY | st.lists(TRICKY, max_size=3) | JSON, min_size=1, max_size=4)


def split(content: bytes, chunk: int = 1 << 20) -> tuple[list, dict[str, int]]:
    class Chunks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(chunk if size is None or size < 0 else min(size, chunk))

    rejects = Rejects()
    found = list(units(Chunks(content), rejects, LAYOUT))
    return [(unit.key, unit.value) for unit in found], {row["reason"]: row["count"] for row in rejects.rows()}


@given(st.lists(RECORD, max_size=4), st.integers(1, 40), st.sampled_from([None, 1]))
def test_records_of_a_wrapped_array_are_found_whatever_their_texts_hold(records, chunk, indent):
    content = json.dumps({"limit": "]}", "data": records, "total": {"data": 1}}, indent=indent).encode()
    found, reasons = split(content, chunk)
    assert found == [("data", record) for record in records]
    assert not reasons


@given(st.lists(RECORD, min_size=1, max_size=4), st.integers(1, 40))
def test_elements_of_an_array_and_objects_in_a_row(records, chunk):
    assert split(json.dumps(records).encode(), chunk) == ([("", record) for record in records], {})
    keyed = [{**record, "x": 1} for record in records if not record.keys() & {"data", "trace"}]
    row = b" ".join(json.dumps(record).encode() for record in keyed)
    assert split(row, chunk) == ([("", record) for record in keyed], {})


@given(st.lists(RECORD, min_size=2, max_size=5))
def test_lines(records):
    content = b"\n".join(json.dumps(record).encode() for record in records)
    assert split(content) == ([("", record) for record in records], {})


@given(RECORD, st.integers(1, 7))
def test_brackets_are_found_as_a_plain_reading_finds_them(record, chunk):
    content = json.dumps(record).encode()
    expected, inside, escaped = [], False, False
    for offset, byte in enumerate(content):
        if escaped:
            escaped = False
        elif inside and byte == ord("\\"):
            escaped = True
        elif byte == ord('"'):
            inside = not inside
        elif not inside and byte in b"{}[]":
            expected.append((offset, byte in b"{["))
    scanner, found = BracketScanner(), []
    for start in range(0, len(content), chunk):
        offsets, opens = scanner.scan(content[start : start + chunk])
        found += [(start + int(offset), bool(opening)) for offset, opening in zip(offsets, opens, strict=True)]
    assert found == expected


@given(st.lists(RECORD, min_size=1, max_size=4), st.data())
def test_the_whole_part_of_what_is_cut_off_is_json_and_a_prefix(spans, data):
    content = json.dumps({"id": "a", "spans": spans, "after": 1}).encode()
    cut = data.draw(st.integers(1, len(content) - 1))
    part = complete_part(content[:cut], {"spans"})
    if part is not None:
        value = json.loads(part)
        assert value["id"] == "a"
        assert value["spans"] == spans[: len(value["spans"])]


def test_wrappers_positions_and_other_members():
    content = b'{"a": {"data": [1]}, "trace": {"x": [2], "data": [{"i": 0}, {"i": 1}]}, "data": {"i": 2}}'
    rejects = Rejects()
    found = [(unit.key, unit.value["i"], unit.position) for unit in units(io.BytesIO(content), rejects, LAYOUT)]
    assert found == [("data", 0, "data[0]"), ("data", 1, "data[1]"), ("data", 2, "data")]
    assert not rejects.rows()


@pytest.mark.parametrize(
    ("content", "values", "reasons"),
    [
        (b'[{"a":1}, 7, {"b":2}]', [{"a": 1}, {"b": 2}], {"text that is no record": 1}),
        (b'[{"a":1}, {bad}, {"b":2}]', [{"a": 1}, {"b": 2}], {"not JSON": 1}),
        (b'{"a":1}]]{"b":2}', [{"a": 1}, {"b": 2}], {"text that is no record": 2}),
        (b'prose {"a":1} prose', [{"a": 1}], {"text that is no record": 2}),
        (b'[{"a":1}', [{"a": 1}], {"the document is cut off": 1}),
        (b'[{"a":"', [], {"the document is cut off": 1}),
        (b'{"data":[{"a":1},', [{"a": 1}], {"the document is cut off": 1}),
        (b'{"data":[]}', [], {}),
        (b"[]", [], {}),
        (b"", [], {}),
        (b"[" * 5000, [], {"the document is cut off": 1}),
        (b'[{"a":' + b"[" * 5000 + b"]" * 5000 + b'},{"b":2}]', [{"b": 2}], {"not JSON": 1}),
    ],
)
def test_what_is_broken_is_refused_and_the_rest_kept(content, values, reasons):
    found, refused = split(content)
    assert [value for _, value in found] == values
    assert refused == reasons


def test_a_flood_of_brackets_that_close_nothing_ends():
    found, refused = split(b'{"a":1}' + b"]" * 3_000_000, 4 << 20)
    assert found == [("", {"a": 1})]
    assert refused == {"text that is no record": 1002}


def test_a_record_beyond_the_limit_is_refused_and_the_next_kept(monkeypatch):
    monkeypatch.setattr(_documents, "UNIT_LIMIT", 1000)
    monkeypatch.setattr(_splitting, "UNIT_LIMIT", 1000)
    monkeypatch.setattr(_documents, "_FIRST_LINE", 100)
    big = json.dumps({"a": "x" * 5000}).encode()
    assert split(b"[" + big + b', {"b": 2}]', 100) == ([("", {"b": 2})], {"record is too large": 1})
    lines = b'{"a": 1}\n' + big + b'\n{"b": 2}\n'
    assert split(lines, 100) == ([("", {"a": 1}), ("", {"b": 2})], {"record is too large": 1})


def test_memory_holds_one_record(monkeypatch):
    class Endless:
        """A response of 64 MiB that nobody wrote down."""

        left = 64

        def read(self, size: int = -1, /) -> bytes:
            assert size == 1 << 20
            self.left -= 1
            record = b'{"a":"' + b"x" * 8170 + b'"},'
            return (b'{"data":[' if self.left == 63 else b"") + record * 128 if self.left > 0 else b""

    import tracemalloc

    monkeypatch.setattr(_documents, "_CHUNK", 1 << 20)
    tracemalloc.start()
    count = sum(1 for _ in units(Endless(), Rejects(), LAYOUT))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 63 * 128
    # The first chunks, while it looks for a line, and then one chunk at a time with its index of brackets.
    assert peak < 120 << 20


def test_key_before():
    assert key_before(b'{"spans" : [', 11) == "spans"
    assert key_before(b"[[", 1) == ""
    assert key_before(b'"a" [', 4) == ""
    assert key_before(b'"a\\"b": [', 8) == "b"


def test_scanning_yields_arrays_of_positions():
    offsets, opens = BracketScanner().scan(b'{"a":[]}')
    assert np.array_equal(offsets, [0, 5, 6, 7])
    assert np.array_equal(opens, [True, True, False, False])
