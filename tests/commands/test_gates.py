"""Gates on the command line: limits, baselines, acknowledgements, several formats from one review."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from tests.commands.run import run
from tests.shop import shop_file


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("gates") / "shop.jsonl")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("gates-earlier") / "shop.jsonl", table="other")


def test_only_what_is_new_fails(capsys, path, earlier, tmp_path):
    before = tmp_path / "before.json"
    run(capsys, "findings", earlier, "--format", "json", "--out", before)
    for baseline in (before, earlier):
        said = run(capsys, "findings", path, "--baseline", baseline, "--fail-on", "new-high")
        assert said.code == 3
        assert "1 finding reaches new-high: shared_table" in said.err
        assert run(capsys, "findings", earlier, "--baseline", baseline, "--fail-on", "new-low").code == 0


def test_new_without_a_baseline_is_wrong_usage(capsys, path):
    said = run(capsys, "findings", path, "--fail-on", "new-high")
    assert (said.code, "--baseline" in said.err) == (2, True)
    said = run(capsys, "findings", path, "--fail-on", "new-hgih")
    assert (said.code, "new-high" in said.err) == (2, True)


def test_acknowledged_findings_pass_and_expired_ones_fail(capsys, path, tmp_path):
    found = json.loads(run(capsys, "findings", path, "--format", "json").out)["findings"]
    high = [item["id"] for item in found if item["severity"] == "high"]
    for expires, code in (("9999-12-31", 0), ("2000-01-01", 3)):
        rows = [f"- {{finding: '{one}', reason: later, owner: team-a, expires: {expires}}}" for one in high]
        (tmp_path / "acknowledged.yml").write_text("\n".join(rows))
        (tmp_path / "review.yml").write_text("acknowledgements: acknowledged.yml\n")
        said = run(capsys, "findings", path, "--config", tmp_path / "review.yml", "--fail-on", "high")
        assert said.code == code
        assert ("expired on 2000-01-01" in said.err) is (code == 3)


def test_one_review_goes_into_several_formats(capsys, path, tmp_path):
    sarif, junit = tmp_path / "deep" / "out.sarif", tmp_path / "out.xml"
    said = run(capsys, "findings", path, "--format", "github", "--also", f"sarif={sarif}", "--also", f"junit={junit}")
    assert said.code == 0
    assert said.out.count("::error") >= 1
    assert json.loads(sarif.read_text())["version"] == "2.1.0"
    assert ET.parse(junit).getroot().tag == "testsuites"


@pytest.mark.parametrize(
    ("text", "said"), [("sarif", "FORMAT=FILE"), ("sarf=x", "did you mean 'sarif'"), ("sarif=", "FORMAT=FILE")]
)
def test_a_further_format_that_is_none_is_said_before_anything_is_read(capsys, text, said):
    answer = run(capsys, "findings", "nowhere.json", "--also", text)
    assert answer.code == 2
    assert said in answer.err


def test_new_edges_are_findings(capsys, path, tmp_path):
    before = tmp_path / "before.json"
    run(capsys, "findings", path, "--format", "json", "--out", before)
    members = json.loads(before.read_text())
    edges = [edge for edge in members["dependencies"] if edge["callee"] != "billing"]
    assert len(edges) == len(members["dependencies"]) - 1
    before.write_text(json.dumps(members | {"dependencies": edges}))
    options = ("--detector", "new_dependency", "--baseline", before, "--format", "json")
    found = json.loads(run(capsys, "findings", path, *options).out)["findings"]
    assert [item["subject"] for item in found] == [{"caller": "gateway", "callee": "billing", "kind": "sync"}]


def test_a_forbidden_dependency_fails_the_pipeline(capsys, path, tmp_path):
    config = tmp_path / "review.yml"
    config.write_text("rules:\n  - forbid: {from: gateway, to: billing}\n    reason: only cart may charge\n")
    said = run(
        capsys, "findings", path, "--config", config, "--detector", "forbidden_dependency", "--fail-on", "medium"
    )
    assert said.code == 3
    assert "only cart may charge" in " ".join(said.out.split())
