"""Files become entries and rows: mixed folders, damaged and empty files, repeated contents."""

from __future__ import annotations

import gzip
import io
import sys
from functools import partial
from pathlib import Path

import fsspec
import pytest

from analysis.dataset import Dataset, Input, open_export
from analysis.ingest import read_exports, reading
from analysis.ingest.spool import Spool
from analysis.ingest.tally import iso_time
from analysis.sources import UnreadableExport
from tests.exports import MINUTE_NS, log, otlp, otlp_lines, span

CART = [span(1, 1, service="shop"), span(1, 2, 1, service="cart", kind=3, start=100, length=400, status=2)]


def opened(*paths) -> Dataset:
    return open_export([str(path) for path in paths], skew="off")


def entry(dataset: Dataset, path: str) -> Input:
    (found,) = [one for one in dataset.inputs if one.path == path]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of one good export, one cut short, one empty, one that is none, and one without a record."""
    (tmp_path / "good.json").write_bytes(otlp(CART, [log("cart is empty", 1, 2, service="cart")]))
    (tmp_path / "cut.jsonl.gz").write_bytes(
        gzip.compress(otlp_lines(span(9, n) for n in range(1, 400)), mtime=0)[:-600]
    )
    (tmp_path / "empty.json").touch()
    (tmp_path / "README.md").write_text("# How these were recorded\n")
    (tmp_path / "norecord.json").write_text('{"resourceSpans": []}')
    return tmp_path


def test_mixed_folder_has_an_entry_for_each_file(folder):
    data = opened(folder)
    assert [one.path for one in data.inputs] == [
        "README.md",
        "cut.jsonl.gz",
        "empty.json",
        "good.json",
        "norecord.json",
    ]
    assert [one.format for one in data.inputs] == ["unknown", "otlp-json", "unknown", "otlp-json", "otlp-json"]
    assert [one.unreadable for one in data.inputs] == [True, False, True, False, False]
    # What merely lies in a folder is noted, not refused.
    assert entry(data, "README.md").rejected == ()
    assert entry(data, "README.md").notes
    assert entry(data, "empty.json").notes == ("the file is empty",)
    assert entry(data, "norecord.json").notes == ("well formed, without a record",)


def test_counts_of_an_export(folder):
    good = entry(opened(folder), "good.json").to_json()
    assert good == {
        "path": "good.json",
        "format": "otlp-json",
        "traces": 1,
        "spans": 2,
        "logs": 1,
        "services": ["cart", "shop"],
        "root_spans": 1,
        "error_spans": 1,
        "first": "2026-11-23T10:00:00Z",
        "last": "2026-11-23T10:00:00.000001Z",
        "rejected": [],
        "notes": [],
    }


def test_export_cut_short_keeps_what_came_before(folder):
    cut = entry(opened(folder), "cut.jsonl.gz")
    assert 0 < cut.spans < 399
    assert any("cut off" in row["reason"] + row["example"] for row in cut.rejected)


def test_named_files_that_cannot_be_read_are_refused(folder):
    data = opened(folder / "good.json", folder / "empty.json", folder / "README.md", folder / "gone.json")
    refused = {Path(one.path).name: [row["reason"] for row in one.rejected] for one in data.inputs if one.unreadable}
    assert refused["empty.json"] == ["the file is empty"]
    assert refused["gone.json"] == ["there is no such file"]
    assert refused["README.md"][0].startswith("unknown format")
    assert data.totals.spans == 2


@pytest.mark.parametrize("name", ["empty.json", "README.md", "gone.json", "*.nothing"])
def test_nothing_read_at_all_is_an_error_that_names_the_file(folder, name):
    with pytest.raises(UnreadableExport) as error:
        opened(folder / name)
    assert name in str(error.value)


def test_folder_without_a_file_is_an_error(tmp_path):
    with pytest.raises(UnreadableExport, match="no file"):
        opened(tmp_path)


def test_export_without_a_record_is_none(folder):
    data = opened(folder / "norecord.json")
    assert (data.totals.spans, data.window, data.services, len(data.spans())) == (0, None, (), 0)
    assert len(data.logs()) == 0


def test_same_content_under_two_names_counts_once(folder):
    (folder / "again.json.gz").write_bytes(gzip.compress((folder / "good.json").read_bytes()))
    data = opened(folder / "good.json", folder / "again.json.gz")
    assert [(Path(one.path).name, one.spans, one.logs) for one in data.inputs] == [
        ("again.json.gz", 2, 1),
        ("good.json", 2, 1),
    ]
    assert (data.totals.spans, data.totals.logs, data.totals.error_spans) == (2, 1, 1)
    assert sum(partition.rows for partition in data.partitions) == 2


def test_same_spans_in_two_exports_count_once_in_all(folder):
    (folder / "more.json").write_bytes(otlp([*CART, span(2, 7)]))
    data = opened(folder / "good.json", folder / "more.json")
    assert [one.spans for one in data.inputs] == [2, 3]
    assert (data.totals.spans, data.totals.traces) == (3, 2)


def test_conflict_is_counted_with_its_ids(tmp_path):
    (tmp_path / "a.json").write_bytes(otlp([span(1, 1, name="GET /a"), span(1, 1, name="GET /b", length=5)]))
    data = opened(tmp_path / "a.json")
    (row,) = data.totals.rejected
    assert row == {
        "reason": "contradicts a fuller span of the same id",
        "count": 1,
        "example": f"span {1:016x} of trace {1:032x}",
    }
    assert data.inputs[0].rejected == (row,)
    assert data.totals.spans == 1


def test_logs_alone_have_times_and_services(tmp_path):
    (tmp_path / "a.json").write_bytes(otlp(logs=[log("one", time=5), log("two", service="cart", time=7)]))
    (only,) = opened(tmp_path).inputs
    assert (only.spans, only.logs, only.services) == (0, 2, ("cart", "shop"))
    assert (only.first_ns, only.last_ns) == (MINUTE_NS + 5, MINUTE_NS + 7)


def test_standard_input_and_addresses_are_read(folder, monkeypatch):
    content = (folder / "good.json").read_bytes()
    fsspec.filesystem("memory").pipe_file("/read-here/good.json", content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    data = opened("-", "memory://read-here/good.json")
    assert [(one.path, one.spans) for one in data.inputs] == [("-", 2), ("memory://read-here/good.json", 2)]
    assert (data.totals.spans, data.totals.logs) == (2, 1)


def test_what_was_refused_is_a_table(folder):
    service, good = span(9, 900)
    spans = [good, {**good, "spanId": ""}, {**good, "spanId": ""}]
    (folder / "poor.json").write_bytes(b"\n".join(otlp([(service, one)]) for one in spans))
    data = open_export([str(folder), str(folder / "empty.json")], skew="off")
    table = data.rejects()
    assert list(table.columns) == ["export", "format", "reason", "count", "example"]
    poor = table[table["export"] == "poor.json"]
    assert poor[["format", "reason", "count"]].values.tolist() == [["otlp-json", "span id is missing", 2]]
    assert poor["example"].item().startswith("line ")
    assert table["count"].sum() == sum(row["count"] for entry in data.inputs for row in entry.rejected)
    assert open_export(folder / "good.json", skew="off").rejects().empty


def test_progress_tells_files_spans_and_partitions(folder):
    seen: dict[str, tuple[int, int | None]] = {}
    open_export(folder, skew="off", progress=lambda stage, done, total: seen.update({stage: (done, total)}))
    assert seen["files"] == (5, 5)
    assert seen["partitions"] == (1, 1)
    assert seen["spans"][0] >= 2
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert seen["bytes"] == (size, size)


def test_progress_tells_how_much_of_a_compressed_file_was_read(tmp_path):
    spans = [span(f"{number:032x}", number) for number in range(1, 3_000)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"\n".join(otlp([one]) for one in spans)))
    size = (tmp_path / "a.jsonl.gz").stat().st_size
    seen: list[tuple[int, int | None]] = []
    open_export(tmp_path, progress=lambda stage, done, total: seen.append((done, total)) if stage == "bytes" else None)
    assert {total for _, total in seen} == {size}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (size, size)


def test_entries_name_no_folder_of_this_machine():
    assert Input("/home/someone/a.json").name == "a.json"
    assert Input("s3://bucket/secret/a.json").name == "a.json"
    assert Input("C:\\exports\\a.json").name == "a.json"
    assert Input("exports/a.json").name == "exports/a.json"


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        (None, None),
    ],
)
def test_times_are_written_in_utc_with_the_digits_they_need(time_ns, text):
    assert iso_time(time_ns) == text


def test_rows_that_leave_memory_come_back(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(6):
        spans = [span(trace, number + 1, service=f"s{trace % 3}") for trace in range(1, 60)]
        (tmp_path / f"in/{number}.json").write_bytes(otlp(spans, [log(f"line {number}")]))
    (tmp_path / "out").mkdir()
    held = read_exports(tmp_path / "in")
    spilled = read_exports(tmp_path / "in", spool=Spool(lambda: tmp_path / "out", buckets=4, limit=100, run=70))
    assert (held.spool.spilled, spilled.spool.spilled) == (False, True)
    for partitions in (1, 2, 4, 8):
        for number in range(partitions):
            for kind in ("spans", "logs"):
                one, other = (read.spool.partition(kind, number, partitions) for read in (held, spilled))
                order = [("input", "ascending"), ("trace_id_low", "ascending"), ("span_id", "ascending")]
                assert one.sort_by(order).to_pylist() == other.sort_by(order).to_pylist()


def test_exports_larger_than_memory_go_through_a_temporary_dataset(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for number in range(4):
        spans = [span(trace, number + 1, service=f"s{trace % 3}") for trace in range(1, 90)]
        (tmp_path / f"in/{number}.json").write_bytes(otlp(spans, [log(f"line {number}", 3)]))
    held = open_export(tmp_path / "in", skew="off")
    monkeypatch.setattr(reading, "Spool", partial(Spool, limit=100, run=70))
    spilled = open_export(tmp_path / "in", skew="off")
    assert held.partitions[0].location is None
    assert spilled.partitions[0].location is not None
    assert (spilled.inputs, spilled.totals, spilled.window) == (held.inputs, held.totals, held.window)
    assert spilled.spans().equals(held.spans())
    assert spilled.logs(["body"]).equals(held.logs(["body"]))
