"""Exports and datasets in an object store: a real S3 server on loopback, spoken to over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import fsspec
import pytest
from moto.server import ThreadedMotoServer

import analysis as an
from analysis.dataset import ingest, open_dataset, open_source
from analysis.sources import UnreadableExport
from tests.shop import shop_file

BUCKET = "traces"


@pytest.fixture
def store(monkeypatch) -> Iterator[fsspec.AbstractFileSystem]:
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
    yield files
    # Servers of one process share what they hold.
    files.rm(BUCKET, recursive=True)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def test_exports_are_read_from_a_store_and_a_dataset_is_written_to_it(tmp_path, store):
    for part in range(3):
        shop_file(tmp_path / f"{part}.jsonl", traces=10 + part)
        store.put_file(str(tmp_path / f"{part}.jsonl"), f"{BUCKET}/exports/{part}.jsonl")
    expected = an.ingest([tmp_path / f"{part}.jsonl" for part in range(3)], tmp_path / "here", partitions=4)
    kept = ingest([f"s3://{BUCKET}/exports"], f"s3://{BUCKET}/kept", partitions=4)
    assert kept.totals.spans == expected.totals.spans
    stored = {name.rsplit("/", 1)[-1] for name in store.find(f"{BUCKET}/kept/spans")}
    assert stored == {path.name for path in (tmp_path / "here/spans").iterdir()}
    # Neither a lock nor what was on its way stays.
    below = {
        name.removeprefix(f"{BUCKET}/kept/").split("/")[0] for name in store.find(f"{BUCKET}/kept", withdirs=False)
    }
    assert below == {"spans", "logs", "manifest.json"}
    # The same contents add nothing, by their glob too.
    before = store.find(f"{BUCKET}/kept", detail=True)
    ingest([f"s3://{BUCKET}/exports/*.jsonl"], f"s3://{BUCKET}/kept")
    after = store.find(f"{BUCKET}/kept", detail=True)
    assert {name: entry["ETag"] for name, entry in after.items()} == {
        name: entry["ETag"] for name, entry in before.items()
    }
    opened = open_source([f"s3://{BUCKET}/kept"])
    found, wanted = (an.review(data).to_json() for data in (opened, open_dataset(tmp_path / "here")))
    assert found["findings"]
    assert json.dumps(found["findings"]) == json.dumps(wanted["findings"])


def test_what_a_store_does_not_have_is_said(store):
    assert not store.exists(f"{BUCKET}/gone.jsonl")
    with pytest.raises(UnreadableExport, match="there is no such file"):
        an.open_export(f"s3://{BUCKET}/gone.jsonl")
    with pytest.raises(UnreadableExport, match="there is no dataset"):
        an.open_dataset(f"s3://{BUCKET}/gone")
