"""The pages of a report: what each holds, and how they are written as files that lead to one another."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from analysis.report.templates import TEMPLATES, VENDOR, drawing_script, render

__all__ = ["ASSETS", "Document", "Site", "copy_assets", "write_site"]

#: Files beside the pages that are as they are here, and where they come from.
ASSETS: Final = {
    "plotly.LICENSE": VENDOR,
    "report.css": TEMPLATES,
    "report.js": TEMPLATES,
}


@dataclass(frozen=True)
class Document:
    """One page.

    Attributes
    ----------
    file
        Where it is, seen from the folder of the report.
    heading
        What it is called.
    body
        HTML of its main part.
    figures
        How many figures it holds.
    """

    file: str
    heading: str
    body: str
    figures: int = 0

    @property
    def root(self) -> str:
        """How the folder of the report is reached from here."""
        return "../" * (len(PurePosixPath(self.file).parts) - 1)

    @property
    def key(self) -> str:
        """A name without folder and ending: what stands for the page where all pages are one file."""
        return self.file.removesuffix(".html").replace("/", "-")


@dataclass(frozen=True)
class Site:
    """All pages of a report.

    Attributes
    ----------
    title
        Heading of the report.
    index
        The first page.
    chapters
        The executed notebooks, in order: what the navigation names.
    findings, services
        A page each.
    """

    title: str
    index: Document
    chapters: tuple[Document, ...]
    findings: tuple[Document, ...]
    services: tuple[Document, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every page, the first page first."""
        return (self.index, *self.chapters, *self.findings, *self.services)


def copy_assets(folder: Path) -> None:
    """Put what pages load beside them."""
    assets = folder / "assets"
    assets.mkdir(exist_ok=True)
    for name, home in ASSETS.items():
        shutil.copyfile(home / name, assets / name)
    (assets / "figures.js").write_text(drawing_script(), encoding="utf-8", newline="\n")


def write_site(site: Site, folder: Path) -> None:
    """Write every page as a file."""
    for document in site.documents:
        target = folder / document.file
        target.parent.mkdir(parents=True, exist_ok=True)
        text = render("page.html.j2", site=site, document=document, root=document.root)
        target.write_text(text, encoding="utf-8")
