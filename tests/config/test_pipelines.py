"""The files for pipelines: written by ``archreview config init --ci``, and their shell steps run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from analysis.config._pipelines import PIPELINES
from tests.commands.run import ROOT, run
from tests.shop import shop_file


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in a folder with an export, where `archreview` is this checkout's."""
    monkeypatch.chdir(tmp_path)
    shop_file(tmp_path / "traces.jsonl")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "archreview").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m analysis "$@"\n')
    (tools / "archreview").chmod(0o755)
    return tmp_path


def run_step(here, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{here / 'bin'}:{os.environ['PATH']}"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    whole = {**os.environ, **environment, "PATH": path}
    return subprocess.run(command, cwd=here, env=whole, capture_output=True, text=True, check=False)


def action_step() -> str:
    action = yaml.safe_load(PIPELINES["github"][".github/actions/archreview/action.yml"])
    [step] = action["runs"]["steps"]
    # What the shell runs names nothing that a pull request could choose.
    assert "${{" not in step["run"]
    assert set(step["env"]) == {"SOURCE", "FAIL_ON", "BASELINE", "CONFIG", "OUT"}
    return step["run"]


def test_init_writes_them_once(capsys, here):
    for pipeline, files in PIPELINES.items():
        said = run(capsys, "config", "init", "--ci", pipeline)
        assert said.code == 0
        for name, content in files.items():
            assert (here / name).read_text() == content
        assert run(capsys, "config", "init", "--ci", pipeline).code == 2
    assert (here / "review.yml").exists()


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_they_are_yaml(pipeline):
    for content in PIPELINES[pipeline].values():
        assert yaml.safe_load(content)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code"), [("high", 3), ("", 0), ("new-high", 0), ("high\nnew-low", 3)])
def test_the_step_of_the_action(here, limit, code):
    baseline = str(here / "traces.jsonl") if "new" in limit else "not-there.json"
    summary = here / "step-summary.md"
    inputs = {"SOURCE": "traces.jsonl\n\n", "FAIL_ON": limit, "BASELINE": baseline, "CONFIG": "review.yml"}
    done = run_step(here, action_step(), **inputs, OUT="out dir", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == code, done.stderr
    assert done.stdout.count("::error") >= 1
    assert {path.name for path in (here / "out dir").iterdir()} == {
        "findings.json", "findings.sarif", "junit.xml", "summary.md",
    }  # fmt: skip
    assert summary.read_text().startswith("# Architecture review")


@pytest.mark.slow
def test_what_a_pull_request_is_called_is_no_command(here):
    inputs = {"SOURCE": "$(touch owned)\ntraces.jsonl", "FAIL_ON": '"; touch owned; "', "BASELINE": "`touch owned`"}
    run_step(here, action_step(), **inputs, CONFIG="$(touch owned)", OUT="out")
    assert not (here / "owned").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code"), [("high", 3), ("", 0)])
def test_the_script_of_gitlab(here, limit, code):
    job = yaml.safe_load(PIPELINES["gitlab"]["archreview.gitlab-ci.yml"])["architecture"]
    variables = job["variables"] | {"FAIL_ON": limit}
    done = run_step(here, "\n".join(job["script"]), **variables)
    assert done.returncode == code, done.stderr
    assert (here / job["artifacts"]["reports"]["junit"]).exists()
