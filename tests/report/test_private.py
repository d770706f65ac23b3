"""A real report of a system that leaks in every field: no file of it tells a secret, unless values were asked for."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import analysis as an
from analysis.cli import main
from analysis.report import build, build_report
from tests.notebooks.running import PLOTLY, execute_here
from tests.planted import held, plant, told
from tests.secrets import VALUES
from tests.sharing import made_once

CODENAME = "ACME-4711"
BROKEN = f'{{"resourceSpans": "{CODENAME} eve.mallory@mail.corp-example.de"}}\n'
CONFIGURATION = "redaction:\n  patterns: ['ACME-\\d+']\n"


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """Return the folder of a report in all its forms that need no browser, and what making it said.

    Made by the command, but that the notebooks run in this process: ten kernels would only take a minute to start.
    """
    home = made_once(tmp_path_factory, "private", _make)
    return home / "report", (home / "said.txt").read_text(encoding="utf-8")


def _make(home: Path) -> None:
    (home / "exports").mkdir()
    plant(home / "exports", CODENAME)
    (home / "exports" / "broken.jsonl").write_text(BROKEN)
    (home / "review.yml").write_text(CONFIGURATION)
    out, said = home / "report", io.StringIO()
    forms = ["--single-file", "--slides", "--markdown", "--history", str(out / "past")]
    command = ["report", str(home / "exports"), "--out", str(out), *forms, "--config", str(home / "review.yml")]
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(said), redirect_stderr(said):
        patched.setattr(build, "execute", execute_here)
        # What a cell prints is told apart by what is printed meanwhile.
        patched.setattr(build, "_KERNELS", 1)
        code = main(command)
    assert code == 0, said.getvalue()
    (home / "said.txt").write_text(said.getvalue(), encoding="utf-8")


@pytest.mark.slow
def test_no_file_of_a_report_tells_any(private):
    folder, _ = private
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        text = held(path)
        assert told(text) == [], path.relative_to(folder)
        assert CODENAME not in text, path.relative_to(folder)
    names = {path.name for path in files}
    # The pages, the executed notebooks, the slides, the one file, Markdown, JSON, facts, spans and the trend.
    assert {"index.html", "slides.html", "report.html", "review.md", "findings.json", "exemplars.parquet"} <= names
    executed = [path.read_text(encoding="utf-8") for path in files if path.suffix == ".ipynb"]
    assert len(executed) >= 8
    assert sum(text.count(PLOTLY) for text in executed) > 20, "the notebooks showed what there is to show"
    assert any(path.parent.name == "past" for path in files)


@pytest.mark.slow
def test_what_making_it_said_tells_none(private):
    _, said = private
    assert "broken.jsonl" in said
    assert told(said) == []
    assert CODENAME not in said


@pytest.mark.slow
def test_values_that_were_asked_for_are_shown_and_the_first_page_says_so(private, tmp_path, monkeypatch):
    (tmp_path / "exports").mkdir()
    monkeypatch.setattr(build, "notebooks", list)
    # A few are enough to be seen: the other report held all of them.
    data = an.open_export(plant(tmp_path / "exports", secrets=VALUES[:3]))
    shown = an.review(data, config={"redaction": {"show_values": True}})
    index = build_report(shown, tmp_path / "shown", title="Shop").read_text()
    assert "--show-values" in index
    assert "This report shows values." in index
    pages = "".join(held(path) for path in (tmp_path / "shown").rglob("*.html"))
    assert told(pages) != []
    # The one that tells none does not say so.
    index = (private[0] / "index.html").read_text()
    assert "--show-values" not in index
    assert "This report shows values." not in index
