from __future__ import annotations

import json
import subprocess
from importlib import import_module
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from analysis.sources import Rejects, open_stream, recognise
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.exports import FORMATS, as_export
from tests.benchmarks.generate import generate
from tests.benchmarks.logs import LOG_FORMATS, records
from tests.benchmarks.peers import CONTESTANTS, by_facts, costs
from tests.benchmarks.peers.whole import NAMES, as_fact, as_stored
from tests.benchmarks.vendors import VENDOR_FORMATS


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peers")
    return benchmarks.dataset(generate(12_000, seed=11), folder / "spans").partitions[0].location


@pytest.fixture(scope="module")
def made(stored):
    tables = {"facts": {name: as_stored(name, fact) for name, fact in by_facts.make(stored, str).items()}}
    for name, module in CONTESTANTS.items():
        if name != "facts":
            peer = import_module(f"tests.benchmarks.peers.{module}")
            parts = peer.as_parts(peer.make(stored, str))
            tables[name] = {fact: as_fact(fact, told) for fact, told in parts.items()}
    return tables


@pytest.mark.parametrize("peer", [name for name in CONTESTANTS if name != "facts"])
@pytest.mark.parametrize("fact", NAMES)
def test_peers_make_the_same_facts_to_the_last_exemplar(made, fact, peer):
    ours, theirs = made["facts"][fact], made[peer][fact]
    assert ours.num_rows > 20
    assert theirs.schema == ours.schema
    assert theirs.num_rows == ours.num_rows
    for column in ours.column_names:
        assert theirs[column].equals(ours[column]), column


def test_generated_spans_have_what_the_facts_count(made):
    """Sums that are zero everywhere would be equal whatever a peer made of them."""
    counted = {
        "requests": ("errors", "orphaned"),
        "visits": ("failures",),
        "operations": ("errors", "self_ns", "critical_ns"),
        "coverage": ("with_outcome", "with_route", "data_calls", "with_peer", "with_destination", "with_error_type"),
        "data_access": ("errors", "confidence"),
        "calls": ("errors", "paired", "server_ns"),
    }
    for fact, columns in counted.items():
        for column in columns:
            assert pc.sum(made["facts"][fact][column]).as_py() > 0, (fact, column)
    assert set(made["facts"]["calls"]["kind"].to_pylist()) == {"sync", "async", "data"}


def test_facts_read_no_more_than_they_name(stored):
    with pq.ParquetFile(stored) as file:
        assert set(by_facts.columns()) < set(file.schema_arrow.names)


def test_a_contestant_is_measured_in_a_process_of_its_own(stored):
    told = costs(stored, ["Polars"])
    assert list(told) == ["Polars"]
    steps = told["Polars"]
    assert list(steps) == ["planting", "requests", "visits", "pauses", "critical path", *NAMES[3:]]
    assert all(seconds >= 0 for seconds in steps.values())
    assert sum(steps.values()) > 0


def test_a_contestant_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        costs(str(tmp_path / "missing.parquet"), ["pandas"])


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
    assert {
        "otlp-json",
        "all facts together",
        "DuckDB",
        "Polars",
        "pandas",
        "facts: calls",
        "pandas: calls",
        "all detectors",
    } <= names
    assert all(row["cpu_seconds"] >= 0 and row["spans"] > 0 for row in written["rows"])


def test_only_what_is_asked_for_is_measured(tmp_path: Path):
    target = tmp_path / "bench.json"
    benchmarks.main(["--spans", "1000", "--only", "planting", "--json", str(target)])
    assert {row["group"] for row in json.loads(target.read_text())["rows"]} == {"planting"}
