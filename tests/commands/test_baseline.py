"""``--baseline``: what became better and worse, in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.commands.run import run
from tests.shop import shop_file


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline")
    return shop_file(folder / "before.jsonl", 60, table="ledger"), shop_file(
        folder / "after.jsonl", 60, service="basket"
    )


@pytest.fixture
def marked(capsys, paths):
    before, after = paths
    return json.loads(run(capsys, "findings", after, "--baseline", before, "--format", "json").out)


def test_json_marks_findings_and_tells_the_resolved(marked):
    statuses = {item["status"] for item in marked["findings"]}
    assert statuses <= {"new", "persisting"}
    assert "new" in statuses
    resolved = marked["baseline"]["resolved"]
    assert {"cart"} <= {service for item in resolved for service in item["services"]}
    counts = marked["baseline"]["counts"]
    assert counts["new"] + counts["persisting"] == len(marked["findings"])
    assert counts["resolved"] == len(resolved)
    assert {"caller": "gateway", "callee": "basket", "kind": "sync"} in marked["baseline"]["appeared"]


def test_a_findings_file_gives_the_same_marks(capsys, paths, marked, tmp_path):
    before, after = paths
    kept = tmp_path / "before.json"
    assert run(capsys, "findings", before, "--format", "json", "--out", kept).code == 0
    again = json.loads(run(capsys, "findings", after, "--baseline", kept, "--format", "json").out)
    assert again["findings"] == marked["findings"]
    assert again["baseline"]["resolved"] == marked["baseline"]["resolved"]


def test_text_and_markdown_say_it_in_words(capsys, paths):
    before, after = paths
    text = run(capsys, "findings", after, "--baseline", before).out
    assert "Since the earlier review\n" in text
    assert "[new]" in text
    assert "Resolved: " in text
    markdown = run(capsys, "findings", after, "--baseline", before, "--format", "markdown").out
    assert "## Since the earlier review" in markdown
    assert "| since |" in markdown


def test_csv_has_a_column_more(capsys, paths):
    before, after = paths
    rows = list(
        csv.DictReader(io.StringIO(run(capsys, "findings", after, "--baseline", before, "--format", "csv").out))
    )
    assert {row["status"] for row in rows} >= {"new", "resolved"}


def test_only_detectors_that_are_asked_are_compared(capsys, paths):
    before, after = paths
    said = run(capsys, "findings", after, "--baseline", before, "--family", "shared_data", "--format", "json").out
    assert {item["family"] for item in json.loads(said)["baseline"]["resolved"]} <= {"shared_data"}


def test_a_baseline_that_is_not_there_or_of_another_schema(capsys, paths, tmp_path):
    _, after = paths
    gone = run(capsys, "findings", after, "--baseline", tmp_path / "gone.json")
    assert gone.code == 1
    assert "gone.json" in gone.err
    other = tmp_path / "other.json"
    other.write_text('{"schema": "archreview/findings/9"}')
    said = run(capsys, "findings", after, "--baseline", other)
    assert said.code == 2
    assert "archreview/findings/9" in said.err
