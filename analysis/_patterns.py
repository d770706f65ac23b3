"""Patterns of names as a configuration writes them: ``*`` is any text, ``?`` any character, all else itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["NOTHING", "Patterns", "matches"]


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Runs of stars say no more than one, and matching one after the other takes time that grows with each.
    parts = re.split(r"(\*+|\?)", pattern)
    return re.compile("".join(".*" if part[:1] == "*" else "." if part == "?" else re.escape(part) for part in parts))


def matches(pattern: str, name: str) -> bool:
    """Tell whether a name as a whole has a pattern; upper and lower case differ, as in names they do."""
    return _compiled(pattern).fullmatch(name) is not None


@dataclass(frozen=True)
class Patterns:
    """Patterns of which a name must have one.

    Attributes
    ----------
    patterns
        In the order of the configuration; one that begins with ``!`` takes out what those before it took in.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Patterns:
        """Return patterns from any list of them."""
        return cls(tuple(patterns))

    def __contains__(self, name: str) -> bool:
        return self.says(name) is True

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def says(self, name: str) -> bool | None:
        """Return whether a name is taken in (True), taken out (False), or not spoken of (None)."""
        answer: bool | None = None
        for pattern in self.patterns:
            if matches(pattern.removeprefix("!"), name):
                answer = not pattern.startswith("!")
        return answer


NOTHING = Patterns()
