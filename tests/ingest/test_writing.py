"""Datasets on disk: whole or absent, the same bytes for the same exports, one writer at a time."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.dataset import ingest, open_dataset, open_export, open_source
from analysis.ingest import BusyDataset
from analysis.ingest.locking import LOCK, writing
from analysis.ingest.partition_files import partition_count
from analysis.ingest.storage import TEMPORARY, Folder, parquet_bytes, read_table
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources import UnreadableExport
from tests.exports import log, otlp, span

ROOT = Path(__file__).resolve().parents[2]


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def exports(folder: Path, count: int, traces: int = 20) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        spans = [span(trace * 7919, number + 1, service=f"s{number}") for trace in range(1, traces + 1)]
        (folder / f"{number}.json").write_bytes(otlp(spans, [log(f"line {number}", 7919, time=number)]))
    return folder


def test_dataset_is_parquet_beside_a_manifest(tmp_path):
    data = ingest(exports(tmp_path / "in", 3), tmp_path / "out", partitions=4)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["logs", "manifest.json", "spans"]
    spans = [pq.read_table(path) for path in sorted((tmp_path / "out/spans").iterdir())]
    assert len(spans) == len(list((tmp_path / "out/logs").iterdir())) == 4
    assert sum(table.num_rows for table in spans) == data.totals.spans == 60
    assert all(table.schema.remove_metadata().equals(SPAN_SCHEMA) for table in spans)
    assert (data.totals.logs, data.services) == (3, ("s0", "s1", "s2", "shop"))


def test_any_numbers_are_read_as_they_were_written(tmp_path):
    # Times as far apart as can be: their difference does not fit in 64 bits.
    times = [-(2**63), 2**63 - 1, None, 0, -1, 1_760_000_000_000_000_000] * 50
    given = {
        "start_ns": times,
        "duration_ns": times[::-1],
        "multiplicity": list(range(300)),
        "weight": [1.0, None] * 150,
    }
    columns = [pa.array(given.get(item.name, [None] * 300), item.type) for item in SPAN_SCHEMA]
    table = pa.table(columns, schema=SPAN_SCHEMA)
    (tmp_path / "spans.parquet").write_bytes(parquet_bytes(table))
    assert read_table(str(tmp_path / "spans.parquet")).equals(table)


def test_columns_without_a_value_are_not_decoded(tmp_path):
    texts = ["a", None, "b"]
    columns = [pa.array(texts if item.name == "service" else [None] * 3, item.type) for item in SPAN_SCHEMA]
    table = pa.table(columns, schema=SPAN_SCHEMA)
    stored = tmp_path / "spans.parquet"
    stored.write_bytes(parquet_bytes(table))
    group = pq.ParquetFile(stored).metadata.row_group(0)
    chunks = [group.column(place) for place in range(group.num_columns)]
    content = bytearray(stored.read_bytes())
    for chunk in chunks:
        if chunk.path_in_schema != "service":
            begin = chunk.dictionary_page_offset or chunk.data_page_offset
            content[begin : begin + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    stored.write_bytes(content)
    assert read_table(str(stored)).equals(table)
    for chosen in (["links", "service", "db_rows"], ["links"]):
        assert read_table(str(stored), chosen).equals(table.select(chosen))


def test_partitions_are_read_as_they_were_made(tmp_path):
    source = exports(tmp_path / "in", 3)
    held, stored = open_export(source, skew="off"), ingest(source, tmp_path / "out", skew="off")
    assert stored.partitions[0].read().equals(held.partitions[0].read())
    assert stored.log_partitions[0].read().equals(held.log_partitions[0].read())
    assert (stored.totals, stored.window, stored.inputs) == (held.totals, held.window, held.inputs)
    table = stored.partitions[0].read()
    assert all(column.num_chunks == 1 for column in table.columns)
    dictionary = table["service"].chunk(0).dictionary.to_pylist()
    assert dictionary == sorted(dictionary)
    assert stored.log_partitions[0].read().schema.equals(LOG_SCHEMA)
    assert stored.partitions[0].read(["service", "span_id"]).column_names == ["service", "span_id"]


def test_same_content_adds_nothing_under_any_name(tmp_path):
    source = exports(tmp_path / "in", 2)
    ingest(source, tmp_path / "out")
    before = files(tmp_path / "out")
    ingest(source, tmp_path / "out")
    shutil.copy(source / "0.json", tmp_path / "renamed.json")
    ingest(tmp_path / "renamed.json", tmp_path / "out")
    with (source / "1.json").open("rb") as given_stream:
        subprocess.run([sys.executable, "-c", _INGEST, "-", tmp_path / "out"], stdin=given_stream, cwd=ROOT, check=True)
    assert files(tmp_path / "out") == before


def test_extending_gives_the_rows_of_reading_all_at_once(tmp_path):
    source = exports(tmp_path / "in", 4)
    ingest([source / "2.json", source / "0.json"], tmp_path / "steps", partitions=2)
    ingest([source / "3.json"], tmp_path / "steps")
    steps = ingest([source / name for name in ("0.json", "1.json", "2.json", "3.json")], tmp_path / "steps")
    ingest([source / f"{number}.json" for number in range(4)], tmp_path / "once", partitions=2)
    assert files(tmp_path / "steps") == files(tmp_path / "once")
    assert [one.path for one in steps.inputs] == ["0.json", "1.json", "2.json", "3.json"]


def test_late_part_completes_a_stored_span(tmp_path):
    early, late = tmp_path / "early.json", tmp_path / "late.json"
    early.write_bytes(otlp([span(1, 1, name="GET /a", attributes={"http.route": "/a"})]))
    late.write_bytes(otlp([span(1, 1, name="GET /a", attributes={"http.request.method": "GET"}), span(1, 2, 1)]))
    ingest(early, tmp_path / "out")
    data = ingest(late, tmp_path / "out")
    rows = data.partitions[0].read(["span_id", "http_route", "http_method"]).to_pylist()
    assert rows == [
        {"span_id": 1, "http_route": "/a", "http_method": "GET"},
        {"span_id": 2, "http_route": None, "http_method": None},
    ]
    assert ([one.spans for one in data.inputs], data.totals.spans) == ([1, 2], 2)


def test_partition_that_gains_nothing_keeps_its_file(tmp_path):
    ingest(exports(tmp_path / "in", 2), tmp_path / "out", partitions=8)
    before = set(files(tmp_path / "out"))
    (tmp_path / "one.json").write_bytes(otlp([span(5, 5)]))
    ingest(tmp_path / "one.json", tmp_path / "out")
    assert len(set(files(tmp_path / "out")) - before) == 1


def test_manifest_holds_no_time_machine_or_absolute_path(tmp_path):
    source = exports(tmp_path / "in", 1)
    ingest([source / "0.json"], tmp_path / "out")
    text = (tmp_path / "out/manifest.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["inputs"][0]["path"] == "0.json"
    shutil.copytree(source, tmp_path / "elsewhere")
    ingest([tmp_path / "elsewhere/0.json"], tmp_path / "again")
    assert files(tmp_path / "out") == files(tmp_path / "again")


def test_number_of_partitions_stays(tmp_path):
    source = exports(tmp_path / "in", 1)
    assert len(ingest(source, tmp_path / "out", partitions=3).partitions) == 3
    assert len(ingest(exports(tmp_path / "more", 2), tmp_path / "out").partitions) == 3
    with pytest.raises(ValueError, match="has 3 partitions"):
        ingest(source, tmp_path / "out", partitions=4)
    with pytest.raises(ValueError, match="at least one"):
        ingest(source, tmp_path / "new", partitions=0)


@pytest.mark.parametrize(
    ("spans", "logs", "count"), [(0, 0, 1), (200_000, 0, 1), (200_001, 0, 2), (900_000, 1, 8), (0, 600_000, 2)]
)
def test_number_of_partitions_follows_the_rows(spans, logs, count):
    assert partition_count({"spans": spans, "logs": logs}) == count


def test_datasets_live_in_object_stores(tmp_path):
    source = exports(tmp_path / "in", 3)
    ingest(source, tmp_path / "out", partitions=2)
    remote = ingest(source / "0.json", "memory://store-here/data", partitions=2, skew="off")
    assert remote.totals.spans == 20
    remote = ingest(source, "memory://store-here/data", skew="off")
    store = fsspec.filesystem("memory")
    assert len(store.find("/store-here/data/spans")) == 2
    assert not store.exists("/store-here/data/.lock")
    local = open_dataset(tmp_path / "out", skew="off")
    assert remote.spans().equals(local.spans())
    assert open_source("memory://store-here/data", skew="off").totals == remote.totals


def test_source_is_a_dataset_or_exports(tmp_path):
    source = exports(tmp_path / "in", 2)
    ingest(source, tmp_path / "out")
    assert open_source(tmp_path / "out").partitions[0].location is not None
    assert open_source([source]).partitions[0].table is not None
    with pytest.raises(ValueError, match="give it alone"):
        open_source([tmp_path / "out", source])
    with pytest.raises(UnreadableExport, match="there is no dataset"):
        open_dataset(source)


@pytest.mark.parametrize("content", ["{", '{"schema": "archreview/dataset/9"}', '{"schema": "archreview/dataset/1"}'])
def test_damaged_manifest_is_said(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    if content == "{":
        with pytest.raises(UnreadableExport, match="damaged"):
            open_dataset(tmp_path)
    else:
        with pytest.raises(UnreadableExport, match=r"manifest\.json"):
            open_dataset(tmp_path)


def test_file_that_vanished_is_said(tmp_path):
    data = ingest(exports(tmp_path / "in", 1), tmp_path / "out")
    shutil.rmtree(tmp_path / "out/spans")
    with pytest.raises(UnreadableExport, match="Open the dataset again"):
        data.partitions[0].read()


def test_failed_reading_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnreadableExport):
        ingest(tmp_path / "gone.json", tmp_path / "out")
    assert files(tmp_path / "out") == {}


def test_second_writer_is_refused_and_told_why(tmp_path):
    source = exports(tmp_path / "in", 1)
    for to in (str(tmp_path / "out"), "memory://locked-here/data"):
        with writing(Folder(to)), pytest.raises(BusyDataset, match=r"is writing to this dataset.*remove .*\.lock"):
            ingest(source, to)
        assert ingest(source, to).totals.spans == 20


def test_lock_of_a_killed_writer_is_in_nobodys_way(tmp_path):
    source = exports(tmp_path / "in", 1)
    over = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    with writing(Folder("memory://stale-here/data")):
        signature = fsspec.filesystem("memory").cat_file("/stale-here/data/.lock")
    stale = json.dumps({**json.loads(signature), "process": int(over.stdout)}).encode()
    fsspec.filesystem("memory").pipe_file("/stale-here/data/.lock", stale)
    assert ingest(source, "memory://stale-here/data").totals.spans == 20
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).write_bytes(stale)
    assert ingest(source, tmp_path / "out").totals.spans == 20
    # A writer of another machine cannot be asked whether it still runs.
    elsewhere = json.dumps({"process": 1, "machine": "elsewhere"}).encode()
    fsspec.filesystem("memory").pipe_file("/stale-here/data/.lock", elsewhere)
    with pytest.raises(BusyDataset, match="process 1 on elsewhere"):
        ingest(source, "memory://stale-here/data")


def test_unfinished_files_are_never_read_and_go_with_the_next_writer(tmp_path):
    data = ingest(exports(tmp_path / "in", 1), tmp_path / "out")
    before = files(tmp_path / "out")
    for name in (
        "spans/part-00000-0000000000000000.parquet",
        f"logs/{TEMPORARY}part-00000-1.parquet",
        f"{TEMPORARY}runs/x",
    ):
        path = tmp_path / "out" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    (tmp_path / "out/spans/notes.txt").write_text("somebody else's")
    assert open_dataset(tmp_path / "out").totals == data.totals
    ingest(tmp_path / "in", tmp_path / "out")
    assert {**before, "spans/notes.txt": hashlib.sha256(b"somebody else's").hexdigest()} == files(tmp_path / "out")


_INGEST = """
import sys
from analysis.dataset import ingest
ingest(sys.argv[1], sys.argv[2], progress=lambda *told: print(*told, flush=True))
"""


def _killed_at(moment: str, source: Path, to: Path) -> bool:
    """Ingest in another process, and kill that when it tells of a moment; return whether it did."""
    command = [sys.executable, "-c", _INGEST, str(source), str(to)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(moment):
                process.send_signal(signal.SIGKILL)
                break
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "moment", ["files 0", "files 2", "partitions 0", "partitions 1", "partitions 3", "partitions 4"]
)
def test_killed_at_any_moment_the_dataset_is_what_it_was(tmp_path, moment):
    first, second = exports(tmp_path / "a", 2), exports(tmp_path / "b", 4, traces=40)
    ingest(first, tmp_path / "undisturbed", partitions=4)
    shutil.copytree(tmp_path / "undisturbed", tmp_path / "killed")
    before = open_dataset(tmp_path / "killed", skew="off")
    rows = before.spans()
    assert _killed_at(moment, second, tmp_path / "killed")
    after = open_dataset(tmp_path / "killed", skew="off")
    # On a busy machine the signal may come late: after the last partition the manifest is all that is still to write.
    if moment not in {"partitions 3", "partitions 4"} or after.totals == before.totals:
        assert after.totals == before.totals
        assert after.spans().equals(rows)
    ingest(second, tmp_path / "killed")
    ingest(second, tmp_path / "undisturbed")
    assert files(tmp_path / "killed") == files(tmp_path / "undisturbed")


def test_killed_before_it_was_whole_there_is_no_dataset(tmp_path):
    source = exports(tmp_path / "in", 3)
    assert _killed_at("partitions 0", source, tmp_path / "out")
    with pytest.raises(UnreadableExport, match="there is no dataset"):
        open_dataset(tmp_path / "out")
    ingest(source, tmp_path / "out")
    ingest(source, tmp_path / "undisturbed")
    assert files(tmp_path / "out") == files(tmp_path / "undisturbed")


SPANS = st.lists(
    st.builds(
        span,
        st.one_of(st.integers(1, 6), st.sampled_from(["00000000000000010000000000000001", "0" * 31 + "2"])),
        st.integers(1, 4),
        st.integers(0, 4),
        service=st.sampled_from(["", "shop", "cart"]),
        name=st.sampled_from(["GET /a", "GET /b"]),
        start=st.integers(0, 3),
        length=st.integers(0, 3),
        status=st.sampled_from([0, 2]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25)
@given(SPANS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_order_of_files_and_spans_decides_no_byte(spans, partitions, shuffler: random.Random):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        halves = [spans[::2], spans[1::2] or spans[:1]]
        logs = [log(f"line {place}", place % 3, time=place % 2) for place in range(4)]
        for to in ("one", "two"):
            source = folder / to
            source.mkdir()
            for place, half in enumerate(halves):
                # A line of its own: two exports with one content would be one.
                (source / f"{place}.json").write_bytes(otlp(half, [*logs, log(f"of file {place}", 1, time=2)]))
                shuffler.shuffle(half)
                shuffler.shuffle(logs)
            given_order = sorted(source.iterdir(), reverse=to == "two")
            ingest(given_order, folder / f"{to}-out", partitions=partitions)
        one, two = (files(folder / f"{to}-out") for to in ("one", "two"))
        manifests = [json.loads((folder / f"{to}-out/manifest.json").read_text()) for to in ("one", "two")]
        # The contents differ in the order of their spans, so their hashes do; nothing else may.
        for manifest in manifests:
            for row in manifest["inputs"]:
                del row["content"]
        del one["manifest.json"], two["manifest.json"]
        assert (one, manifests[0]) == (two, manifests[1])


@settings(max_examples=25)
@given(SPANS)
def test_no_span_is_lost_between_export_and_dataset(spans):
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a.json").write_bytes(otlp(spans))
        data = ingest(Path(name) / "a.json", Path(name) / "out", partitions=3, skew="off")
        frame = data.spans(["trace_id", "span_id", "name", "raw_start_ns"])
    exported = {(one["traceId"], one["spanId"]) for _, one in spans}
    kept = set(zip(frame["trace_id"], frame["span_id"], strict=True))
    joined = {
        ("0" * 15 + "1" + "0" * 15 + "1" if trace[16:] == "0" * 15 + "1" else trace, number)
        for trace, number in exported
    }
    whole = any(trace.startswith("0" * 15 + "1") for trace, _ in exported)
    assert kept == (joined if whole else exported)
    assert len(frame) == len(kept) == data.totals.spans
    conflicts = sum(row["count"] for row in data.totals.rejected)
    distinct = {(service, str(one)) for service, one in spans}
    assert len(kept) + conflicts <= len(distinct)
