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


MAPPING = """spans:
  trace_id: trace
  span_id: span
  parent_span_id: {field: parent, values: {"": null}}
  service: service
  name: name
  kind: kind
  start_ns: start
  duration_ns: duration
"""


def rows_of_a_shop(path, callee):
    """Write requests as rows of a house's own: each calls another service."""
    lines = ["trace,span,parent,service,name,kind,start,duration"]
    for number in range(20):
        trace, start = f"{number + 1:032x}", 1_790_000_000_000_000_000 + number * 1_000_000_000
        for span, parent, service, name, kind in (
            (1, "", "shop", "GET /cart", "server"),
            (2, f"{1:016x}", "shop", "GET /prices", "client"),
            (3, f"{2:016x}", callee, "GET /prices", "server"),
        ):
            lines.append(f"{trace},{span:016x},{parent},{service},{name},{kind},{start + span},{50_000_000 - span}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["findings", "origins", "what-if"])
def test_what_is_compared_with_is_read_by_the_same_mapping(capsys, tmp_path, command):
    before, after = (rows_of_a_shop(tmp_path / f"{name}.csv", name) for name in ("prices", "tariffs"))
    (tmp_path / "columns.yml").write_text(MAPPING, encoding="utf-8")
    mapped = ("--map", tmp_path / "columns.yml", "--format", "json")
    incident = "2026-09-21T00:00Z..2026-09-22T00:00Z"
    arguments = {
        "findings": ("--baseline", before),
        "origins": ("--incident", incident, "--baseline", before),
        "what-if": ("--scenario", "slow=tariffs:+1ms", "--against", before),
    }
    said = run(capsys, command, after, *arguments[command], *mapped)
    assert said.code == 0, said.err
    if command == "findings":
        assert {"caller": "shop", "callee": "tariffs", "kind": "sync"} in json.loads(said.out)["baseline"]["appeared"]
