"""A report that cannot be made says so, keeps what there is of it, and is never taken for a whole one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import analysis as an
from analysis import cli
from analysis.report import ReportError, build_report
from analysis.report.execution import execute
from tests.exports import otlp, span


def notebook(path: Path, *sources: str) -> Path:
    parameters = new_code_cell('review = ""', metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# A chapter"), parameters, *map(new_code_cell, sources)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("export") / "traces.json"
    path.write_bytes(otlp([span(1, 1)]))
    return path


@pytest.fixture(scope="module")
def review(export) -> an.Review:
    return an.review(an.open_export(export))


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Return how to say which notebooks make up the report."""
    folder = tmp_path / "chapters"
    folder.mkdir()

    def of(**sources: str) -> None:
        paths = [notebook(folder / f"{name}.ipynb", source) for name, source in sources.items()]
        monkeypatch.setattr("analysis.report.build.notebooks", lambda: sorted(paths))

    return of


def test_unknown_parameter_is_refused_before_a_kernel_starts(tmp_path):
    source = notebook(tmp_path / "chapter.ipynb", "1")
    with pytest.raises(ReportError, match=r"chapter\.ipynb has no parameter reviw; it knows review"):
        execute(source, tmp_path / "done.ipynb", {"reviw": "x"})
    assert not (tmp_path / "done.ipynb").exists()


@pytest.mark.slow
def test_failing_cell_keeps_the_notebook_so_far_and_the_earlier_report(tmp_path, review, chapters):
    out = tmp_path / "out"
    chapters(a_chapter="print('the first')")
    build_report(review, out, title="Monday")
    earlier = (out / "index.html").read_bytes()
    chapters(a_chapter="print('so far')\nraise KeyError('no such table')")
    with pytest.raises(ReportError, match=r"a_chapter\.ipynb failed in cell 3.*no such table.*unfinished") as caught:
        build_report(review, out, title="Tuesday")
    partial = out / "unfinished" / "notebooks" / "a_chapter.ipynb"
    assert str(partial) in str(caught.value)
    assert "so far" in partial.read_text()
    assert not (out / "unfinished" / "index.html").exists()
    assert (out / "index.html").read_bytes() == earlier
    chapters(a_chapter="print('mended')")
    build_report(review, out, title="Wednesday")
    assert not (out / "unfinished").exists()
    assert "Wednesday" in (out / "index.html").read_text()


@pytest.mark.slow
def test_command_fails_with_one_line(tmp_path, export, chapters, capsys):
    chapters(a_chapter="raise ValueError('at the end')")
    assert cli.main(["report", str(export), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "ValueError: at the end" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out" / "index.html").exists()


@pytest.mark.slow
def test_dying_kernel_is_told_with_what_it_said(tmp_path, chapters, review):
    chapters(a_chapter="import os\nos.write(2, b'out of memory, say')\nos._exit(3)")
    with pytest.raises(ReportError, match=r"a_chapter\.ipynb lost its kernel") as caught:
        build_report(review, tmp_path / "out", title="Monday")
    assert str(tmp_path / "out" / "unfinished" / "notebooks" / "a_chapter.log") in str(caught.value)
