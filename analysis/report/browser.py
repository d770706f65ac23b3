"""What only a browser can make: PDF and pictures of figures, by Chromium as it is found on the machine."""

from __future__ import annotations

import base64
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

from analysis.report.execution import ReportError
from analysis.report.templates import TEMPLATES

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["pdf_of_pages", "pdf_of_slides", "pictures_of", "require_browser"]

T = TypeVar("T")

_COMMANDS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
#: Names the program to use, for machines where it is not on the path.
_VARIABLE: Final = "ARCHREVIEW_BROWSER"
_ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
#: A4 with 12 mm around it, text at 8 points, and wide enough for the labels of figures: 186 mm / 0.72 in CSS pixels.
_SCALE: Final = 0.72
_PAPER_PX: Final = 976
#: The highest figure that fits on a sheet, with a heading above it: 265 mm / 0.72, less 90.
_HIGHEST_PX: Final = 1300
_FOOTER: Final = (
    '<div style="font:8px sans-serif;width:100%;text-align:center;color:#444">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)
_PATIENCE_MS: Final = 180_000
#: Width of pictures: that for which figures are designed.
_PICTURE_PX: Final = 1000


def require_browser() -> str:
    """Return the program that prints.

    Raises
    ------
    ReportError
        If there is none, or the package that drives it is missing; the message says what to install.
    """
    if importlib.util.find_spec("playwright") is None:
        message = "PDF and pictures need the extra 'export': pip install 'archreview[export]'"
        raise ReportError(message)
    named = os.environ.get(_VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _COMMANDS)), None)
    if found is None:
        looked = f"{_VARIABLE}={named} names none" if named else f"none of {', '.join(_COMMANDS)} is on the path"
        message = (
            f"PDF and pictures need Chromium, and {looked}: install it (Debian: apt-get install chromium), or name it "
            f"in {_VARIABLE}; without --pdf and --pictures the report needs no browser"
        )
        raise ReportError(message)
    return found


def pdf_of_pages(html: Path, target: Path) -> None:
    """Print a file of pages on A4: every page, every figure as vectors at the width of the paper."""
    from playwright.sync_api import PdfMargins  # noqa: PLC0415 - an extra

    def print_it(page: Page) -> None:
        page.set_viewport_size({"width": _PAPER_PX, "height": _HIGHEST_PX})
        page.emulate_media(media="print", color_scheme="light")
        page.goto(html.resolve().as_uri())
        page.evaluate(f"showAll({_HIGHEST_PX})")
        _make_lines(page)
        page.pdf(
            path=target,
            format="A4",
            scale=_SCALE,
            margin=PdfMargins(top="12mm", right="12mm", bottom="12mm", left="12mm"),
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOTER,
            outline=True,
            tagged=True,
        )

    _in_browser(print_it)


def pdf_of_slides(html: Path, target: Path) -> None:
    """Print slides, a sheet of 16:9 each."""

    def print_it(page: Page) -> None:
        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(color_scheme="light")
        page.goto(f"{html.resolve().as_uri()}?view=print")
        page.wait_for_function("Reveal.isReady() && document.querySelectorAll('.pdf-page').length > 0")
        page.evaluate("drawEverySlide()")
        _make_lines(page)
        page.pdf(path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)

    _in_browser(print_it)


def _make_lines(page: Page) -> None:
    """Have Chromium print vectors: patterns it would print as points, a picture of the whole figure for each bar."""
    page.evaluate((TEMPLATES / "paper.js").read_text(encoding="utf-8"))


def pictures_of(html: Path, folder: Path) -> list[Path]:
    """Write each figure of a file of pages as SVG and PNG, named by the page and its place there."""

    def save(page: Page) -> list[Path]:
        page.goto(html.resolve().as_uri())
        written = []
        places = page.evaluate("[...document.querySelectorAll('.figure')].map((place) => place.closest('.page').id)")
        seen: dict[str, int] = {}
        for place, key in enumerate(places):
            seen[key] = seen.get(key, 0) + 1
            for form in ("svg", "png"):
                address = str(page.evaluate(f"pictureOf({place}, '{form}', {_PICTURE_PX})"))
                target = folder / f"{key}-{seen[key]}.{form}"
                target.write_bytes(_content(address))
                written.append(target)
        return written

    folder.mkdir(exist_ok=True)
    return _in_browser(save)


def _content(address: str) -> bytes:
    """Return what a data address holds."""
    head, _, data = address.partition(",")
    return base64.b64decode(data) if head.endswith(";base64") else unquote(data).encode()


def _in_browser(use: Callable[[Page], T]) -> T:
    """Open a page and use it, in a thread of its own: the browser's driver keeps an event loop in its thread."""
    program = require_browser()

    def used() -> T:
        with _page(program) as page:
            return use(page)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(used).result()


@contextmanager
def _page(program: str) -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - an extra

    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
            page = browser.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            yield page
            browser.close()
    except Error as error:
        message = f"{program} could not print: {str(error).splitlines()[0]}"
        raise ReportError(message) from error
