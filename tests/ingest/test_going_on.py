"""A run that ended early leaves what it did; the next takes it, and does anew whatever changed meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis as an
from analysis.executors import EngineLost
from analysis.ingest import one_export, spool
from tests.exports import otlp_lines
from tests.exports import span as row
from tests.shop import shop_file

RUNS = ".unfinished-runs"


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(spool, "_MANY", 1)


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Return the names of files that are read, as they are."""
    names: list[str] = []
    whole = one_export._read_stream

    def noting(task, *rest):
        names.append(task.file.name)
        return whole(task, *rest)

    monkeypatch.setattr(one_export, "_read_stream", noting)
    return names


@pytest.fixture
def exports(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    for part in range(4):
        shop_file(tmp_path / f"in/{part}.jsonl", traces=12 + part)
    return tmp_path / "in"


def lose(after: dict[str, int]):
    """Lose the engine when so much of a stage is done."""

    def told(stage: str, done: int, _total: int | None) -> None:
        if done >= after.get(stage, 1_000_000):
            message = "gone"
            raise EngineLost(message)

    return told


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_was_read_and_written_is_not_done_again(exports, read, tmp_path):
    an.ingest(exports, tmp_path / "whole", partitions=5)
    read.clear()
    for after in ({"files": 2}, {"partitions": 3}):
        with pytest.raises(EngineLost):
            an.ingest(exports, tmp_path / "lost", partitions=5, progress=lose(after))
        assert not (tmp_path / "lost/manifest.json").exists()
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "lost/spans").iterdir()}
    an.ingest(exports, tmp_path / "lost", partitions=5)
    # Four files, each once: the second and the third run read what the first had not.
    assert sorted(read) == ["0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"]
    assert len(written) >= 3
    assert {name: (tmp_path / "lost/spans" / name).stat().st_mtime_ns for name in written} == written
    assert bytes_of(tmp_path / "lost") == bytes_of(tmp_path / "whole")


def test_an_export_that_changed_meanwhile_is_read_anew(exports, read, tmp_path):
    with pytest.raises(EngineLost):
        an.ingest(exports, tmp_path / "lost", partitions=5, progress=lose({"partitions": 3}))
    changed = exports / "1.jsonl"
    changed.write_bytes(otlp_lines([row(7, 1, name="GET /other")]))
    read.clear()
    an.ingest(exports, tmp_path / "lost", partitions=5)
    assert read == ["1.jsonl"]
    an.ingest(exports, tmp_path / "whole", partitions=5)
    assert bytes_of(tmp_path / "lost") == bytes_of(tmp_path / "whole")


def test_a_damaged_record_and_what_no_run_names_are_nothing(exports, read, tmp_path):
    with pytest.raises(EngineLost):
        an.ingest(exports, tmp_path / "lost", partitions=5, progress=lose({"partitions": 0}))
    records = sorted((tmp_path / "lost" / RUNS).glob("*.done.json"))
    records[0].write_bytes(b"{")
    (tmp_path / "lost/spans").mkdir(exist_ok=True)
    (tmp_path / "lost/spans/part-00000-0123456789abcdef.parquet").write_bytes(b"of another run")
    read.clear()
    an.ingest(exports, tmp_path / "lost", partitions=5)
    assert len(read) == 1
    an.ingest(exports, tmp_path / "whole", partitions=5)
    assert bytes_of(tmp_path / "lost") == bytes_of(tmp_path / "whole")


def test_an_error_of_another_kind_leaves_nothing(exports, tmp_path, monkeypatch):
    def full(*_rest: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(spool.Spool, "partitions", full)
    with pytest.raises(OSError, match="No space left"):
        an.ingest(exports, tmp_path / "lost", partitions=5)
    assert not (tmp_path / "lost" / RUNS).exists()


def left_of(folder: Path) -> str:
    """Return the rows that a run left, as whoever finds them can read them."""
    rows = ""
    for path in sorted((folder / RUNS).glob("*.run")):
        content = path.read_bytes()
        ends = np.frombuffer(content[: 8 * (spool.BUCKETS + 1)], np.uint64).tolist()
        for begin, end in itertools.pairwise(ends):
            if begin < end:
                rows += str(pq.read_table(pa.BufferReader(content[begin:end])).to_pylist())
    return rows


def test_without_values_a_run_leaves_nothing_that_can_be_read(exports, tmp_path, monkeypatch):
    secret = "SELECT 'of a customer'"
    rows = [row(9, 1, attributes={"db.system.name": "postgresql", "db.query.text": secret}, kind=3)]
    (exports / "4.jsonl").write_bytes(otlp_lines(rows))
    for redact in (False, True):
        monkeypatch.setattr(spool.Spool, "run", 1)
        with pytest.raises(EngineLost):
            an.ingest(exports, tmp_path / f"{redact}", partitions=128, redact=redact, progress=lose({"partitions": 3}))
        assert list((tmp_path / f"{redact}" / RUNS).glob("*.run"))
    assert secret in left_of(tmp_path / "False")
    with pytest.raises(OSError, match="encrypted"):
        left_of(tmp_path / "True")
    assert not list((tmp_path / "True" / RUNS).glob("*.json"))
    # The second run has another key, and the rows of the first without one are gone before it reads.
    gone = lose({"files": 0})
    with pytest.raises(EngineLost):
        an.ingest(exports, tmp_path / "False", partitions=128, redact=True, progress=gone)
    assert left_of(tmp_path / "False") == ""
    an.ingest(exports, tmp_path / "True", partitions=128, redact=True)
    monkeypatch.undo()
    an.ingest(exports, tmp_path / "whole", partitions=128, redact=True)
    assert bytes_of(tmp_path / "True") == bytes_of(tmp_path / "whole")
