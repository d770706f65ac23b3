"""Names from telemetry on one line of a terminal, a spreadsheet or a wiki: no control or direction marks."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["plain"]

_LONGEST: Final = 2000


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return a text without control, formatting and direction characters, cut after ``longest`` characters."""
    kept = [
        " " if unicodedata.category(character).startswith(("C", "Z")) else character
        for character in text[: longest + 1]
    ]
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
