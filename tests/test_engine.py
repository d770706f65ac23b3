from __future__ import annotations

import ctypes
import json
import sys
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

import analysis
from analysis import facts
from analysis._allocation import keep_freed_memory
from analysis.engine import open_executor, scan_facts
from analysis.executors import worker_count
from tests.exports import otlp_lines, span
from tests.facts.rows import query
from tests.facts.rows import span as row
from tests.forests import TableDataset, TablePartition, span_table
from tests.shop import shop_file

NAMES = ("operations", "requests")


class Backwards(Executor):
    """Does at once what it is given, and is done with the last of it first."""

    def __init__(self) -> None:
        self.submitted = 0
        self.closed = False

    def submit(self, fn, /, *args, **kwargs):
        self.submitted += 1
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def shutdown(self, **_options):
        self.closed = True


def dataset(partitions: int) -> TableDataset:
    tables = [
        span_table(
            [
                row(1, ms=10 + number, trace_id_low=number + 1),
                query(2, 1, ms=5, trace_id_low=number + 1),
            ]
        )
        for number in range(64)
    ]
    merged = [tables[first::partitions] for first in range(partitions)]
    return TableDataset(
        tuple(TablePartition(span_table(line for table in group for line in table.to_pylist())) for group in merged)
    )


@pytest.fixture(scope="module")
def whole():
    return scan_facts(dataset(1), NAMES)


@pytest.mark.parametrize("partitions", [2, 7, 64])
def test_partitions_and_their_order_make_no_difference(whole, partitions):
    executor = Backwards()
    found = scan_facts(dataset(partitions), NAMES, engine=executor)
    assert executor.submitted >= 1
    assert not executor.closed
    assert {name: found[name].equals(whole[name]) for name in NAMES} == dict.fromkeys(NAMES, True)
    assert whole["requests"]["requests"].to_pylist() == [64]


def test_all_facts_of_no_partition_are_empty():
    found = scan_facts(TableDataset(()), sorted(facts.discover()))
    assert {name: table.num_rows for name, table in found.items()} == dict.fromkeys(sorted(facts.discover()), 0)


def test_progress_ends_with_all_partitions():
    told = []
    scan_facts(dataset(7), ["requests"], progress=lambda *said: told.append(said))
    assert told[-1] == ("facts", 7, 7)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_threads_and_processes_find_the_same_bytes(tmp_path: Path):
    spans = [
        one
        for trace in range(1, 31)
        for one in (
            span(trace, 1, length=9_000_000 + trace, status=2 * (trace % 5 == 0)),
            *(
                span(
                    trace, 2 + number, 1, name="SELECT", kind=3, start=number * 900_000, length=800_000,
                    attributes={"db.system.name": "postgresql", "db.query.text": f"SELECT * FROM t WHERE a = {number}"},
                )
                for number in range(8)
            ),
        )
    ]  # fmt: skip
    path = tmp_path / "traces.jsonl"
    path.write_bytes(otlp_lines(spans))
    texts = {}
    for engine in ("threads", "processes"):
        result = analysis.review(analysis.open_export(str(path)), engine=engine)
        result.save(tmp_path / engine)
        texts[engine] = (tmp_path / engine / "findings.json").read_bytes()
    assert texts["threads"] == texts["processes"]
    assert any(found["detector"] == "n_plus_one_queries" for found in json.loads(texts["threads"])["findings"])


@pytest.mark.parametrize(
    "engine", ["", "thread", "dask", "threads=0", "threads=x", "processes=", "cluster=tcp://127.0.0.1:1"]
)
def test_an_unknown_engine_is_named_with_those_there_are(engine):
    with pytest.raises(ValueError, match=r"unknown engine '.*': use threads, processes or dask="):
        open_executor(engine)


def test_engines_have_as_many_workers_as_is_said():
    for engine in ("threads=3", "processes=3"):
        with open_executor(engine) as executor:
            assert worker_count(executor) == 3


def test_an_error_in_a_partition_is_told():
    class Gone(TablePartition):
        def read(self, _columns=None):
            message = "the file is gone"
            raise FileNotFoundError(message)

    with pytest.raises(FileNotFoundError, match="gone"):
        scan_facts(TableDataset((Gone(span_table([])),), skew="off"), ["requests"])


def test_a_cluster_of_two_workers_over_tcp_finds_the_same_bytes(tmp_path: Path):
    from distributed import LocalCluster

    data = analysis.ingest([shop_file(tmp_path / "traces.jsonl")], tmp_path / "dataset", partitions=5)
    expected = json.dumps(analysis.review(data).to_json())
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", protocol="tcp://") as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://")
        found = json.dumps(analysis.review(data, engine=f"dask={address}").to_json())
    assert found == expected


def test_freed_memory_is_kept_where_the_c_library_can_be_asked():
    asked = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
    assert keep_freed_memory() == asked
