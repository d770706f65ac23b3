"""Names that a configuration hides: in no finding, table, figure, output, message or dataset, wherever they stood."""

from __future__ import annotations

import json

import pytest

import analysis as an
from analysis import outputs
from analysis._masking import Hidden
from analysis.gate import Gate
from tests.commands.run import run
from tests.exports import otlp_lines, span
from tests.planted import held, plant

CODENAME = "ACME-4711"
PATTERN = r"ACME-\d+"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Return a folder of a shop in whose every field a code name stands, and one of its records is refused."""
    folder = plant(tmp_path_factory.mktemp("named"), CODENAME)
    (folder / "broken.jsonl").write_text(f'{{"resourceSpans": "{CODENAME}"}}\n')
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    (folder / "owners.csv").write_text(f"service,team\n{CODENAME},team {CODENAME}\n")
    path = folder / "review.yml"
    path.write_text(f"redaction:\n  patterns: ['{PATTERN}']\ncatalogue: owners.csv\n")
    return path


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("cart", "cart"),
        ("ACME-1", "<name {}>"),
        ("GET /ACME-1/x ACME-1", "GET /<name {0}>/x <name {0}>"),
        ("<e-mail 1f2a> ACME-1", "<e-mail 1f2a> <name {}>"),
    ],
)
def test_what_is_hidden_is_told_apart_and_hidden_once(text, hidden):
    hide = Hidden((PATTERN, "[0-9a-f]{4}", "x*"))
    mask = Hidden(("ACME-1",))("ACME-1").split()[1].rstrip(">")
    found = Hidden((PATTERN,))(text)
    assert found == hidden.format(mask)
    assert hide(hide(text)) == hide(text)
    assert Hidden((PATTERN,))("ACME-1") != Hidden((PATTERN,))("ACME-2")


def test_no_output_and_no_saved_review_has_a_hidden_name(named, settings, tmp_path):
    plain = an.review(an.open_export(named))
    # The test must be able to fail: without the configuration the name is there.
    assert CODENAME in outputs.write(plain, "json")
    result = an.review(an.open_export(named), config=settings)
    assert len(result.finding_objects) == len(plain.finding_objects)
    for form in outputs.FORMATS:
        assert CODENAME not in outputs.write(result, form, None, Gate(("info",)).judge(result)), form
    assert CODENAME not in str([frame.to_dict("records") for frame in result.facts.values()])
    assert CODENAME not in an.figures.service_map(result).to_json()
    for path in (path for path in result.save(tmp_path / "saved").rglob("*") if path.is_file()):
        assert CODENAME not in held(path), path.name
    teams = {entry.team for entry in result.catalogue.entries}
    assert teams == {f"team {Hidden((PATTERN,))(CODENAME)}"}


@pytest.mark.parametrize(
    "command",
    [
        ("inspect",),
        ("inspect", "--format", "json"),
        ("findings",),
        ("graph", "--format", "json"),
        ("graph", "--grain", "operation", "--format", "csv"),
        ("critical-path", "--format", "json"),
        ("what-if", "--scenario", f"fail={CODENAME}"),
        ("origins", "--incident", "2026-11-23T10:00:20Z..2026-11-23T10:00:40Z", "--format", "json"),
    ],
)
def test_no_command_says_a_hidden_name(command, named, settings, capsys):
    said = run(capsys, command[0], named, *command[1:], "--config", settings)
    heard = said.out + said.err
    if command[0] == "what-if":
        # A scenario is the user's own word; that there is no such service names it again.
        heard = heard.replace(f"fail={CODENAME}", "")
    assert CODENAME not in heard
    assert said.out or said.err


def test_a_redacted_dataset_holds_no_hidden_name(named, settings, tmp_path, capsys):
    run(capsys, "ingest", named, "--to", tmp_path / "whole", "--config", settings)
    assert any(CODENAME in held(path) for path in (tmp_path / "whole").rglob("*.parquet"))
    said = run(capsys, "ingest", named, "--to", tmp_path / "data", "--redact-dataset", "--config", settings)
    assert said.code == 0
    assert CODENAME not in said.err
    for path in (path for path in (tmp_path / "data").rglob("*") if path.is_file()):
        assert CODENAME not in held(path), path.name
    assert an.open_dataset(tmp_path / "data").totals.spans == an.open_export(named).totals.spans


@pytest.mark.slow
def test_a_baseline_that_has_hidden_names_is_compared_without_them(named, settings, tmp_path, capsys):
    plain = an.review(an.open_export(named))
    (tmp_path / "before.json").write_text(outputs.write(plain, "json"))
    plain.save(tmp_path / "saved")
    found = {}
    for source in ("before.json", "saved"):
        said = run(capsys, "findings", named, "--baseline", tmp_path / source, "--config", settings, "--format", "json")
        assert CODENAME not in said.out + said.err
        found[source] = json.loads(said.out)["baseline"]
        assert found[source]["counts"]["persisting"] > 10
        assert (found[source]["counts"]["new"], found[source]["counts"]["resolved"]) == (0, 0)
    # The same traffic: no service, store or edge is another for its name.
    assert found["saved"]["traffic_compared"]
    assert (found["saved"]["appeared"], found["saved"]["vanished"], found["saved"]["changes"]) == ([], [], [])
    # The test must be able to fail: something is resolved, and it names what is hidden.
    other = tmp_path / "other.jsonl"
    other.write_bytes(otlp_lines([span(1, 1, service="gateway")]))
    said = run(capsys, "findings", other, "--baseline", tmp_path / "saved", "--format", "json")
    assert CODENAME in said.out
    said = run(capsys, "findings", other, "--baseline", tmp_path / "saved", "--config", settings, "--format", "json")
    assert CODENAME not in said.out + said.err
    assert Hidden((PATTERN,))(CODENAME) in said.out
