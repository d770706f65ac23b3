"""Executed notebooks as pages: our own nbconvert template, figures as data that the page draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from analysis.report.site import Document
from analysis.report.templates import TEMPLATES, embedded_figure, figure_height, figure_title

__all__ = ["Page", "chapter_document"]

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

    @cached_property
    def figures(self) -> int:
        """How many figures the notebook made."""
        return sum(
            _PLOTLY in output.get("data", {}) for cell in self.notebook.cells for output in cell.get("outputs", [])
        )


def chapter_document(page: Page) -> Document:
    """Return the page of an executed notebook."""
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": _PRIORITY}}),
        template_name=TEMPLATES.name,
        extra_template_basedirs=[str(TEMPLATES.parent)],
        template_file="notebook.html.j2",
    )
    exporter.filters["embedded_figure"] = embedded_figure
    exporter.filters["figure_height"] = figure_height
    exporter.filters["figure_title"] = figure_title
    exporter.environment.globals["plotly_mimetype"] = _PLOTLY
    body, _ = exporter.from_notebook_node(page.notebook)
    return Document(f"{page.name}.html", page.heading, body, page.figures)
