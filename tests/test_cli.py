"""The command as a whole: help, usage, exit codes, and what it says when it cannot go on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from analysis.commands import COMMANDS
from tests.commands.run import ROOT, run, run_apart
from tests.exports import otlp
from tests.shop import shop_file

READING = ["inspect", "findings", "graph", "critical-path"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return shop_file(tmp_path_factory.mktemp("cli") / "shop.jsonl")


def test_help_shows_every_command_with_an_example(capsys):
    said = run(capsys, "--help")
    assert said.code == 0
    for name in COMMANDS:
        assert name in said.out
    assert "exit codes:" in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_teaches_by_example(capsys, name):
    said = run(capsys, name, "--help")
    assert said.code == 0
    assert f"archreview {name}" in said.out.split("example", 1)[1]


@pytest.mark.parametrize("name", [*READING, "ingest", "report"])
def test_what_reads_takes_the_shared_options(capsys, name):
    said = run(capsys, name, "--help")
    for option in ("--engine", "--config", "--quiet", "--strict-input", "--skew"):
        assert option in said.out


def test_help_loads_nothing_heavy():
    heavy = "{'numba', 'plotly', 'pandas', 'numpy', 'pyarrow', 'sqlglot', 'networkx', 'rich', 'yaml', 'nbconvert'}"
    code = (
        "import sys\nfrom analysis.cli import main\ntry:\n    main(['findings', '--help'])\nexcept SystemExit:\n"
        f"    print(sorted({heavy} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert seen.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("given", "set_aside", "made"), [("", True, 20_000), ("['detectors']", False, 700)])
def test_only_a_process_of_its_own_changes_what_is_collected_and_when(given, set_aside, made):
    code = (
        "import gc, sys\nfrom analysis.cli import main\nsys.argv[1:] = ['detectors']\n"
        f"main({given})\nprint(gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count() > 10_000)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert seen.stdout.splitlines()[-1] == f"True {made} {set_aside}"


def test_no_command_is_wrong_usage(capsys):
    said = run(capsys)
    assert said.code == 2
    assert "usage: archreview" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("finding", "x"), "'findings'"),
        (("findings", "x", "--format", "jsn"), "'json'"),
        (("findings", "x", "--family", "chaty"), "'chatty'"),
        (("findings", "x", "--family", "shared-data"), "'shared_data'"),
        (("findings", "x", "--fail-on", "hihg"), "'high'"),
        (("findings", "x", "--detector", "n_plus_one_query"), "'n_plus_one_queries'"),
        (("findings", "x", "--engine", "thread"), "'threads'"),
        (("graph", "x", "--links", "zipkn"), "'zipkin'"),
        (("detectors", "shared-tables"), "'shared_table'"),
        (("formats", "otlp_json"), "'otlp-json'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(capsys, arguments, meant):
    said = run(capsys, *arguments)
    assert said.code == 2
    assert f"did you mean {meant}?" in said.err
    assert said.out == ""


def test_options_are_not_abbreviated(capsys, shop):
    assert run(capsys, "findings", shop, "--form", "json").code == 2


@pytest.mark.parametrize("name", READING)
def test_a_missing_file_is_said_and_ends_with_1(capsys, tmp_path, name):
    said = run(capsys, name, tmp_path / "gone.json")
    assert said.code == 1
    assert "gone.json" in said.err
    assert "no such file" in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


def test_a_name_that_is_nearly_there_is_told(capsys, tmp_path, shop):
    said = run(capsys, "inspect", shop.with_name("shp.jsonl"))
    assert f"shp.jsonl: there is no such file; did you mean {shop.name!r}?" in said.err
    assert "Check its name" in said.err
    assert "archreview formats" not in said.err


def test_the_one_file_of_a_folder_that_cannot_be_read_is_named_once_with_its_reason(capsys, tmp_path):
    (tmp_path / "monday.json").write_bytes(b"")
    said = run(capsys, "inspect", tmp_path)
    assert said.err.count("the file is empty") == 1
    assert f"{tmp_path}: monday.json: the file is empty. " in said.err
    assert "standard input is empty" in run_apart("inspect", "-").err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"GET /cart 200\n", "unknown format"),
        (b'{"resourceMetrics": []}', "metrics"),
    ],
)
def test_what_cannot_be_read_at_all_ends_with_1_and_says_why(capsys, tmp_path, content, why):
    path = tmp_path / "export.json"
    path.write_bytes(content)
    said = run(capsys, "findings", path)
    assert said.code == 1
    assert why in said.err
    assert "export.json" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize("name", READING)
def test_a_well_formed_export_without_a_record_is_no_error(capsys, tmp_path, name):
    path = tmp_path / "none.json"
    path.write_bytes(b'{"resourceSpans": []}')
    said = run(capsys, name, path)
    assert said.code == 0
    assert "holds no record" in said.err + said.out
    assert said.out


def test_the_rest_is_read_and_the_count_told(capsys, tmp_path, shop):
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("to whom it may concern\n")
    (tmp_path / "shop.jsonl").write_bytes(shop.read_bytes())
    said = run(capsys, "findings", tmp_path)
    assert said.code == 0
    assert "2 of 3 exports could not be read" in said.err
    assert "empty.json was not read: the file is empty" in said.err
    assert "30 traces" in said.out
    assert run(capsys, "findings", tmp_path, "--strict-input").code == 1


def test_refused_records_are_told_and_strict_input_fails_on_them(capsys, tmp_path, shop):
    path = tmp_path / "shop.jsonl"
    path.write_bytes(shop.read_bytes() + b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "no id"}]}]}]}\n')
    said = run(capsys, "inspect", path)
    assert said.code == 0
    assert "refused: 1 record" in said.out
    said = run(capsys, "graph", path)
    assert said.code == 0
    assert "1 record refused" in said.err
    assert run(capsys, "graph", path, "--quiet").err == ""
    assert run(capsys, "graph", path, "--strict-input").code == 1
    assert run(capsys, "graph", shop, "--strict-input").code == 0


@pytest.mark.parametrize("span", ['{"name": "no id"}]}]}]}', '{"traceId": "0a'])
def test_an_export_of_which_every_record_is_refused_ends_with_1(capsys, tmp_path, span):
    path = tmp_path / "bad.json"
    path.write_text('{"resourceSpans": [{"scopeSpans": [{"spans": [' + span)
    said = run(capsys, "inspect", path)
    assert said.code == 1
    assert "refused: 1 record" in said.out
    assert "well-formed" not in said.out
    said = run(capsys, "findings", path)
    assert said.code == 1
    assert "no record that could be read" in said.err


def test_a_truncated_export_gives_what_it_holds(capsys, tmp_path, shop):
    path = tmp_path / "cut.jsonl"
    whole = shop.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    said = run(capsys, "findings", path)
    assert said.code == 0
    assert "refused" in said.err
    assert run(capsys, "findings", path, "--strict-input", "--quiet").code == 1


def test_a_dataset_beside_an_export_is_wrong_usage(capsys, tmp_path, shop):
    assert run(capsys, "ingest", shop, "--to", tmp_path / "data").code == 0
    said = run(capsys, "findings", tmp_path / "data", shop)
    assert said.code == 2
    assert "is a dataset: give it alone" in said.err


def test_an_address_of_an_unknown_kind_is_wrong_usage(capsys):
    said = run(capsys, "inspect", "carrier-pigeon://loft/traces.json")
    assert said.code in {1, 2}
    assert "carrier-pigeon" in said.err
    assert "Traceback" not in said.err


def test_configuration_is_checked_before_anything_is_read(capsys, tmp_path):
    path = tmp_path / "review.yml"
    path.write_text("limits:\n  n_plus_one_queries:\n    repeat: 3\n")
    for name in [*READING, "ingest", "report"]:
        more = {"ingest": ["--to", tmp_path / "data"], "report": ["--out", tmp_path / "out"]}.get(name, [])
        said = run(capsys, name, tmp_path / "gone.json", *more, "--config", path)
        assert said.code == 2, name
        assert "review.yml, line 3" in said.err
        assert "did you mean" in said.err


def test_standard_input_is_read(shop):
    said = run_apart("inspect", "-", "--format", "json", stdin=shop.read_bytes())
    assert said.code == 0
    assert '"path": "-"' in said.out
    assert '"traces": 30' in said.out


@pytest.mark.parametrize("asked", [["critical-path"], ["--version"], ["--help"], ["findings", "--help"]])
def test_a_reader_who_leaves_is_no_error(shop, asked):
    first = subprocess.Popen(
        [sys.executable, "-m", "analysis", *asked, *([shop] if asked == ["critical-path"] else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert first.stdout is not None
    assert first.stderr is not None
    first.stdout.close()
    errors = first.stderr.read().decode()
    first.stderr.close()
    assert first.wait() == 0
    assert errors == ""


def test_what_cannot_be_said_is_no_traceback_and_notes_are_no_results(tmp_path, shop):
    refused = tmp_path / "refused.jsonl"
    refused.write_bytes(shop.read_bytes() + b"\nno record\n")
    command = [sys.executable, "-m", "analysis", "graph", str(refused)]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    unheard = subprocess.run(closed, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    assert unheard.returncode == 1
    assert unheard.stderr.decode().splitlines()[-1] == "archreview: standard output is closed: name a file with --out"
    quiet = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *command], capture_output=True, check=False, cwd=ROOT)
    assert quiet.returncode == 0
    assert json.loads(quiet.stdout)["nodes"]


def test_a_terminal_of_another_character_set_is_no_error(shop):
    said = run_apart("findings", shop, "--quiet", PYTHONIOENCODING="ascii")
    assert said.code == 0
    assert "Traceback" not in said.err


def test_the_package_runs_as_a_module():
    assert run_apart("--version").out.startswith("archreview ")


def test_nothing_is_read_of_an_option_that_names_no_file(capsys, tmp_path, shop):
    out = tmp_path / "new" / "folder" / "graph.json"
    assert run(capsys, "graph", shop, "--out", out).code == 0
    assert out.read_text().startswith("{")


@pytest.mark.parametrize("name", [*READING, "what-if", "origins", "also"])
def test_where_nothing_can_be_written_is_told_before_anything_is_read(capsys, tmp_path, shop, name):
    (tmp_path / "folder").mkdir()
    more = {"what-if": ["--scenario", "fail=a"], "origins": ["--incident", "2026-11-23T10:00Z..2026-11-23T11:00Z"]}
    for out, why in ((tmp_path / "folder", "name a file in it"), (shop / "new" / "result.json", f"{shop}: ")):
        option = ["findings", "--also", f"json={out}"] if name == "also" else [name, "--out", out]
        said = run(capsys, *option, *more.get(name, []), tmp_path / "gone.json")
        assert said.code == 1
        assert why in said.err
        assert "gone" not in said.err
        assert len(said.err.splitlines()) == 1


def test_logs_alone_are_an_export(capsys, tmp_path):
    from tests.exports import log

    path = tmp_path / "logs.json"
    path.write_bytes(otlp(logs=[log("paid 3 EUR", 1, 2), log("paid 4 EUR")]))
    for name in READING:
        said = run(capsys, name, path)
        assert said.code == 0, said.err
    said = run(capsys, "inspect", path)
    assert "2 log records" in said.out
    assert "0 spans" not in said.out
