"""Names made safe and short enough to be drawn.

Names come from telemetry: they hold HTML, links, characters that turn the direction of writing, whole documents.
Plotly draws a subset of HTML in every text (``<b>``, ``<a href>``), so each name goes through :func:`shown` or a
function built on it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

__all__ = ["cleaned", "counted", "fitted", "hover", "plural", "shown", "text_width", "wrapped"]

ELLIPSIS: Final = "…"
#: Longest name in a hover label, in characters.
HOVER_CHARACTERS: Final = 120
#: Characters looked at; what lies beyond could not be shown anyway, and a name may be megabytes long.
_LOOKED_AT: Final = 1000
#: Marks drawn over one letter; more of them climb over the neighbouring rows.
_MARKS: Final = 2
#: Behind these a name may go on in the next line.
_BREAKS: Final = frozenset("-._/: ")
_NARROW: Final = frozenset("iljtfrI.,:;'|!()[]{}/\\ ·-`°")
_WIDE: Final = frozenset("mwMW@%—…")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "{": "&#123;", "}": "&#125;"}


def cleaned(name: Any) -> str:
    """Return a name on one line, without control, formatting and direction characters; "(unnamed)" for nothing.

    The result is not escaped yet.
    """
    if name is None or name != name:  # noqa: PLR0124 - NaN differs from itself
        return "(unnamed)"
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", str(name)[:_LOOKED_AT]):
        category = unicodedata.category(character)
        if category.startswith("M"):
            marks += 1
            if marks > _MARKS or not kept:
                continue
        else:
            marks = 0
        kept.append(" " if category.startswith(("C", "Z")) else character)
    text = " ".join("".join(kept).split())
    if len(str(name)) > _LOOKED_AT:
        text += ELLIPSIS
    return text or "(unnamed)"


def _escaped(text: str) -> str:
    # `$` would begin a formula where MathJax is loaded, braces a template of hover texts.
    return "".join(_ENTITIES.get(character, character) for character in text)


def _cut(text: str, characters: int) -> str:
    """Keep both ends: service names often differ only in one of them."""
    if len(text) <= characters:
        return text
    head = max(1, (characters - 1) * 3 // 5)
    tail = max(0, characters - 1 - head)
    return text[:head] + ELLIPSIS + (text[-tail:] if tail else "")


def shown(name: Any, characters: int = 48) -> str:
    """Return a name as it may be drawn: cleaned, cut in the middle to `characters`, and escaped.

    Parameters
    ----------
    name
        Anything; a missing one is shown as ``(unnamed)``.
    characters
        Longest text; what is left out is marked with an ellipsis.
    """
    return _escaped(_cut(cleaned(name), characters))


def text_width(text: str, size_px: float) -> float:
    """Estimate the width of a text in pixels, a little generously, for the sans-serif fonts of the theme.

    Parameters
    ----------
    text
        A name that is not escaped.
    size_px
        Size of the font.
    """
    return size_px * sum(_em(character) for character in text)


@lru_cache(maxsize=4096)
def _em(character: str) -> float:
    if character in _NARROW:
        return 0.34
    if character in _WIDE:
        return 0.92
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.7 if character.isupper() else 0.58


def _fit(text: str, width_px: float, size_px: float) -> str:
    """Cut a text to the most characters that fit, found by halving: a longer cut holds all of a shorter one."""
    if text_width(text, size_px) <= width_px:
        return text
    fits, too_wide = 1, len(text)
    while too_wide - fits > 1:
        middle = (fits + too_wide) // 2
        if text_width(_cut(text, middle), size_px) <= width_px:
            fits = middle
        else:
            too_wide = middle
    return _cut(text, fits)


def fitted(name: Any, width_px: float, size_px: float) -> str:
    """Return a name as it may be drawn on one line of `width_px` in a font of `size_px`."""
    return _escaped(_fit(cleaned(name), width_px, size_px))


def wrapped(name: Any, width_px: float, size_px: float, lines: int = 2) -> str:
    """Return a name on up to `lines` lines, broken after one of ``-._/:`` or a space if possible."""
    rest = cleaned(name)
    # Rather a little too wide than a last letter alone on its line, or a word in two.
    if text_width(rest, size_px) <= (1.15 if _BREAKS & set(rest) else 1.4) * width_px:
        return _escaped(rest)
    broken: list[str] = []
    while rest and len(broken) < lines - 1 and text_width(rest, size_px) > width_px:
        end = _break_at(rest, width_px, size_px)
        broken.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    if rest:
        broken.append(_fit(rest, width_px, size_px))
    return "<br>".join(_escaped(line) for line in broken)


def _break_at(text: str, width_px: float, size_px: float) -> int:
    end = 1
    good = 0
    while end < len(text) and text_width(text[: end + 1], size_px) <= width_px:
        end += 1
        if text[end - 1] in _BREAKS:
            good = end
    return good if good > end // 3 else end


def hover(lines: Iterable[str]) -> str:
    """Join lines, each already safe, to a hover text; empty ones are left out."""
    return "<br>".join(line for line in lines if line)


def counted(number: float) -> str:
    """Return a count that fits a cell: 950, 1.2k, 34k, 5.6M."""
    value = float(number)
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        # From 999.5 of the smaller unit on it would round to four digits.
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.1f}{unit}" if abs(scaled) < 9.95 else f"{scaled:.0f}{unit}"
    return f"{value:.0f}"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """Return "1 call", "2 calls", with thousands separated."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def listed(names: Sequence[Any], at_most: int = 3, characters: int = 40) -> str:
    """Return the first names, safe, and how many more there are."""
    first = ", ".join(shown(name, characters) for name in names[:at_most])
    return first if len(names) <= at_most else f"{first} and {len(names) - at_most:,} more"
