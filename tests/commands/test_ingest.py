"""``archreview ingest``: a dataset is built, extended, and says what it holds."""

from __future__ import annotations

from tests.commands.run import run
from tests.shop import shop_file


def test_the_same_content_twice_adds_nothing(capsys, tmp_path):
    path = shop_file(tmp_path / "monday.jsonl")
    again = tmp_path / "again.jsonl"
    again.write_bytes(path.read_bytes())
    said = run(capsys, "ingest", path, "--to", tmp_path / "data")
    assert said.code == 0
    assert "30 traces, 360 spans and 0 log records of 3 services from 1 export" in said.err
    assert said.out == ""
    said = run(capsys, "ingest", again, "--to", tmp_path / "data")
    assert said.code == 0
    assert "30 traces, 360 spans" in said.err


def test_what_is_refused_is_told(capsys, tmp_path):
    path = shop_file(tmp_path / "shop.jsonl")
    with path.open("ab") as file:
        file.write(b"{not json}\n")
    said = run(capsys, "ingest", path, "--to", tmp_path / "data")
    assert said.code == 0
    assert "1 record refused" in said.err
    assert run(capsys, "ingest", path, "--to", tmp_path / "strict", "--strict-input").code == 1
    quiet = run(capsys, "ingest", path, "--to", tmp_path / "quiet", "--quiet")
    assert quiet.err == ""


def test_nothing_to_read_makes_no_dataset(capsys, tmp_path):
    said = run(capsys, "ingest", tmp_path / "gone", "--to", tmp_path / "data")
    assert said.code == 1
    assert not (tmp_path / "data" / "manifest.json").exists()
