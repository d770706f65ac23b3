"""A real report of a system that leaks in every field: no file of it tells a secret, unless values were asked for."""

from __future__ import annotations

import pytest

import analysis as an
from analysis.report import build, build_report
from tests.commands.run import run_apart
from tests.planted import held, plant, told

CODENAME = "ACME-4711"
BROKEN = f'{{"resourceSpans": "{CODENAME} eve.mallory@mail.corp-example.de"}}\n'
CONFIGURATION = "redaction:\n  patterns: ['ACME-\\d+']\n"


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """Return the folder of a report in all its forms that need no browser, and what making it said."""
    home = tmp_path_factory.mktemp("private")
    (home / "exports").mkdir()
    plant(home / "exports", CODENAME)
    (home / "exports" / "broken.jsonl").write_text(
        f'{{"resourceSpans": "{CODENAME} eve.mallory@mail.corp-example.de"}}'
    )
    (home / "review.yml").write_text(CONFIGURATION)
    out, forms = home / "report", ("--single-file", "--slides", "--markdown", "--history", home / "report" / "past")
    said = run_apart("report", home / "exports", "--out", out, *forms, "--config", home / "review.yml")
    assert said.code == 0, said.err
    return out, said


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
    assert sum(path.suffix == ".ipynb" for path in files) >= 8
    assert any(path.parent.name == "past" for path in files)


@pytest.mark.slow
def test_what_making_it_said_tells_none(private):
    _, said = private
    assert "broken.jsonl" in said.err
    assert told(said.out + said.err) == []
    assert CODENAME not in said.out + said.err


def test_values_that_were_asked_for_are_shown_and_the_first_page_says_so(tmp_path, monkeypatch):
    (tmp_path / "exports").mkdir()
    monkeypatch.setattr(build, "notebooks", list)
    data = an.open_export(plant(tmp_path / "exports"))
    shown = an.review(data, config={"redaction": {"show_values": True}})
    index = build_report(shown, tmp_path / "shown", title="Shop").read_text()
    assert "--show-values" in index
    assert "This report shows values." in index
    pages = "".join(held(path) for path in (tmp_path / "shown").rglob("*.html"))
    assert told(pages) != []
    index = build_report(an.review(data), tmp_path / "hidden", title="Shop").read_text()
    assert "--show-values" not in index
    assert told("".join(held(path) for path in (tmp_path / "hidden").rglob("*.html"))) == []
