"""The folder of a report: replaced as a whole, and nothing of anyone else's touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.report import ReportError
from analysis.report.folder import prepare, publish
from analysis.report.lock import building
from tests.commands.run import run


def put(folder: Path, *names: str) -> None:
    """Build and publish a report of these files, each holding its own name."""
    unfinished = prepare(folder)
    for name in names:
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    publish(unfinished, folder)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_next_report_leaves_no_stale_page(tmp_path):
    put(tmp_path, "index.html", "07-gone.html", "review/facts/old.parquet", "notebooks/07-gone.ipynb")
    put(tmp_path, "index.html", "review/facts/new.parquet")
    assert files(tmp_path) == {"index.html", "review/facts/new.parquet", "assets/contents.json"}
    assert not (tmp_path / "notebooks").exists()


def test_files_of_others_stay(tmp_path):
    put(tmp_path, "index.html", "notebooks/00-a.ipynb")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "notebooks" / "mine.ipynb").write_text("mine")
    put(tmp_path, "index.html")
    assert files(tmp_path) == {"index.html", "assets/contents.json", "notes.txt", "notebooks/mine.ipynb"}


@pytest.mark.parametrize("name", ["index.html", "findings.json", "notebooks/00-mine.ipynb", "review/mine.txt"])
def test_folder_of_something_else_is_refused_untouched(name, tmp_path):
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(ReportError, match=r"is in the way, and no report wrote it"):
        prepare(tmp_path)
    assert files(tmp_path) == {name}


def test_file_that_would_be_overwritten_is_refused_untouched(tmp_path):
    put(tmp_path, "index.html")
    (tmp_path / "02-page.html").write_text("mine")
    with pytest.raises(ReportError, match=r"02-page\.html is in the way"):
        put(tmp_path, "index.html", "02-page.html")
    assert (tmp_path / "02-page.html").read_text() == "mine"
    assert (tmp_path / "index.html").read_text() == "index.html"


def test_list_that_leads_out_of_the_folder_removes_nothing_there(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "report"
    put(folder, "index.html")
    listed = {"schema": "archreview/report/1", "files": ["../outside.txt", str(outside), "index.html"]}
    (folder / "assets" / "contents.json").write_text(json.dumps(listed))
    put(folder, "index.html")
    assert outside.read_text() == "mine"


def test_what_a_broken_run_left_is_cleared(tmp_path):
    unfinished = prepare(tmp_path)
    (unfinished / "half.html").write_text("half")
    assert files(prepare(tmp_path)) == {"assets/contents.json"}


def test_foreign_folder_named_unfinished_is_refused(tmp_path):
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "novel.txt").write_text("chapter one")
    with pytest.raises(ReportError, match="unfinished is in the way"):
        prepare(tmp_path)
    assert files(tmp_path) == {"unfinished/novel.txt"}


def test_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "report").write_text("a file")
    for folder in (tmp_path / "report", tmp_path / "report" / "monday"):
        for begun in (prepare, lambda path: building(path).__enter__()):
            with pytest.raises(ReportError, match=rf"{folder}, cannot be made: {tmp_path / 'report'} is a file"):
                begun(folder)


def test_what_is_in_the_way_is_told_before_anything_is_read(capsys, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("mine")
    said = run(capsys, "report", tmp_path / "gone.json", "--out", tmp_path / "report")
    assert (said.code, said.out) == (1, "")
    assert "index.html is in the way, and no report wrote it" in said.err
    assert files(tmp_path / "report") == {"index.html"}
