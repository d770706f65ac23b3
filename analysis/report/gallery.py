"""The gallery: every figure and every detector on one page, written from their docstrings.

python -m analysis.report.gallery            writes notebooks/guide/gallery.md
python -m analysis.report.gallery --check    exits with 1 where that page is not what would be written
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import analysis
from analysis import detectors, figures
from analysis.findings import FAMILIES
from analysis.report.chapters import CHAPTERS
from analysis.report.prose import as_markdown, sections

__all__ = ["PAGE", "gallery", "main"]

PAGE: Final = Path(analysis.__file__).resolve().parent.parent / "notebooks" / "guide" / "gallery.md"
_HEAD: Final = """\
# All figures and detectors

Written from their docstrings by `python -m analysis.report.gallery`; a test holds it current. The page of one detector
with its rule, its limits and their sources: `archreview detectors NAME`.
"""


def gallery() -> str:
    """Return the page."""
    return "\n".join([_HEAD, "## Figures", "", *_figures(), "## Detectors", "", *_detectors()]).rstrip() + "\n"


def _figures() -> list[str]:
    lines = []
    for name in figures.__all__:
        function = getattr(figures, name)
        if not inspect.isfunction(function) or name == "empty_figure":
            continue
        told = sections(inspect.getdoc(function) or "")
        lines += [f"### `an.figures.{name}`", "", f"`{name}{_signature(function)}`", "", as_markdown(told[""]), ""]
        returned = told.get("Returns", "")
        _, _, description = returned.partition("\n")
        if description.strip():
            lines += [as_markdown(inspect.cleandoc(description)), ""]
    return lines


def _signature(function: object) -> str:
    """Return the parameters of a function, without their types."""
    parts = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():  # type: ignore[arg-type] # a function
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append(f"{parameter.name}{default}")
    return f"({', '.join(parts)})"


def _detectors() -> list[str]:
    lines = []
    catalogue = detectors.discover()
    for family in FAMILIES:
        chapter = CHAPTERS[family]
        lines += [f"### {chapter.words}", "", chapter.question, ""]
        for name, detector in catalogue.items():
            if detector.INFO.family == family:
                told = sections(detector.__doc__)
                lines += [f"#### {detector.INFO.title}: `{name}`", "", as_markdown(told["What it finds"]), ""]
                lines += [f"*Why it matters.* {as_markdown(told['Why it matters'])}", ""]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Write the page, or check it."""
    text = gallery()
    if "--check" in arguments:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
