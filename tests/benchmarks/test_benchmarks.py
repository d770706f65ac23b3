from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.sources import Rejects, open_stream, recognise
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.exports import FORMATS, as_export
from tests.benchmarks.generate import generate
from tests.benchmarks.logs import LOG_FORMATS, records
from tests.benchmarks.peers import PEERS, fact_columns
from tests.benchmarks.vendors import VENDOR_FORMATS
from tests.benchmarks.whole_facts import COLUMNS as WHOLE_COLUMNS
from tests.benchmarks.whole_facts import WHOLE, without_walks

#: Percentiles of histograms lie within half a bucket, 1/128, of those of the values.
NEAR = 1 / 128


@pytest.fixture(scope="module")
def answers():
    table = generate(6_000, seed=11)
    return {name: peer(table) for name, peer in PEERS.items()}


@pytest.mark.parametrize("peer", [name for name in PEERS if name != "facts"])
@pytest.mark.parametrize("question", ["requests", "edges", "own time", "failures", "orphans", "tables"])
def test_peers_give_the_same_answers(answers, question, peer):
    ours, theirs = answers["facts"][question], answers[peer][question]
    assert ours
    assert set(ours) == set(theirs)
    for key, cells in ours.items():
        timed = question in ("requests", "edges")
        assert cells[: -1 if timed else None] == theirs[key][: -1 if timed else None], key
        if timed:
            assert cells[-1] == pytest.approx(theirs[key][-1], rel=NEAR), key


@pytest.fixture(scope="module")
def whole():
    table = generate(6_000, seed=11).select(WHOLE_COLUMNS)
    ours = generate(6_000, seed=11)
    return {name: without_walks(peer(ours if name == "facts" else table)) for name, peer in WHOLE.items()}


@pytest.mark.parametrize("peer", [name for name in WHOLE if name != "facts"])
@pytest.mark.parametrize("fact", ["operations", "requests"])
def test_peers_make_the_same_facts_to_the_last_exemplar(whole, fact, peer):
    assert whole["facts"][fact].num_rows > 20
    assert whole[peer][fact].equals(whole["facts"][fact])


def test_facts_read_no_more_than_they_name():
    table = generate(500)
    assert PEERS["facts"](table.select(fact_columns())) == PEERS["facts"](table)


@pytest.mark.parametrize("form", FORMATS)
def test_exports_are_read_back(tmp_path, form):
    table = generate(800, seed=2)
    path = tmp_path / "export"
    path.write_bytes(as_export(table, form))
    rejects = Rejects()
    with open_stream(str(path)) as stream:
        source = recognise(stream)
        spans = [row for batch in source.read(stream, rejects) for row in batch.spans.to_pylist()]
    assert form == source.NAME
    assert not rejects.rows()
    columns = ("trace_id_low", "span_id", "parent_span_id", "service", "name", "db_statement", "http_route", "status")
    assert sorted(tuple(str(row[name]) for name in columns[:-1]) for row in spans) == sorted(
        tuple(str(row[name]) for name in columns[:-1]) for row in table.to_pylist()
    )
    failed = {row["span_id"] for row in table.to_pylist() if row["status"] == "error"}
    assert {row["span_id"] for row in spans if row["status"] == "error"} == failed


@pytest.mark.parametrize("shown", VENDOR_FORMATS)
def test_exports_of_vendors_are_read_back(tmp_path, shown):
    table = generate(800, seed=2)
    form, write = VENDOR_FORMATS[shown]
    path = tmp_path / "export"
    path.write_bytes(write(table))
    rejects = Rejects()
    with open_stream(str(path)) as stream:
        source = recognise(stream)
        spans = [row for batch in source.read(stream, rejects) for row in batch.spans.to_pylist()]
    assert form == source.NAME
    assert not rejects.rows()
    columns = ["trace_id_low", "span_id", "parent_span_id", "service", "name", "db_statement", "http_route"]
    if form == "aws-xray":
        # A segment has the name of its service and no other.
        columns.remove("name")
    assert sorted(tuple(str(row[name]) for name in columns) for row in spans) == sorted(
        tuple(str(row[name]) for name in columns) for row in table.to_pylist()
    )
    failed = {row["span_id"] for row in table.to_pylist() if row["status"] == "error"}
    assert {row["span_id"] for row in spans if row["status"] == "error"} == failed


@pytest.mark.parametrize("shown", LOG_FORMATS)
def test_exports_of_logs_are_read_back(tmp_path, shown):
    made = list(records(300))
    form, write = LOG_FORMATS[shown]
    path = tmp_path / "cart.log"
    path.write_bytes(write(made))
    rejects = Rejects()
    with open_stream(str(path)) as stream:
        source = recognise(stream)
        read = [row for batch in source.read(stream, rejects) for row in batch.logs.to_pylist()]
    assert form == source.NAME
    assert not rejects.rows()
    assert {row["service"] for row in read} == {"cart"}
    # Istio's default format names no trace, and access logs tell no message.
    if shown != "access-log, Istio":
        assert {row["trace_id_low"] for row in read} == {int(record.trace[16:], 16) for record in made}
    if form != "access-log":
        # A line of prose is kept whole.
        said = (row["body"].rpartition(" : ")[2] for row in read)
        assert sorted(said) == sorted(record.message for record in made)
        assert len({row["severity"] for row in read}) == (1 if shown == "otlp-json, logs" else 4)


def test_measurements_are_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "bench.json"
    benchmarks.main(["--spans", "3000", "--json", str(target)])
    shown = capsys.readouterr().out
    written = json.loads(target.read_text())
    assert "all facts together" in shown
    names = {row["name"] for row in written["rows"]}
    assert {"otlp-json", "all facts together", "DuckDB", "Polars", "pandas", "plain Python", "all detectors"} <= names
    assert all(row["cpu_seconds"] >= 0 and row["spans"] > 0 for row in written["rows"])


def test_only_what_is_asked_for_is_measured(tmp_path: Path):
    target = tmp_path / "bench.json"
    benchmarks.main(["--spans", "1000", "--only", "planting", "--json", str(target)])
    assert {row["group"] for row in json.loads(target.read_text())["rows"]} == {"planting"}
