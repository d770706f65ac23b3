"""``archreview inspect``: what was read, and how far it can be trusted."""

from __future__ import annotations

import json

import pytest

from tests.commands.run import run
from tests.commands.shapes import INSPECT, differences
from tests.exports import log, otlp
from tests.shop import TRACES, shop_file


@pytest.fixture
def folder(tmp_path):
    shop_file(tmp_path / "shop.jsonl")
    (tmp_path / "logs.json").write_bytes(otlp(logs=[log("paid 3 EUR", 1, 101, service="billing")]))
    return tmp_path


def test_json_tells_each_input_and_the_totals(capsys, folder):
    said = json.loads(run(capsys, "inspect", folder, "--format", "json").out)
    assert differences(said, INSPECT) == []
    logs, shop = said["inputs"]
    assert (logs["path"], logs["format"], logs["logs"], logs["spans"]) == ("logs.json", "otlp-json", 1, 0)
    assert (shop["path"], shop["traces"]) == ("shop.jsonl", TRACES)
    # A trace has twelve spans and one root; in each third gateway fails twice and billing once.
    assert (shop["spans"], shop["root_spans"], shop["error_spans"]) == (12 * TRACES, TRACES, TRACES // 3 * 3)
    assert shop["services"] == ["billing", "cart", "gateway"]
    # The first begins after 1 s; the last, 30 s after the minute, takes 300 ms.
    assert (shop["first"], shop["last"]) == ("2026-11-23T10:00:01Z", "2026-11-23T10:00:30.3Z")
    assert said["totals"]["spans"] == 12 * TRACES
    assert said["totals"]["logs"] == 1
    assert said["trust"]["orphan_share"] == 0


def test_path_is_as_given(capsys, folder):
    path = folder / "shop.jsonl"
    said = json.loads(run(capsys, "inspect", path, "--format", "json").out)
    assert said["inputs"][0]["path"] == str(path)


def test_text_says_what_a_person_asks(capsys, folder):
    said = run(capsys, "inspect", folder)
    assert said.code == 0
    assert f"{TRACES} traces, {12 * TRACES} spans ({TRACES} roots, {TRACES} failed)" in said.out
    assert "1 log record\n" in said.out
    assert "3 services: billing, cart, gateway" in said.out
    assert "(29.3 s)" in said.out
    assert "spans that lost their parent" in said.out
    assert "0.0%" not in said.out


def test_a_parent_that_is_not_there_is_told_at_the_ends_of_the_export_too(capsys, tmp_path):
    path = tmp_path / "trace.json"
    whole = {"traceId": "5af7183fb1d4cf5f", "kind": "SERVER", "timestamp": 1556604172355737, "duration": 1431}
    spans = [
        {**whole, "id": "6b221d5bc9e6496c", "name": "get", "localEndpoint": {"serviceName": "front"}},
        {**whole, "id": "6b221d5bc9e6496d", "name": "x", "parentId": "1", "localEndpoint": {"serviceName": "cart"}},
    ]
    path.write_text(json.dumps(spans))
    lines = run(capsys, "inspect", path).out.splitlines()
    (cut,) = (line for line in lines if "beyond the ends of the export" in line)
    assert cut.split()[-1] == "1"


def test_what_is_refused_is_told_with_an_example_and_no_value(capsys, folder):
    path = folder / "shop.jsonl"
    with path.open("ab") as file:
        file.write(b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7, "name": "hunter2"}]}]}]}\n')
    said = json.loads(run(capsys, "inspect", folder, "--format", "json").out)
    (row,) = said["inputs"][1]["rejected"]
    assert row["count"] == 1
    assert row["example"].startswith("line 361")
    assert "hunter2" not in json.dumps(said)
