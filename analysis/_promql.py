"""What an expression of PromQL asks for: its series and the matchers of their labels; nothing else of it is understood.

The language's lexical rules are those of Prometheus' documentation, "Querying basics": strings in double or single
quotes with escapes, in backticks without, comments from ``#`` to the end of the line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, cast

__all__ = ["Matcher", "Selector", "plain_text", "selectors"]

Kind = Literal["=", "!=", "=~", "!~"]

#: Characters of an expression that are looked at: no rule is longer.
_LONGEST: Final = 100_000
_TOKEN: Final = re.compile(
    r"""(?P<space>[\s,]+|\#[^\n]*)|(?P<text>"(?>(?:[^"\\]|\\.)*)"|'(?>(?:[^'\\]|\\.)*)'|`[^`]*`)"""
    r"""|(?P<name>[A-Za-z_:][\w:.]*)|(?P<kind>=~|!~|!=|==|=)|(?P<number>\d[\w.]*)|(?P<other>.)""",
    re.DOTALL,
)
#: Words that are followed by labels in brackets.
_GROUPING: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS: Final = _GROUPING | {"and", "or", "unless", "bool", "offset", "atan2", "start", "end", "inf", "nan"}
#: What follows the name of a function or of an aggregation.
_AFTER_FUNCTIONS: Final = frozenset({"(", "by", "without"})
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PATTERN: Final = re.compile(r"(?<!\\)[.*+?()|\[\]{}^$]")


@dataclass(frozen=True)
class Matcher:
    """What a label must be."""

    label: str
    kind: Kind
    value: str

    @property
    def excludes(self) -> bool:
        """It says what the label must not be."""
        return self.kind in {"!=", "!~"}

    def holds(self, text: str) -> bool:
        """Tell whether the label may be a text."""
        if self.kind in {"=", "!="}:
            return (text == self.value) == (self.kind == "=")
        pattern = _compiled(self.value)
        return pattern is not None and (pattern.fullmatch(text) is not None) == (self.kind == "=~")


@dataclass(frozen=True)
class Selector:
    """Series: a metric, and what its labels must be."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


def selectors(expression: str) -> tuple[Selector, ...]:
    """Return the series that an expression asks for, in its order."""
    tokens = [(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(expression[:_LONGEST])]
    tokens = [token for token in tokens if token[0] != "space"]
    found: list[Selector] = []
    place = 0
    while place < len(tokens):
        group, text = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if group == "name" and text.lower() in _GROUPING and following == "(":
            while place < len(tokens) and tokens[place][1] != ")":
                place += 1
        elif text == "[":
            while place < len(tokens) and tokens[place][1] != "]":
                place += 1
        elif text == "{" or (group == "name" and following == "{"):
            metric = "" if text == "{" else text
            place, selector = _braces(tokens, place if text == "{" else place + 1, metric)
            found.append(selector)
        elif group == "name" and following not in _AFTER_FUNCTIONS and text.lower() not in _WORDS:
            found.append(Selector(text))
        place += 1
    return tuple(found)


def plain_text(pattern: str) -> str:
    """Return the only text that a regular expression has, its escapes undone; "" where it has many."""
    return "" if _PATTERN.search(pattern) else _ESCAPED.sub(r"\1", pattern)


def _braces(tokens: list[tuple[str, str]], place: int, metric: str) -> tuple[int, Selector]:
    """Read what stands in braces; return the place of their end."""
    matchers: list[Matcher] = []
    label = ""
    kind = ""
    place += 1
    while place < len(tokens) and tokens[place][1] != "}":
        group, text = tokens[place]
        if group == "kind":
            kind = text
        elif group == "text" and kind:
            matchers.append(Matcher(label, cast("Kind", kind), _unquoted(text)))
            label, kind = "", ""
        elif group in {"name", "text"}:
            # A quoted name without a matcher is the metric itself.
            label = text if group == "name" else _unquoted(text)
            if group == "text" and not metric and (place + 1 >= len(tokens) or tokens[place + 1][0] != "kind"):
                metric, label = label, ""
        place += 1
    named = next((one.value for one in matchers if one.label == "__name__" and one.kind == "="), metric)
    labels = tuple(Matcher(one.label.replace(".", "_"), one.kind, one.value) for one in matchers)
    return place, Selector(named, labels)


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    try:
        return str(json.loads(f'"{text[1:-1]}"' if text[0] == '"' else json.dumps(_ESCAPED.sub(r"\1", text[1:-1]))))
    except ValueError:
        # Escapes that Go has and JSON has not.
        return _ESCAPED.sub(r"\1", text[1:-1])


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return an expression of RE2, which for what labels hold is one of Python; None where it is none."""
    if len(pattern) > 1_000:
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
