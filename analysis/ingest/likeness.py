"""Names, paths and statements that differ in plain values only: what is derived of one of them holds for all.

Exports have millions of distinct paths and statements, because of the numbers, ids and quoted words in them, and as
many names of spans where these are made of paths. Each text has a *shape*: itself with every plain value replaced by
another of the same kind and length. Plain are whole segments of a path, numbers between marks of punctuation, and
quoted words; what is to be careful with stays as it is, so that texts are alike only where nothing tells them apart.
Callers still have to hold that no value shows in what they derive: two shapes of one text, made with different
``marks``, tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

__all__ = ["MARKS", "OTHER_MARKS", "Marks", "name_shape", "path_shape", "statement_shape", "statement_values"]

#: A digit, the two of them that stand for hexadecimal digits in turn, and a letter of a word.
Marks = tuple[str, str, str]

MARKS: Final[Marks] = ("1", "1a", "x")
OTHER_MARKS: Final[Marks] = ("7", "7b", "q")

_LONGEST: Final = 1_000
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: Eight lower-case hexadecimal digits or more, letters and decimal ones among them: never a word.
_HEX: Final = r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,64}"
#: Numbers of cards and telephones may go on over what stands between segments.
_CAREFUL: Final = re.compile(r"(?<![\w.])(?:00|[0-9]{8}-[0-9]{4}-[0-9]{4}-)")
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")
_SEGMENT: Final = re.compile(rf"(?<=/)(?:[0-9]+|{_UUID}|{_HEX})(?=/|$)")
_VALUE: Final = re.compile(
    rf"(?<=[ :])(?:{_UUID}|{_HEX})(?=[ :]|$)"
    r"|(?<=[ =(,<>:/|-])[0-9]{1,18}(?:\.[0-9]{1,18})?(?=[ =),;<>:/|-]|$)"
    r"|'(?!REDACTED')[A-Za-z0-9][A-Za-z0-9@. _:-]{0,63}'"
)


def path_shape(path: str, marks: Marks = MARKS) -> str:
    """Return the shape of a path; the path itself where it has a query, or anything else that is not plain."""
    if len(path) > _LONGEST or _PLAIN_PATH.fullmatch(path) is None or _CAREFUL.search(path) is not None:
        return path
    return _SEGMENT.sub(_replacing(marks), path)


def name_shape(name: str, marks: Marks = MARKS) -> str:
    """Return the shape of a span's name: of a path, or of a method and a path, that of the path; else the name."""
    first, space, rest = name.partition(" ")
    if first.startswith("/"):
        return name if space else path_shape(name, marks)
    return f"{first} {path_shape(rest, marks)}" if rest.startswith("/") else name


def statement_shape(statement: str, marks: Marks = MARKS) -> str:
    """Return the shape of a statement or command; documents, and what is long, are their own."""
    if len(statement) > _LONGEST or statement.lstrip()[:1] in {"{", "["}:
        return statement
    return _VALUE.sub(_replacing(marks), statement)


def statement_values(statement: str) -> list[str]:
    """Return the plain values of a statement, in their order: what its shape has others for."""
    return _VALUE.findall(statement)


@cache
def _replacing(marks: Marks) -> Callable[[re.Match[str]], str]:
    digit, pair, letter = marks

    def replaced(match: re.Match[str]) -> str:
        text = match.group()
        if text.isdigit():
            return digit * len(text)
        if text[0] == "'":
            return f"'{letter * (len(text) - 2)}'"
        if "." in text:
            whole, _, part = text.partition(".")
            return f"{digit * len(whole)}.{digit * len(part)}"
        # What begins with a letter may be a name where it stands, what begins with a digit is none.
        turn = pair if text[0].isdigit() else pair[::-1]
        return "-".join((turn * len(part))[: len(part)] for part in text.split("-"))

    return replaced
