"""``archreview critical-path``: what a request waited for, of all traces or of one."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.commands.run import run
from tests.commands.shapes import CRITICAL_PATH, differences
from tests.exports import otlp, span
from tests.shop import MS, TRACES, shop_file

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("path") / "shop.jsonl")


@pytest.fixture
def two(tmp_path):
    """One trace with an id of 128 bits and one with 64; each has a root of 10 ms with a child of 4 ms in it."""
    spans = []
    for trace, number in ((TRACE, 1), ("00000000000000008448eb211c8031ff", 11)):
        spans.append(span(trace, number, length=10 * MS))
        spans.append(span(trace, number + 1, number, name="load", kind=1, start=3 * MS, length=4 * MS))
    file = tmp_path / "two.json"
    file.write_bytes(otlp(spans))
    return file


def test_json_has_the_members_that_scripts_build_on(capsys, path):
    said = json.loads(run(capsys, "critical-path", path).out)
    assert differences(said, CRITICAL_PATH) == []
    assert len(said["traces"]) == TRACES
    # The queries run one after the other in the request, five of 10 ms in each trace and one more.
    queries = next(row for row in said["operations"] if row["service"] == "cart" and "GET" not in row["operation"])
    assert queries["traces"] == TRACES


def test_sections_go_from_the_end_backwards(capsys, two):
    said = json.loads(run(capsys, "critical-path", two, "--trace", TRACE).out)
    (trace,) = said["traces"]
    first = trace["sections"][-1]["start_ns"]
    pieces = [(item["span_id"][-1], item["start_ns"] - first, item["end_ns"] - first) for item in trace["sections"]]
    assert pieces == [("1", 7 * MS, 10 * MS), ("2", 3 * MS, 7 * MS), ("1", 0, 3 * MS)]
    assert {item["span_id"][-1]: item["exclusive_ns"] for item in trace["spans"]} == {"1": 6 * MS, "2": 4 * MS}


@pytest.mark.parametrize("form", ["json", "csv", "text"])
@pytest.mark.parametrize(
    "asked",
    [
        TRACE,
        TRACE.upper(),
        f" {TRACE} ",
        "8448eb211c80319c",
        "8448EB211C80319C",
        "0af76519-16cd-43dd-8448-eb211c80319c",
    ],
)
def test_a_trace_is_found_however_its_id_is_written(capsys, two, form, asked):
    said = run(capsys, "critical-path", two, "--trace", asked, "--format", form)
    assert said.code == 0
    if form == "json":
        assert [trace["trace_id"] for trace in json.loads(said.out)["traces"]] == [TRACE]
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(said.out)))
        assert {row["trace_id"] for row in rows} == {TRACE}
        assert len(rows) == 3
    else:
        assert said.out.startswith(f"trace {TRACE}: 10 ms\n")
        assert said.out.splitlines()[3].split() == ["0", "ms", "3", "ms", "0000000000000001", "shop", "GET", "/cart"]


def test_a_64_bit_id_is_found_by_its_digits(capsys, two):
    said = run(capsys, "critical-path", two, "--trace", "8448eb211c8031ff")
    assert [trace["trace_id"] for trace in json.loads(said.out)["traces"]] == ["00000000000000008448eb211c8031ff"]


@pytest.mark.parametrize("form", ["json", "csv", "text"])
@pytest.mark.parametrize("asked", ["ffff", "no such trace", ""])
def test_a_trace_that_is_not_there_is_said(capsys, two, form, asked):
    said = run(capsys, "critical-path", two, "--trace", asked, "--format", form)
    assert said.code == 1
    assert f"there is no trace {asked!r}" in said.err
    assert said.out == ""


def test_text_tells_operations_and_where_failures_began(capsys, path):
    said = run(capsys, "critical-path", path, "--format", "text")
    assert f"{TRACES} traces" in said.out
    assert "failures, by where they began" in said.out
    began = said.out.split("began", 1)[1]
    assert "billing POST /charges" in began
    assert "10 reached the root" in began


def test_spans_without_a_time_have_no_path(capsys, tmp_path):
    file = tmp_path / "timeless.json"
    file.write_bytes(otlp([span(1, 1, startTimeUnixNano="", endTimeUnixNano="")]))
    for form in ("json", "csv", "text"):
        assert run(capsys, "critical-path", file, "--format", form).code == 0
    assert "no span has a time" in run(capsys, "critical-path", file, "--format", "text").out
