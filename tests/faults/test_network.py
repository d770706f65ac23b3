"""A store behind a network that fails: told by name in bounded time, or outlived; nothing half is taken for whole."""

from __future__ import annotations

import logging
import time

import fsspec
import pytest
from moto.server import ThreadedMotoServer

import analysis as an
from analysis.addresses import SECONDS, StoreError
from analysis.dataset import ingest, open_dataset
from analysis.sources import UnreadableExport
from tests.commands.run import run
from tests.faults.proxy import faulty_network
from tests.shop import shop_file

BUCKET = "faulty"
ONE = f"s3://{BUCKET}/one.jsonl"
SPANS = 20 * 12
#: The silence that is waited for in these tests, eight times at most, and pauses between.
SILENCE = 0.5
LONGEST_SECONDS = 40.0
FAILURES = ["500", "503", "reset", "short", "stall", "silence"]


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    yield moto.get_host_and_port()
    moto.stop()


@pytest.fixture
def network(server, tmp_path, monkeypatch):
    """Run a network before a store that holds one export; it is well until a test says otherwise."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(SECONDS, str(SILENCE))
    with faulty_network(*server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        files = fsspec.filesystem("s3")
        files.mkdir(BUCKET)
        files.put_file(str(shop_file(tmp_path / "one.jsonl", 20)), f"{BUCKET}/one.jsonl")
        files.put_file(str(shop_file(tmp_path / "two.jsonl", 10, table="other")), f"{BUCKET}/two.jsonl")
        yield made
        made.heal()
        files.rm(BUCKET, recursive=True)
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def stored(folder):
    """Return what lies in a folder of the store, by name."""
    files = fsspec.filesystem("s3")
    files.invalidate_cache()
    return {name.removeprefix(f"{BUCKET}/{folder}/"): files.cat_file(name) for name in files.find(f"{BUCKET}/{folder}")}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_export_that_cannot_be_had_is_told_by_name_in_bounded_time(network, failure):
    fault = network.fault(failure, "GET", "/one.jsonl")
    began = time.monotonic()
    with pytest.raises(StoreError) as caught:
        an.open_export(ONE)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert 2 <= fault.met <= 8
    said = str(caught.value)
    assert said.startswith(f"{ONE}: the store failed (")
    assert "run it again" in said
    assert SECONDS in said
    if failure in {"stall", "silence"}:
        assert f"silent for {SILENCE} s" in said or "timeout" in said.lower()
    network.heal()
    assert an.open_export(ONE).totals.spans == SPANS


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_that_passes_is_outlived(network, failure):
    fault = network.fault(failure, "GET", "/one.jsonl", times=1)
    # The server's own errors are asked about again at once by the driver; a second one in a row is met too.
    assert an.open_export(ONE).totals.spans == SPANS
    assert fault.met == 1


def test_access_that_is_refused_is_told_as_that(network):
    network.fault("403", "GET", "/one.jsonl")
    with pytest.raises(UnreadableExport, match=r"one\.jsonl.*AccessDenied.*yours to read"):
        an.open_export(ONE)
    network.fault("403", "HEAD", "/one.jsonl")
    with pytest.raises((UnreadableExport, PermissionError), match=r"one\.jsonl.*Forbidden"):
        an.open_export(ONE)


@pytest.mark.parametrize("failure", ["500", "silence"])
@pytest.mark.parametrize("part", ["/spans/", "/logs/", "manifest.json", ".lock"])
def test_a_dataset_that_could_not_be_written_is_none_and_the_second_run_makes_it(network, failure, part):
    ingest([ONE], f"s3://{BUCKET}/whole")
    network.fault(failure, "PUT", part)
    with pytest.raises(StoreError, match=f"s3://{BUCKET}/kept/.*the store failed"):
        ingest([ONE], f"s3://{BUCKET}/kept")
    network.heal()
    with pytest.raises(UnreadableExport, match="there is no dataset"):
        open_dataset(f"s3://{BUCKET}/kept")
    ingest([ONE], f"s3://{BUCKET}/kept")
    assert stored("kept") == stored("whole")


def test_an_answer_that_is_lost_after_the_writing_changes_nothing(network):
    ingest([ONE], f"s3://{BUCKET}/whole")
    fault = network.fault("reset", "PUT", "/kept/", times=1)
    ingest([ONE], f"s3://{BUCKET}/kept")
    assert fault.met == 1
    assert stored("kept") == stored("whole")


@pytest.mark.parametrize(("method", "part"), [("PUT", "manifest.json"), ("GET", "/kept/spans/"), ("GET", "/two.jsonl")])
def test_a_dataset_that_could_not_be_extended_is_what_it_was(network, method, part):
    for name in ("kept", "whole"):
        ingest([ONE], f"s3://{BUCKET}/{name}")
    ingest([f"s3://{BUCKET}/two.jsonl"], f"s3://{BUCKET}/whole")
    network.fault("stall" if method == "GET" else "500", method, part)
    with pytest.raises(StoreError):
        ingest([f"s3://{BUCKET}/two.jsonl"], f"s3://{BUCKET}/kept")
    network.heal()
    assert open_dataset(f"s3://{BUCKET}/kept").totals.spans == SPANS
    ingest([f"s3://{BUCKET}/two.jsonl"], f"s3://{BUCKET}/kept")
    assert stored("kept") == stored("whole")


def test_a_command_says_it_in_a_line_and_leaves_no_result(network, capsys, tmp_path):
    ingest([ONE], f"s3://{BUCKET}/kept")
    network.fault("short", "GET", "/kept/spans/")
    out = tmp_path / "findings.json"
    said = run(capsys, "findings", f"s3://{BUCKET}/kept", "--format", "json", "--out", out, "--quiet")
    assert said.code == 1
    assert len(said.err.splitlines()) == 1
    assert "part-00000" in said.err
    assert not out.exists()


def test_how_long_to_wait_is_checked(network, monkeypatch):
    monkeypatch.setenv(SECONDS, "soon")
    with pytest.raises(UnreadableExport, match=f"{SECONDS} is a number of seconds, not 'soon'"):
        an.open_export(ONE)
