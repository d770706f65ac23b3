"""``archreview findings``: formats, exit codes, and JSON whose bytes depend on the records alone."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest

from tests.commands.run import run
from tests.commands.shapes import FINDINGS, differences
from tests.exports import otlp_lines
from tests.shop import shop, shop_file


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("findings") / "shop.jsonl")


@pytest.fixture
def found(capsys, path):
    return json.loads(run(capsys, "findings", path, "--format", "json").out)


def test_json_has_the_members_that_scripts_build_on(found):
    assert differences(found, FINDINGS) == []
    assert {"n_plus_one_queries", "shared_table"} <= {item["detector"] for item in found["findings"]}


def test_ids_are_written_as_the_contract_says(found):
    for finding in found["findings"]:
        assert len(finding["id"]) == 16
        assert set(finding["id"]) <= set("0123456789abcdef")
        for example in finding["exemplars"]:
            assert len(example["trace_id"]) == 32
            assert all(len(span) == 16 for span in example["span_ids"])


def test_exemplars_name_all_offending_spans_in_order(found):
    loop = next(item for item in found["findings"] if item["detector"] == "n_plus_one_queries")
    for example in loop["exemplars"]:
        first = int(example["trace_id"], 16) * 100 + 10
        assert [int(span, 16) for span in example["span_ids"]] == list(range(first, first + 5))


def test_marks_of_the_scorecard_name_findings_that_are_there(found):
    ids = {finding["id"] for finding in found["findings"]}
    assert [row["service"] for row in found["scorecard"]] == ["billing", "cart", "gateway"]
    for row in found["scorecard"]:
        assert set(row["findings"]) <= ids
    cart = found["scorecard"][1]
    assert cart["chatty"] in "BCDE"
    assert cart["shared_data"] in "BCDE"


def test_numbers_are_finite(capsys, path):
    text = run(capsys, "findings", path, "--format", "json").out
    assert "NaN" not in text
    assert "Infinity" not in text


def test_name_of_an_input_is_that_of_no_machine(capsys, path, monkeypatch):
    absolute = json.loads(run(capsys, "findings", path, "--format", "json").out)
    assert [entry["path"] for entry in absolute["inputs"]] == ["shop.jsonl"]
    assert str(path.parent) not in json.dumps(absolute)
    monkeypatch.chdir(path.parent)
    relative = run(capsys, "findings", "shop.jsonl", "--format", "json").out
    assert json.loads(relative) == absolute


def test_bytes_do_not_depend_on_the_order_of_files_and_lines(capsys, tmp_path):
    spans = shop()
    halves = (spans[: len(spans) // 2], spans[len(spans) // 2 :])
    plain, swapped = tmp_path / "plain", tmp_path / "swapped"
    for folder in (plain, swapped):
        folder.mkdir()
    for name, half in zip("ab", halves, strict=True):
        (plain / f"{name}.jsonl").write_bytes(otlp_lines(half))
        mixed = list(half)
        random.Random(7).shuffle(mixed)
        (swapped / f"{name}.jsonl").write_bytes(otlp_lines(mixed))
    wanted = run(capsys, "findings", plain / "a.jsonl", plain / "b.jsonl", "--format", "json").out
    assert run(capsys, "findings", swapped / "b.jsonl", swapped / "a.jsonl", "--format", "json").out == wanted
    assert run(capsys, "findings", swapped, "--format", "json").out == wanted
    assert run(capsys, "findings", str(plain / "*.jsonl"), "--format", "json").out == wanted


def test_a_dataset_gives_the_bytes_that_its_exports_give(capsys, path, tmp_path):
    wanted = run(capsys, "findings", path, "--format", "json").out
    assert run(capsys, "ingest", path, "--to", tmp_path / "data").code == 0
    assert run(capsys, "findings", tmp_path / "data", "--format", "json").out == wanted


def test_engines_agree(capsys, path):
    threads = run(capsys, "findings", path, "--format", "json", "--engine", "threads").out
    assert run(capsys, "findings", path, "--format", "json", "--engine", "processes").out == threads


def test_fail_on_ends_with_3_where_the_limit_is_reached(capsys, path):
    severities = {
        item["severity"] for item in json.loads(run(capsys, "findings", path, "--format", "json").out)["findings"]
    }
    assert "high" in severities
    for limit in ("info", "low", "medium", "high"):
        said = run(capsys, "findings", path, "--fail-on", limit)
        assert said.code == 3
        assert said.out
    assert run(capsys, "findings", path).code == 0
    # Five queries are a loop for no more than the detector of queries: orphans are none here.
    assert run(capsys, "findings", path, "--detector", "orphan_spans", "--fail-on", "info").code == 0


def test_what_is_asked_for_is_found_as_in_the_whole(capsys, path, found):
    only = json.loads(run(capsys, "findings", path, "--format", "json", "--family", "shared_data").out)
    assert {item["family"] for item in only["assessments"]} == {"shared_data"}
    assert only["findings"] == [item for item in found["findings"] if item["family"] == "shared_data"]
    for answer in found["assessments"]:
        name = answer["detector"]
        alone = json.loads(run(capsys, "findings", path, "--format", "json", "--detector", name).out)
        assert alone["assessments"] == [answer]
        assert alone["findings"] == [item for item in found["findings"] if item["detector"] == name]


@pytest.mark.parametrize("form", ["text", "json", "markdown", "csv"])
def test_a_file_holds_what_the_terminal_would_show(capsys, path, tmp_path, form):
    shown = run(capsys, "findings", path, "--format", form).out
    out = tmp_path / f"findings.{form}"
    said = run(capsys, "findings", path, "--format", form, "--out", out)
    assert said.out == ""
    assert out.read_bytes().decode() == shown
    assert shown.endswith("\n")


def test_csv_has_a_row_for_each_finding(capsys, path, found):
    rows = list(csv.DictReader(io.StringIO(run(capsys, "findings", path, "--format", "csv").out)))
    assert [row["id"] for row in rows] == [item["id"] for item in found["findings"]]


def test_limits_come_from_the_configuration(capsys, path, tmp_path):
    config = tmp_path / "review.yml"
    config.write_text("limits:\n  n_plus_one_queries:\n    repeats: 6\n")
    more = ("--detector", "n_plus_one_queries", "--format", "json")
    assert json.loads(run(capsys, "findings", path, *more).out)["findings"]
    assert json.loads(run(capsys, "findings", path, *more, "--config", config).out)["findings"] == []


def test_quiet_says_nothing_beside_the_findings(capsys, path):
    assert run(capsys, "findings", path, "--quiet").err == ""
