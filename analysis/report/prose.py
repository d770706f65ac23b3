"""Docstrings as pages: the sections of a detector's page, as HTML or as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Final

from markupsafe import Markup, escape

__all__ = ["as_html", "as_markdown", "sections"]

_RULE: Final = re.compile(r"^-{3,}$")
_CODE: Final = re.compile(r"``(.+?)``")
_ROLE: Final = re.compile(r":[a-z]+:`~?([^`]+)`")


def sections(docstring: str) -> Mapping[str, str]:
    """Return the sections of a docstring by their headings; what stands before the first is under ""."""
    lines = inspect.cleandoc(docstring).splitlines()
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if _RULE.match(following) and line.strip():
            heading = line.strip()
            found[heading] = []
        elif not _RULE.match(line):
            found[heading].append(line)
    return {name: "\n".join(text).strip() for name, text in found.items()}


def as_html(text: str) -> Markup:
    """Return a section as HTML: its paragraphs, and code where it is marked as such."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return Markup("").join(Markup("<p>{}</p>").format(_inline(" ".join(part.split()))) for part in paragraphs)


def _inline(text: str) -> Markup:
    parts = _CODE.split(_ROLE.sub(r"``\1``", text))
    shown = (Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts))
    return Markup("").join(shown)


def as_markdown(text: str) -> str:
    """Return a section as Markdown: a paragraph a line, and code in single marks."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "\n\n".join(_CODE.sub(r"`\1`", _ROLE.sub(r"``\1``", paragraph)) for paragraph in paragraphs)
