"""Severity of a log record, and whether its body is data rather than prose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from analysis.sources._json import NotJson, loads

__all__ = ["ACCESS", "LOGFMT", "is_structured", "level", "severity", "syslog_severity"]

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
    "emerg": "fatal",
    "dpanic": "fatal",
    "wrn": "warn",
    "inf": "info",
    "dbg": "debug",
    "trc": "trace",
    "vrb": "trace",
    "ftl": "fatal",
    "err.": "error",
    "finest": "trace",
    "finer": "debug",
    "fine": "debug",
    "config": "info",
    "default": "info",
    "ok": "info",
    "success": "info",
}
#: Levels of pino and bunyan (10, 20 … 60), each standing for those up to the next.
_TENS: Final = (10, 20, 30, 40, 50, 60)
#: Severities of syslog (RFC 5424), 0 to 7.
_SYSLOG: Final = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")
# Atomic groups and possessive repeats: a body of thousands of pairs that ends otherwise is given up at once.
LOGFMT: Final = re.compile(
    r"""\s*[\w.@-]++=(?>"(?>(?:[^"\\]|\\.)*)"|\S*+)(?>(?:\s++[\w.@-]++=(?>"(?>(?:[^"\\]|\\.)*)"|\S*+))+)\s*"""
)
#: The common and combined formats of Apache and nginx, and Envoy's default.
ACCESS: Final = re.compile(r'\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ [^"]*" \d{3} |\[[^\]]+\] "[A-Z]+ \S+ [^"]*" \d{1,3} ')


def severity(number: Any, text: Any) -> str | None:
    """Return a log's severity in lower case, by its number, else by its text; None where neither is known."""
    if isinstance(number, str):
        number = int(number) if number.isdecimal() and len(number) < 4 else _SEVERITY_NUMBERS.get(number, 0)
    if isinstance(number, int) and 1 <= number <= 24:
        return _SEVERITIES[(number - 1) // 4]
    return _SEVERITY_TEXTS.get(text.strip().lower()) if isinstance(text, str) else None


def level(value: Any) -> str | None:
    """Return the severity that a field ``level`` says: a word, a number of pino or bunyan, or one of syslog."""
    if isinstance(value, str):
        known = severity(None, value)
        return level(int(value)) if known is None and value.isdecimal() and len(value) < 4 else known
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    if value < len(_SYSLOG):
        return syslog_severity(value)
    return _SEVERITIES[sum(value >= step for step in _TENS[1:])] if value < 100 else None


def syslog_severity(number: int) -> str:
    """Return the severity that one of syslog's, 0 to 7, stands for."""
    return _SYSLOG[number]


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
    # A line of an access log holds quotes, pairs their equals signs.
    return bool(('"' in body and ACCESS.match(body[:4096])) or ("=" in body and LOGFMT.fullmatch(body[:4096])))


_SEVERITY_NUMBERS: Final = {
    f"SEVERITY_NUMBER_{name.upper()}{step or ''}": 4 * index + max(step, 1)
    for index, name in enumerate(_SEVERITIES)
    for step in (0, 2, 3, 4)
}
