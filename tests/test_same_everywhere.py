"""The same answer everywhere: whatever the partitions, the engine, the number of workers and the order of results."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest
from distributed import Client, LocalCluster
from moto.server import ThreadedMotoServer

import analysis as an
from tests.shop import shop_file

BUCKET = "clustered"


class LastFirst(Executor):
    """Does what it is given when a result is asked for, and then the last of it first."""

    def __init__(self) -> None:
        self._max_workers = 4
        self._left: list[tuple[Future, tuple]] = []

    def submit(self, fn, /, *args, **kwargs):
        future = _Asked(self)
        self._left.append((future, (fn, args, kwargs)))
        return future

    def work(self) -> None:
        while self._left:
            future, (fn, args, kwargs) = self._left.pop()
            if not future.cancelled():
                future.set_result(fn(*args, **kwargs))


class _Asked(Future):
    def __init__(self, executor: LastFirst) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout=None):
        self._executor.work()
        return super().result(timeout)


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("exports")
    # Each file repeats the traces of the one before it, so that spans of several meet in a partition.
    return [shop_file(folder / f"{part}.jsonl", traces=20 + part) for part in range(4)]


@pytest.fixture(scope="module")
def expected(exports) -> str:
    """Return the findings of one partition, in memory."""
    said = an.review(an.open_export(exports, engine="threads=1"), engine="threads=1").to_json_text()
    assert '"n_plus_one_queries"' in said
    return said


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 7, 64])
def test_partitions_make_no_difference(exports, expected, tmp_path, partitions):
    shuffled = random.Random(partitions).sample(exports, len(exports))
    data = an.ingest(shuffled, tmp_path / "dataset", partitions=partitions)
    assert len(data.partitions) == partitions
    assert an.review(data).to_json_text() == expected
    other = LastFirst()
    assert an.ingest(exports, tmp_path / "other", partitions=partitions, engine=other)
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "dataset")
    assert an.review(data, engine=other).to_json_text() == expected


@pytest.mark.slow
def test_processes_make_no_difference(exports, expected, tmp_path):
    an.ingest(exports, tmp_path / "threads", partitions=64)
    data = an.ingest(exports, tmp_path / "processes", partitions=64, engine="processes=2")
    assert bytes_of(tmp_path / "processes") == bytes_of(tmp_path / "threads")
    assert an.review(data, engine="processes=2").to_json_text() == expected


@contextmanager
def _store(monkeypatch) -> Iterator[fsspec.AbstractFileSystem]:
    """Run an S3 server with one empty bucket; this process and its children find it in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    files = fsspec.filesystem("s3")
    files.mkdir(BUCKET)
    try:
        yield files
    finally:
        files.rm(BUCKET, recursive=True)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        server.stop()


@pytest.mark.slow
def test_workers_read_and_write_an_object_store(exports, expected, tmp_path, monkeypatch):
    an.ingest(exports, tmp_path / "here", partitions=7)
    with _store(monkeypatch) as files:
        for path in exports:
            files.put_file(str(path), f"{BUCKET}/exports/{path.name}")
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", protocol="tcp://") as cluster,
            Client(cluster) as client,
        ):
            data = an.ingest(f"s3://{BUCKET}/exports", f"s3://{BUCKET}/kept", partitions=7, engine=client)
            said = an.review(data, engine=client).to_json_text()
        stored = {name.removeprefix(f"{BUCKET}/kept/"): files.cat_file(name) for name in files.find(f"{BUCKET}/kept")}
    # Not even the way that rows took is left.
    assert {name: hashlib.sha256(content).hexdigest() for name, content in stored.items()} == bytes_of(
        tmp_path / "here"
    )
    assert said == expected
