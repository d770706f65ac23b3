"""What lies in the folder of a report, and what making it says."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import pytest
from plotly.offline import get_plotlyjs_version

from analysis.report.templates import VENDOR
from tests.notebooks.running import NOTEBOOKS
from tests.report import hostile
from tests.report.conftest import INTRUDER

pytestmark = pytest.mark.slow

PLOTLY = "application/vnd.plotly.v1+json"
CHAPTERS = [path.stem for path in NOTEBOOKS]


def test_nothing_but_the_result_is_said(made):
    """Kernels chatter when they start and stop; none of it reaches the terminal."""
    lines = made.said.stderr.splitlines()
    assert made.said.stdout == ""
    assert len(lines) == 1, made.said.stderr
    assert "index.html" in lines[0]
    assert "findings" in lines[0]


def test_a_report_is_its_pages_and_what_they_come_from(made):
    names = {path.name for path in made.folder.iterdir()}
    pages = {f"{name}.html" for name in CHAPTERS}
    folders = {"assets", "figures", "findings", "notebooks", "review", "services"}
    forms = {"report.html", "slides.html", "report.pdf", "slides.pdf", "review.md"}
    assert names == {"index.html", "findings.json", "alerts.yml", *folders, *forms, *pages}
    findings = json.loads((made.folder / "findings.json").read_text())["findings"]
    assert {path.stem for path in (made.folder / "findings").iterdir()} == {item["id"] for item in findings}
    assert len(list((made.folder / "services").iterdir())) == len(hostile.SERVICES)
    assert {path.name for path in (made.folder / "notebooks").iterdir()} == {f"{name}.ipynb" for name in CHAPTERS}


def test_plotly_is_there_once_and_packed(made):
    libraries = [path for path in made.folder.rglob("*") if path.is_file() and b"* plotly.js (" in path.read_bytes()]
    whole = (VENDOR / "plotly.min.js").read_text(encoding="utf-8")
    for path in libraries:
        (packed,) = re.findall(r'const packedPlotly = "([^"]+)";', path.read_text(encoding="utf-8"))
        assert gzip.decompress(base64.b64decode(packed)).decode() == whole
    # Beside the pages, and inside the two forms that are one file each.
    names = sorted(path.relative_to(made.folder).as_posix() for path in libraries)
    assert names == ["assets/figures.js", "report.html", "slides.html"]
    whole = {"report.html", "slides.html"}
    for page in (page for page in made.folder.rglob("*.html") if page.name not in whole):
        text = page.read_text(encoding="utf-8")
        assert text.count("assets/figures.js") == ('<div class="figure"' in text), page
        assert "http://" not in text.replace("http://www.w3.org/", ""), page
        assert "https://" not in text, page


def test_categories_of_every_legend_are_told_apart_in_greyscale(made):
    """By their hatching, their dashes or their signs; where they have the same, by how dark they are."""
    legends = [named for figure in figures_of(made.folder) if len(named := in_legend(figure)) > 1]
    assert legends
    alike = [
        (one["name"], other["name"])
        for named in legends
        for one, other in combinations(named, 2)
        if sign(one) == sign(other) and abs(grey(colour(one)) - grey(colour(other))) < 40
    ]
    assert alike == []


def figures_of(folder: Path) -> list[dict[str, Any]]:
    read = [nbformat.read(path, as_version=4) for path in sorted((folder / "notebooks").glob("*.ipynb"))]
    outputs = [output for notebook in read for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data[PLOTLY] for output in outputs if PLOTLY in output.get("data", {})]


def in_legend(figure: dict[str, Any]) -> list[dict[str, Any]]:
    if figure["layout"].get("showlegend") is False:
        return []
    return [trace for trace in figure["data"] if trace.get("name") and trace.get("showlegend") is not False]


def colour(trace: dict[str, Any]) -> str:
    return str(trace.get("marker", {}).get("color") or trace.get("line", {}).get("color"))


def sign(trace: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells a trace apart but its colour."""
    marker, line = trace.get("marker", {}), trace.get("line", {})
    told = (marker.get("pattern", {}).get("shape"), marker.get("symbol"), line.get("dash"), trace.get("mode"))
    return (trace["type"], *map(str, told))


def grey(hexadecimal: str) -> float:
    """Return how light a colour is, 0..255, as a printer without colours has it (ITU-R BT.601)."""
    parts = (int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5))
    return sum(weight * part for weight, part in zip((0.299, 0.587, 0.114), parts, strict=True))


def test_plotly_of_the_pages_is_that_of_the_figures():
    """A figure made for one version may be drawn otherwise by another."""
    head = (VENDOR / "plotly.min.js").read_text(encoding="utf-8")[:200]
    assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}" in head


def test_files_of_others_have_their_licence_beside_them():
    known = (VENDOR / "README.md").read_text(encoding="utf-8")
    for path in VENDOR.iterdir():
        if path.suffix in {".js", ".css"}:
            assert f"`{path.name}`" in known
            assert (VENDOR / f"{path.name.split('.')[0].split('-')[0]}.LICENSE").is_file()


def test_nothing_of_the_machine_is_told(made):
    """A report is handed on: it names neither folders nor the host it was made on.

    The name of a machine may be short enough to stand in compressed programs, or in a word, by chance.
    """
    for path in made.folder.rglob("*"):
        if path.suffix in {".html", ".ipynb", ".json"}:
            text = path.read_text(encoding="utf-8")
            assert str(made.home) not in text, path
            assert INTRUDER not in text, path
            assert not re.search(
                rf"\b{re.escape(socket.gethostname())}\b", re.sub(r"(?s)<script.*?</script>", "", text)
            ), path


def test_executed_notebooks_open_the_review_beside_them(made):
    for name in CHAPTERS:
        notebook = nbformat.read(made.folder / "notebooks" / f"{name}.ipynb", as_version=4)
        assert notebook.metadata.papermill.parameters == {"review": "../review"}
        assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)
        printed = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
        assert [out.text for out in printed if out.name == "stderr"] == []


def test_findings_are_those_of_the_review(made):
    of_report = json.loads((made.folder / "findings.json").read_text())
    assert of_report == json.loads((made.folder / "review" / "findings.json").read_text())
    assert of_report["schema"] == "archreview/findings/1"
