"""All pages of a report as one file: the address names the page that is shown."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from analysis.report.chapters import CHAPTERS
from analysis.report.site import Document, Site
from analysis.report.templates import TEMPLATES, drawing_script, render

__all__ = ["for_paper", "single_file"]

#: Tags of pages; what comes from telemetry is escaped, so that no other `<` stands in them.
_TAG: Final = re.compile(r"<[a-zA-Z][^<>]*>")
_ATTRIBUTE: Final = re.compile(r'(\s)(id|href|for)="([^"]*)"')


def single_file(site: Site) -> str:
    """Return the report as one HTML file that needs nothing else."""
    return _whole(site, site.documents, lambda target: target)


def for_paper(site: Site) -> str:
    """Return what is printed: the first page and the chapters, in which every finding stands with its evidence."""
    chapter_of = {
        finding.file: f"{_chapter_file(finding, site)}#finding-{PurePosixPath(finding.file).stem}"
        for finding in site.findings
    }
    # The review in short says again what the first page says.
    chapters = tuple(chapter for chapter in site.chapters if not chapter.file.startswith("00-"))
    return _whole(site, (site.index, *chapters), lambda target: chapter_of.get(target, target))


def _chapter_file(finding: Document, site: Site) -> str:
    chapters = {chapter.file for chapter in site.chapters}
    named = (chapter.file for chapter in CHAPTERS.values() if f'href="../{chapter.file}"' in finding.body)
    return next((file for file in named if file in chapters), site.index.file)


def _whole(site: Site, pages: tuple[Document, ...], moved: Callable[[str], str]) -> str:
    keys = {page.file: page.key for page in pages}
    return render(
        "single.html.j2",
        site=site,
        pages=[replace(page, body=_Joined(page, keys, moved).body()) for page in pages],
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
        drawing=drawing_script(),
    )


@dataclass(frozen=True)
class _Joined:
    """One page among others in a file: what it names is told apart by the key of the page."""

    page: Document
    keys: Mapping[str, str]
    moved: Callable[[str], str]

    def body(self) -> str:
        """Return the main part with its anchors and links renamed."""
        return _TAG.sub(lambda tag: _ATTRIBUTE.sub(self._renamed, tag[0]), self.page.body)

    def _renamed(self, found: re.Match[str]) -> str:
        space, name, value = found.groups()
        if name in ("id", "for"):
            return f'{space}{name}="{self.page.key}--{value}"'
        target = self._target(unescape(value))
        # A file beside the report, or a page that is not here, cannot be reached from a file that was sent.
        return f'{space}href="{escape(target, quote=True)}"' if target else ""

    def _target(self, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme:
            return address
        folder = posixpath.dirname(self.page.file)
        file = posixpath.normpath(posixpath.join(folder, parts.path)) if parts.path else self.page.file
        moved, _, fragment = self.moved(file).partition("#")
        if moved not in self.keys:
            return ""
        anchor = fragment or parts.fragment
        return f"#{self.keys[moved]}--{anchor}" if anchor else f"#{self.keys[moved]}"
