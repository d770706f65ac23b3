"""Severity of a log record, and whether its body is data rather than prose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from analysis.sources._json import NotJson, loads

__all__ = ["is_structured", "severity"]

#: The severity number's first of each range of four (OpenTelemetry, "Logs Data Model").
_SEVERITIES: Final = ("trace", "debug", "info", "warn", "error", "fatal")
_SEVERITY_TEXTS: Final[Mapping[str, str]] = {
    "trace": "trace",
    "verbose": "trace",
    "debug": "debug",
    "info": "info",
    "information": "info",
    "informational": "info",
    "notice": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
    "err": "error",
    "severe": "error",
    "fatal": "fatal",
    "critical": "fatal",
    "crit": "fatal",
    "alert": "fatal",
    "emergency": "fatal",
    "panic": "fatal",
}
# Atomic groups and possessive repeats: a body of thousands of pairs that ends otherwise is given up at once.
_LOGFMT: Final = re.compile(
    r"""\s*[\w.@-]++=(?>"(?:[^"\\]|\\.)*+"|\S*+)(?:\s++[\w.@-]++=(?>"(?:[^"\\]|\\.)*+"|\S*+))++\s*"""
)
#: The common and combined formats of Apache and nginx, and Envoy's default.
_ACCESS: Final = re.compile(r'\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ [^"]*" \d{3} |\[[^\]]+\] "[A-Z]+ \S+ [^"]*" \d{1,3} ')


def severity(number: Any, text: Any) -> str | None:
    """Return a log's severity in lower case, by its number, else by its text; None where neither is known."""
    if isinstance(number, str):
        number = int(number) if number.isdecimal() and len(number) < 4 else _SEVERITY_NUMBERS.get(number, 0)
    if isinstance(number, int) and 1 <= number <= 24:
        return _SEVERITIES[(number - 1) // 4]
    return _SEVERITY_TEXTS.get(text.strip().lower()) if isinstance(text, str) else None


def is_structured(body: Any) -> bool:
    """Return whether a log's body is data rather than prose: a map or list, JSON, logfmt, or an access log."""
    if isinstance(body, dict | list):
        return True
    if not isinstance(body, str):
        return False
    if body.lstrip()[:1] == "{":
        try:
            return isinstance(loads(body.encode("utf-8", "replace")), dict)
        except NotJson:
            return False
    return bool(_ACCESS.match(body[:4096]) or ("=" in body and _LOGFMT.fullmatch(body[:4096])))


_SEVERITY_NUMBERS: Final = {
    f"SEVERITY_NUMBER_{name.upper()}{step or ''}": 4 * index + max(step, 1)
    for index, name in enumerate(_SEVERITIES)
    for step in (0, 2, 3, 4)
}
