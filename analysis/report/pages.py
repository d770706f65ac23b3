"""Executed notebooks as HTML pages: our own nbconvert template, plotly.js once beside them, nothing from a network."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs
from traitlets.config import Config

__all__ = ["Page", "copy_assets", "embedded", "write_page"]

_TEMPLATE: Final = Path(__file__).parent / "template"
_ASSETS: Final = ("report.css", "report.js")
_PLOTLY: Final = "application/vnd.plotly.v1+json"
#: What is shown of an output that comes in several forms: the first of these.
_PRIORITY: Final = [_PLOTLY, "text/html", "text/markdown", "image/svg+xml", "image/png", "text/plain"]


@dataclass(frozen=True)
class Page:
    """An executed notebook and the page that it becomes."""

    name: str
    heading: str
    notebook: NotebookNode

    @classmethod
    def of(cls, path: Path) -> Page:
        """Read an executed notebook; its heading is its first line."""
        notebook = nbformat.read(path, as_version=4)
        first = notebook.cells[0].source.splitlines()[0] if notebook.cells else ""
        return cls(path.stem, first.lstrip("# ").strip() or path.stem, notebook)

    @property
    def file(self) -> str:
        """Name of the HTML file."""
        return f"{self.name}.html"

    @property
    def figures(self) -> int:
        """How many figures the notebook made."""
        return sum(
            _PLOTLY in output.get("data", {}) for cell in self.notebook.cells for output in cell.get("outputs", [])
        )


def copy_assets(folder: Path) -> None:
    """Put plotly.js, the style sheet and the script beside the pages."""
    assets = folder / "assets"
    assets.mkdir(exist_ok=True)
    (assets / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    for name in _ASSETS:
        shutil.copyfile(_TEMPLATE / name, assets / name)


def write_page(page: Page, pages: Sequence[Page], folder: Path, title: str) -> Path:
    """Write one page.

    Parameters
    ----------
    page, pages
        The page, and all of them for the navigation.
    folder
        Where the report is.
    title
        Heading of the report.
    """
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": _PRIORITY}}),
        template_name=_TEMPLATE.name,
        extra_template_basedirs=[str(_TEMPLATE.parent)],
        template_file="page.html.j2",
    )
    exporter.filters["embedded"] = embedded
    exporter.filters["figure_title"] = figure_title
    exporter.environment.globals["plotly_mimetype"] = _PLOTLY
    resources = {"pages": pages, "page": page, "report_title": title}
    body, _ = exporter.from_notebook_node(page.notebook, resources=resources)
    target = folder / page.file
    target.write_text(body, encoding="utf-8")
    return target


def embedded(value: Any) -> str:
    """Return a value as JSON that can stand in an HTML script element: it cannot end the element or open another."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def figure_title(figure: dict[str, Any]) -> str:
    """Return the title of a figure as plain text: what a screen reader says of it."""
    title = figure.get("layout", {}).get("title", {})
    text = title.get("text", "") if isinstance(title, dict) else str(title)
    return re.sub(r"<[^>]*>", " ", text).strip() or "Figure"
