"""Names and numbers in sentences: names from telemetry on one harmless line, numbers as people say them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

__all__ = ["counted", "duration", "listed", "percent", "plain"]

_LONGEST: Final = 2000
#: Categories of Unicode that a line cannot hold: control, formatting (direction marks are), surrogates, private use
#: and unassigned characters, and all kinds of space and line separators.
_UNFIT: Final = ("C", "Z")
#: Marks drawn over one letter; more of them climb over the neighbouring lines.
_MARKS: Final = 2


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return a text on one line, without control, formatting and direction characters.

    Parameters
    ----------
    text
        A name or sentence, possibly megabytes of it.
    longest
        Characters to keep; an ellipsis stands for the rest.
    """
    kept: list[str] = []
    marks = 0
    for character in text[: longest + 1]:
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0
        if marks <= _MARKS:
            kept.append(" " if category.startswith(_UNFIT) else character)
    line = " ".join("".join(kept).split())
    if len(text) > longest or len(line) > longest:
        return line[: longest - 1].rstrip() + "…"
    return line


def counted(number: int, noun: str, several: str = "") -> str:
    """Return how many there are of something: ``1 trace``, ``2,129 traces``; ``several`` is an irregular plural."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def listed(names: Iterable[str], most: int | None = None) -> str:
    """Return names as a sentence has them: ``a``, ``a and b``, ``a, b and c``; beyond ``most`` they are counted."""
    every = list(names)
    if most is not None and len(every) > most:
        every[most:] = [f"{len(every) - most} more"]
    *first, last = every or [""]
    return f"{', '.join(first)} and {last}" if first else last


def duration(milliseconds: float) -> str:
    """Return a length of time in the unit that says most, to three digits: ``310 µs``, ``131 ms``, ``2 min 1 s``."""
    if milliseconds < 0:
        return f"-{duration(-milliseconds)}"
    rounded = float(f"{milliseconds:.3g}")
    if rounded == 0:
        return "0 ms"
    if rounded < 1:
        return f"{rounded * 1e3:.3g} µs"
    if rounded < 1e3:
        return f"{rounded:.3g} ms"
    if rounded < 60e3:
        return f"{rounded / 1e3:.3g} s"
    seconds = round(milliseconds / 1e3)
    if seconds < 3600:
        return _two(seconds, 60, "min", "s")
    if seconds < 86_400:
        return _two(round(seconds / 60), 60, "h", "min")
    return _two(round(seconds / 3600), 24, "d", "h")


def percent(share: float) -> str:
    """Return a share of 0..1 in per cent; only nothing is 0 %, and only all is 100 %."""
    if share <= 0 or share >= 1:
        return f"{share:.0%}"
    if share < 0.001:
        return "under 0.1%"
    if share > 0.999:
        return "over 99.9%"
    digits = 1 if share < 0.1 or share > 0.9 else 0
    return f"{share:.{digits}%}".replace(".0%", "%")


def _two(number: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(number, size)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
