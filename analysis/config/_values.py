"""What a configuration may hold: kinds of values, each with its check, its meaning and its JSON Schema.

One description serves three readers: the check, which names line and nearest key; editors, by JSON Schema; and
``archreview config show``.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

__all__ = ["Choice", "Date", "Flag", "Kind", "Many", "Names", "Number", "Problems", "Section", "Text"]

Path = tuple[str, ...]
#: Longest piece of a file that an error repeats.
_SHOWN: Final = 60


@dataclass
class Problems:
    """What is wrong with one file, each with its line.

    Attributes
    ----------
    where
        The file, or "the configuration".
    lines
        Line of each key and entry, by its path.
    said
        The problems, a sentence each, in the order of the file.
    """

    where: str
    lines: Mapping[Path, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def add(self, path: Path, problem: str) -> None:
        """Note a problem at the nearest place whose line is known."""
        known = next((path[:size] for size in range(len(path), -1, -1) if path[:size] in self.lines), None)
        at = self.where if known is None else f"{self.where}, line {self.lines[known]}"
        self.said.append(f"{at}: {problem}")


class Kind(Protocol):
    """One kind of value."""

    @property
    def meaning(self) -> str:
        """What it is for, as editors show it."""

    def check(self, value: Any, path: Path, problems: Problems) -> Any:
        """Return the value as the review uses it; note what is wrong with it."""

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""


def _named(path: Path) -> str:
    return ".".join(path) or "the top"


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


@dataclass(frozen=True)
class Text:
    """A text; ``pattern`` is a regular expression that it must have, ``wanted`` says so in words."""

    meaning: str
    pattern: str = ""
    wanted: str = ""

    def check(self, value: Any, path: Path, problems: Problems) -> str:
        """Return the text; of a path as Python has it, its name."""
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(value, str) or not value.strip():
            problems.add(path, f"{_named(path)} must be a text, in quotes where it begins with *, ! or &")
            return ""
        if self.pattern and not re.search(self.pattern, value):
            problems.add(path, f"{_named(path)} must be {self.wanted}, not {_shown(value)}")
        return value

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        schema = {"type": "string", "minLength": 1, "description": self.meaning}
        return schema | {"pattern": self.pattern} if self.pattern else schema


@dataclass(frozen=True)
class Number:
    """A finite number."""

    meaning: str
    default: float

    def check(self, value: Any, path: Path, problems: Problems) -> float:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.add(path, f"{path[-1]} must be a number")
            return self.default
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            problems.add(path, f"{path[-1]} must be a finite number")
            return self.default
        return value

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "number", "description": self.meaning, "default": self.default}


@dataclass(frozen=True)
class Flag:
    """Yes or no; no by default."""

    meaning: str

    def check(self, value: Any, path: Path, problems: Problems) -> bool:
        """Return the answer."""
        if not isinstance(value, bool):
            problems.add(path, f"{_named(path)} must be true or false")
        return value is True

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "boolean", "description": self.meaning, "default": False}


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    meaning: str
    words: tuple[str, ...]

    def check(self, value: Any, path: Path, problems: Problems) -> str:
        """Return the word."""
        if value not in self.words:
            problems.add(path, f"{_named(path)} is {_shown(value)}{nearest(value, self.words)}; {self._known()}")
            return self.words[0]
        return str(value)

    def _known(self) -> str:
        return f"it is one of {', '.join(self.words)}"

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"enum": list(self.words), "description": self.meaning}


@dataclass(frozen=True)
class Date:
    """A day, as ``2027-01-31``."""

    meaning: str

    def check(self, value: Any, path: Path, problems: Problems) -> str:
        """Return the day in ISO 8601."""
        text = value.isoformat() if type(value) is dt.date else value
        try:
            return dt.date.fromisoformat(text).isoformat()
        except (TypeError, ValueError):
            problems.add(path, f"{_named(path)} must be a day such as 2027-01-31, not {_shown(value)}")
            return "0001-01-01"

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "string", "format": "date", "description": self.meaning}


@dataclass(frozen=True)
class Many:
    """A list of values of one kind; one value alone is a list of it."""

    meaning: str
    of: Kind

    def check(self, value: Any, path: Path, problems: Problems) -> tuple[Any, ...]:
        """Return the values."""
        entries = value if isinstance(value, list | tuple) else [value]
        return tuple(self.of.check(entry, (*path, str(place)), problems) for place, entry in enumerate(entries))

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        one = self.of.to_schema()
        return {"anyOf": [{"type": "array", "items": one}, one], "description": self.meaning}


@dataclass(frozen=True)
class Names:
    """Names that the reader chooses, each with a value of one kind."""

    meaning: str
    of: Kind

    def check(self, value: Any, path: Path, problems: Problems) -> dict[str, Any]:
        """Return the values by name."""
        if not isinstance(value, Mapping):
            problems.add(path, f"{_named(path)} must hold names with values")
            return {}
        return {str(name): self.of.check(one, (*path, str(name)), problems) for name, one in value.items()}

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "object", "additionalProperties": self.of.to_schema(), "description": self.meaning}


@dataclass(frozen=True)
class Section:
    """Known names, each with a value of its own kind.

    Attributes
    ----------
    required
        Names that must be there.
    one_of
        Names of which exactly one must be there.
    """

    meaning: str
    members: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()

    def check(self, value: Any, path: Path, problems: Problems) -> dict[str, Any]:
        """Return the values by name; an empty section is one that is not there."""
        if value is None and not self.required and not self.one_of:
            return {}
        if not isinstance(value, Mapping):
            problems.add(path, f"{_named(path)} must hold names with values")
            return {}
        for key in value:
            if key not in self.members:
                problems.add((*path, str(key)), f"unknown key {_shown(key)}{nearest(key, self.members)}")
        missing = [name for name in self.required if name not in value]
        if missing:
            problems.add(path, f"{_named(path)} needs {' and '.join(missing)}")
        if self.one_of and sum(name in value for name in self.one_of) != 1:
            problems.add(path, f"{_named(path)} needs either {' or '.join(self.one_of)}")
        return {
            name: kind.check(value[name], (*path, name), problems)
            for name, kind in self.members.items()
            if name in value and not (value[name] is None and _may_be_empty(kind))
        }

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        schema: dict[str, Any] = {
            "type": ["object", "null"] if not (self.required or self.one_of) else "object",
            "properties": {name: kind.to_schema() for name, kind in self.members.items()},
            "additionalProperties": False,
            "description": self.meaning,
        }
        if self.required:
            schema["required"] = list(self.required)
        if self.one_of:
            schema["oneOf"] = [{"required": [name]} for name in self.one_of]
        return schema


def _may_be_empty(kind: Kind) -> bool:
    """Tell whether a name without anything behind it says as much as no name at all."""
    return isinstance(kind, Names | Many) or (isinstance(kind, Section) and not (kind.required or kind.one_of))


def nearest(given: object, known: Collection[str]) -> str:
    """Return the hint that names what was probably meant."""
    close = difflib.get_close_matches(str(given)[:_SHOWN], known, 1, 0.0)
    return f"; did you mean {close[0]!r}?" if close else ""
