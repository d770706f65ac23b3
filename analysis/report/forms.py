"""The forms that a report takes beside its folder of pages: one file, slides, PDF, pictures, Markdown."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from analysis import outputs
from analysis.engine import Progress
from analysis.report.browser import pdf_of_pages, pdf_of_slides, pictures_of, require_browser
from analysis.report.single import for_paper, single_file
from analysis.report.site import Site
from analysis.report.slides import slides
from analysis.report.told import Told

__all__ = ["Forms", "write_forms"]


@dataclass(frozen=True)
class Forms:
    """Which forms are asked for.

    Attributes
    ----------
    single_file
        ``report.html``: all pages in one file, to be sent.
    slides
        ``slides.html``: one finding a slide, with speaker's notes.
    pdf
        ``report.pdf`` (A4) and ``slides.pdf`` (16:9).
    pictures
        ``figures/``: each figure as SVG and PNG.
    markdown
        ``review.md``, for a wiki.
    """

    single_file: bool = False
    slides: bool = False
    pdf: bool = False
    pictures: bool = False
    markdown: bool = False

    def check(self) -> None:
        """Refuse what this machine cannot make, before anything is read.

        Raises
        ------
        ReportError
            If a browser is needed and there is none.
        """
        if self.pdf or self.pictures:
            require_browser()


def write_forms(site: Site, told: Told, folder: Path, forms: Forms, progress: Progress | None = None) -> None:
    """Write the forms that are asked for beside the pages.

    Raises
    ------
    ReportError
        If the browser fails.
    """
    steps = [name for name in ("single_file", "slides", "pdf", "pictures", "markdown") if getattr(forms, name)]
    for done, step in enumerate(steps):
        if progress is not None:
            progress("forms", done, len(steps))
        _WRITERS[step](site, told, folder)
    if steps and progress is not None:
        progress("forms", len(steps), len(steps))


def _single_file(site: Site, told: Told, folder: Path) -> None:  # noqa: ARG001 - each form takes the same
    (folder / "report.html").write_text(single_file(site), encoding="utf-8")


def _slides(site: Site, told: Told, folder: Path) -> None:  # noqa: ARG001 - as above
    (folder / "slides.html").write_text(slides(told), encoding="utf-8")


def _pdf(site: Site, told: Told, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="archreview-print-") as scratch:
        pages, shown = Path(scratch) / "pages.html", Path(scratch) / "slides.html"
        pages.write_text(for_paper(site), encoding="utf-8")
        pdf_of_pages(pages, folder / "report.pdf")
        shown.write_text(slides(told), encoding="utf-8")
        pdf_of_slides(shown, folder / "slides.pdf")


def _pictures(site: Site, told: Told, folder: Path) -> None:  # noqa: ARG001 - as above
    with tempfile.TemporaryDirectory(prefix="archreview-print-") as scratch:
        pages = Path(scratch) / "pages.html"
        pages.write_text(single_file(site), encoding="utf-8")
        pictures_of(pages, folder / "figures")


def _markdown(site: Site, told: Told, folder: Path) -> None:  # noqa: ARG001 - as above
    text = outputs.write(told.review, "markdown", told.comparison)
    (folder / "review.md").write_text(text, encoding="utf-8", newline="\n")


_WRITERS = {
    "single_file": _single_file,
    "slides": _slides,
    "pdf": _pdf,
    "pictures": _pictures,
    "markdown": _markdown,
}
