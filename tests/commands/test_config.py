"""``archreview config``: begin, check, show."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.commands.run import run
from tests.shop import shop_file


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_file_to_begin_with_is_right_and_stays(capsys, tmp_path):
    assert run(capsys, "config", "init").code == 0
    assert json.loads((tmp_path / "review.schema.json").read_text())["title"] == "review.yml"
    said = run(capsys, "config", "check")
    assert (said.code, "nothing wrong" in said.out) == (0, True)
    (tmp_path / "review.yml").write_text("severity: {shared_table: low}\n")
    again = run(capsys, "config", "init")
    assert again.code == 2
    assert "is there already" in again.err
    assert (tmp_path / "review.yml").read_text().startswith("severity")


def test_check_says_all_that_is_wrong(capsys, tmp_path):
    (tmp_path / "review.yml").write_text("limit: {}\nseverity: {shared_table: hi}\n")
    said = run(capsys, "config", "check")
    assert said.code == 2
    assert "line 1: unknown key 'limit'; did you mean 'limits'?" in said.err
    assert "line 2" in said.err
    assert "2 problems in review.yml" in said.err


def test_show_says_what_is_in_force(capsys, tmp_path):
    said = run(capsys, "config", "show")
    assert yaml.safe_load(said.out)["limits"]["n_plus_one_queries"]["repeats"] == 5
    (tmp_path / "other.yml").write_text("limits: {n_plus_one_queries: {repeats: 9}}\n")
    said = run(capsys, "config", "show", "other.yml")
    assert yaml.safe_load(said.out)["limits"]["n_plus_one_queries"]["repeats"] == 9


def test_a_file_that_is_not_there_is_named(capsys):
    said = run(capsys, "config", "check", "gone.yml")
    assert said.code == 1
    assert "gone.yml: there is no such file" in said.err


def test_schema_is_printed(capsys):
    assert "limits" in json.loads(run(capsys, "config", "schema").out)["properties"]


def test_the_command_line_reads_the_same_file(capsys, tmp_path):
    shop_file(tmp_path / "shop.jsonl")
    (tmp_path / "review.yml").write_text("services: {aliases: {cart: basket}, exclude: [gateway]}\n")
    found = json.loads(run(capsys, "findings", "shop.jsonl", "--format", "json", "--config", "review.yml").out)
    assert [row["service"] for row in found["scorecard"]] == ["basket", "billing"]
    graph = json.loads(run(capsys, "graph", "shop.jsonl", "--config", "review.yml").out)
    assert {"basket", "billing"} <= {node["id"] for node in graph["nodes"]}
    assert not {"cart", "gateway"} & {node["id"] for node in graph["nodes"]}
