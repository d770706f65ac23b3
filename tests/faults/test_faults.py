"""Killed, full, read-only, changed underneath, twice at once, far away: a clear error, nothing half taken for whole.

The long run of kills: ``python -m tests.faults --kills 200``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import analysis as an
from analysis.ingest.locking import writing
from analysis.ingest.storage import Folder
from analysis.sources import UnreadableExport
from tests.commands.run import ROOT, run, run_apart
from tests.faults.killing import SCENES, contents, killed_and_run_again, moments, undisturbed
from tests.shop import shop_file


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("faults") / "shop.jsonl", 60)


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["ingest", "review", "findings"])
def test_killed_at_any_moment_a_second_run_gives_the_same_bytes(scene, source, tmp_path):
    whole, seconds = undisturbed(SCENES[scene], source, tmp_path / "whole")
    assert whole
    for number, after in enumerate(moments(random.Random(7), seconds, 2)):
        written, _, _ = killed_and_run_again(SCENES[scene], source, tmp_path / str(number), after)
        assert written == whole


def test_a_dataset_killed_half_way_is_what_it_was(source, tmp_path, monkeypatch):
    data = tmp_path / "data"
    an.ingest(source, data)
    before = contents(data)
    more = shop_file(tmp_path / "more.jsonl", 30, table="other")
    monkeypatch.setattr(Folder, "write", _dies)
    with pytest.raises(KeyboardInterrupt):
        an.ingest(more, data)
    monkeypatch.undo()
    assert an.open_dataset(data).totals.spans == 60 * 12
    an.ingest(source, data)
    assert contents(data) == before


def _dies(*_):
    raise KeyboardInterrupt


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of two megabytes; what needs more meets a full disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here: only the superuser may")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_said_and_nothing_half_is_left(small_disk, source):
    (small_disk / "filler").write_bytes(b"x" * (2 * 1024 * 1024 - 8_192))
    for command in (
        ("ingest", source, "--to", small_disk / "data"),
        ("findings", source, "--format", "json", "--out", small_disk / "findings.json"),
        ("report", source, "--out", small_disk / "report"),
    ):
        said = run_apart(*command)
        assert said.code == 1, (command[0], said.err)
        assert "No space left on device" in said.err
        assert "Traceback" not in said.err
    assert not (small_disk / "data" / "manifest.json").exists()
    assert not (small_disk / "report" / "index.html").exists()
    left = small_disk / "findings.json"
    assert not left.exists() or json.loads(left.read_text())


@pytest.mark.parametrize("command", ["ingest", "findings", "report"])
def test_a_folder_that_takes_nothing_is_said(command, source):
    where = {"ingest": "--to", "findings": "--out", "report": "--out"}[command]
    said = run_apart(command, source, where, "/proc/none/there")
    assert said.code == 1
    assert "/proc/none" in said.err
    assert "Traceback" not in said.err


def test_a_cache_of_kernels_that_cannot_be_written_is_no_hindrance(source):
    said = run_apart("findings", source, "--detector", "hub_service", NUMBA_CACHE_DIR="/proc/none/there")
    assert said.code == 0, said.err
    assert "Traceback" not in said.err


def test_a_clock_set_back_changes_nothing(source, tmp_path):
    an.ingest(source, tmp_path / "one")
    for path in (tmp_path / "one").rglob("*"):
        os.utime(path, (0, 0))
    os.utime(source, (4_102_444_800, 4_102_444_800))
    an.ingest(source, tmp_path / "one")
    an.ingest(source, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_of_two_at_once_one_is_refused_by_name(source, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    with writing(Folder(str(tmp_path / "data"))):
        said = run_apart("ingest", source, "--to", tmp_path / "data")
    assert said.code == 1
    assert f"process {os.getpid()}" in said.err
    assert run(capsys, "ingest", source, "--to", tmp_path / "data").code == 0


def test_a_file_that_grows_and_shrinks_while_it_is_read_is_refused_or_read(source, tmp_path):
    content = source.read_bytes()
    path = tmp_path / "moving.jsonl"
    path.write_bytes(content)
    stop = threading.Event()

    def move():
        cut = 0
        while not stop.is_set():
            cut = (cut + 37_003) % len(content)
            path.write_bytes(content[: max(cut, 400)])

    moving = threading.Thread(target=move)
    moving.start()
    try:
        for _ in range(5):
            try:
                data = an.open_export(path)
            except UnreadableExport:
                continue
            assert data.totals.spans <= 60 * 12
    finally:
        stop.set()
        moving.join()
    path.write_bytes(content)
    assert an.open_export(path).totals.spans == 60 * 12


class _Faulty(BaseHTTPRequestHandler):
    """A store that answers as it is told: errors, half bodies, or nothing for a while."""

    fault = "error"
    content = b""
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(head=True)

    def do_GET(self):
        self._answer(head=False)

    def _answer(self, *, head: bool):
        if self.path != "/shop.jsonl":
            self.send_error(404)
            return
        if self.fault == "error":
            self.send_error(500)
            return
        if self.fault == "stall":
            time.sleep(3)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        if not head:
            half = self.content if self.fault != "half" else self.content[: len(self.content) // 2]
            with contextlib.suppress(OSError):
                # Who waited too long has gone.
                self.wfile.write(half)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def faulty(source):
    """Return a store on loopback whose fault can be set, and the address of an export in it."""
    handler = type("Handler", (_Faulty,), {"content": source.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_address[1]}/shop.jsonl"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("fault", ["error", "half", "stall"])
def test_a_store_that_fails_is_said(faulty, fault, monkeypatch, capsys):
    pytest.importorskip("aiohttp")
    handler, address = faulty
    handler.fault = fault
    monkeypatch.setenv("ARCHREVIEW_STORE_SECONDS", "0.5")
    began = time.monotonic()
    said = run(capsys, "inspect", address)
    assert time.monotonic() - began < 30
    assert said.code == 1, said.err
    assert f"{address}: the store failed (" in said.err or f"{address}/manifest.json: the store failed (" in said.err
    handler.fault = ""
    assert run(capsys, "inspect", address).code == 0


def test_a_command_that_stops_leaves_no_file_half_written(source, tmp_path):
    out = tmp_path / "findings.json"
    out.write_text('{"whole": true}')
    code = "import sys; from analysis.commands import _speaking; _speaking.give('x' * 10, sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", code, str(out)], cwd=ROOT, check=True).returncode == 0
    assert out.read_text() == "x" * 10
    assert [path.name for path in tmp_path.iterdir()] == ["findings.json"]
