"""A cluster of Dask over TCP: the same bytes as here, also when workers are killed, and a word when all is lost."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster

import analysis as an
from analysis.executors import EngineLost
from tests.shop import shop_file

FILES = 8


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("exports")
    # Each file repeats the traces of the one before it, so that spans of several meet in a partition.
    return [shop_file(folder / f"{part}.jsonl", traces=30 + part) for part in range(FILES)]


@pytest.fixture(scope="module")
def expected(exports, tmp_path_factory) -> tuple[dict[str, str], str]:
    """Return what one thread of this process makes of the exports: the bytes of a dataset, and of its review."""
    folder = tmp_path_factory.mktemp("expected") / "dataset"
    data = an.ingest(exports, folder, partitions=7)
    return _bytes_of(folder), _said(data)


@pytest.fixture(params=[1, 3])
def client(request) -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=request.param, threads_per_worker=1, dashboard_address=":0", protocol="tcp://"
        ) as cluster,
        Client(cluster) as client,
    ):
        assert cluster.scheduler_address.startswith("tcp://")
        yield client


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _said(data: an.Dataset, **options: Any) -> str:
    return json.dumps(an.review(data, **options).to_json())


@pytest.mark.slow
def test_workers_make_the_same_bytes_also_when_one_is_killed(exports, expected, client, tmp_path):
    dataset, said = expected
    killed: list[int] = []
    shuffled = random.Random(5).sample(exports, len(exports))
    data = an.ingest(
        shuffled,
        tmp_path / "dataset",
        partitions=7,
        engine=client,
        progress=_killing(client, killed, {"files": 2, "partitions": 3}),
    )
    assert len(killed) == 2
    assert _bytes_of(tmp_path / "dataset") == dataset
    assert _said(data, engine=client, progress=_killing(client, killed, {"facts": 1})) == said
    assert len(set(killed)) == 3


def _killing(client: Client, killed: list[int], when: dict[str, int]) -> Callable[[str, int, int | None], None]:
    """Kill a worker, once for each stage, when so many are done; others are under way then."""

    def told(stage: str, done: int, _total: int | None) -> None:
        if done >= when.get(stage, sys.maxsize):
            del when[stage]
            pid = min(client.run(os.getpid).values())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    return told


@pytest.mark.slow
def test_a_lost_scheduler_is_told_and_a_second_run_goes_on(exports, expected, tmp_path):
    dataset, said = expected
    said_so = r"scheduler was lost: nothing is half-written; run the same command"
    target = tmp_path / "dataset"
    with _scheduler(tmp_path / "first") as (address, lost), pytest.raises(EngineLost, match=said_so):
        an.ingest(exports, target, partitions=7, engine=f"dask={address}", progress=_losing(lost, "partitions", 2))
    assert not (tmp_path / "dataset/manifest.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "dataset/spans").iterdir()}
    assert len(kept) >= 2
    data = an.ingest(exports, tmp_path / "dataset", partitions=7)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert _bytes_of(tmp_path / "dataset") == dataset
    with (
        _scheduler(tmp_path / "again") as (address, scheduler),
        pytest.raises(EngineLost, match="goes on where it was"),
    ):
        an.review(data, engine=f"dask={address}", progress=_losing(scheduler, "facts", 3))
    done: list[int] = []
    result = an.review(data, progress=lambda stage, number, _total: done.append(number) if stage == "facts" else None)
    # Of seven partitions at least three were scanned before, and none twice.
    assert done[0] > 3
    assert done[-1] == 7
    assert json.dumps(result.to_json()) == said
    assert _bytes_of(tmp_path / "dataset") == dataset


def _losing(scheduler: subprocess.Popen[bytes], of: str, when: int) -> Callable[[str, int, int | None], None]:
    """Kill a scheduler when so much of a stage is done."""

    def told(stage: str, done: int, _total: int | None) -> None:
        if stage == of and done >= when and scheduler.poll() is None:
            scheduler.kill()
            scheduler.wait()

    return told


class _scheduler:  # noqa: N801 - used as a context, like a function
    """A scheduler and a worker, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "scheduler.json"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> tuple[str, subprocess.Popen[bytes]]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        given = ["--scheduler-file", str(self._file), "--no-dashboard"]
        where = ["--host", "tcp://127.0.0.1", "--port", "0"]
        module = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        scheduler = subprocess.Popen([*module, *given, *where], **quiet)
        self._running.append(scheduler)
        while not self._file.exists() or not self._file.read_text():
            assert scheduler.poll() is None
            time.sleep(0.1)
        address = json.loads(self._file.read_text())["address"]
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        self._running.append(subprocess.Popen([*worker, "--no-dashboard"], **quiet))
        return address, scheduler

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.wait()


def test_nobody_at_an_address_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(dask.config.config["distributed"]["comm"]["timeouts"], "connect", "1s")
    with pytest.raises(EngineLost, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1: see that it runs"):
        an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")), engine="dask=tcp://127.0.0.1:1")
