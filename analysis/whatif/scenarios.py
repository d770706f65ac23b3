"""Scenarios: the one thing that is changed, as it is written on a command line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pandas as pd

__all__ = ["DETECTED", "KINDS", "Scenario", "ScenarioError", "read_scenario", "read_scenarios"]

#: What stands for all that the detectors found.
DETECTED: Final = "detected"

#: What each kind is written like.
KINDS: Final = {
    "fail": "fail=SERVICE[:share]",
    "slow": "slow=SERVICE:+50ms or slow=SERVICE:x2",
    "merge": "merge=A+B",
    "batch": "batch=detected or batch=SERVICE",
    "parallel": "parallel=detected or parallel=SERVICE",
    "timeout": "timeout=A->B:300ms",
    "breaker": "breaker=A->B",
    "retry": "retry=A->B:attempts",
    "owner": "owner=TABLE->SERVICE",
    "cut": "cut=SERVICE/MODULE",
}

_SERVICE: Final = r"(?P<service>.+)"
_EDGE: Final = r"(?P<caller>.+?)\s*->\s*(?P<service>.+?)"
_SHAPES: Final = {
    "fail": rf"{_SERVICE}:(?P<number>0?\.\d+|[01](?:\.\d+)?|\d+%)|(?P<only>[^:].*)",
    "slow": rf"{_SERVICE}:(?:(?P<time>[+-]\s*\d.*)|x(?P<number>\d+(?:\.\d+)?))",
    "merge": r"(?P<caller>[^+]+)\+(?P<service>[^+]+(?:\+[^+]+)*)",
    "batch": r"(?P<only>.+)",
    "parallel": r"(?P<only>.+)",
    "timeout": rf"{_EDGE}:(?P<time>\d[^:]*)",
    "breaker": _EDGE,
    "retry": rf"{_EDGE}:(?P<number>\d+)",
    "owner": _EDGE,
    "cut": r"(?P<only>[^/].*/.+)",
}


class ScenarioError(ValueError):
    """A scenario cannot be read, or names what is not there; the message says how it is written."""


@dataclass(frozen=True)
class Scenario:
    """One change.

    Attributes
    ----------
    text
        As it was written.
    kind
        One of `KINDS`.
    services
        Whom it concerns: one service, the two ends of an edge (the caller first), those that are merged; a table and
        its owner; a module, after its service. None where it is all that was detected.
    number
        A share, a factor, or attempts.
    time_ns
        A length of time.
    """

    text: str
    kind: str
    services: tuple[str, ...] = ()
    number: float | None = None
    time_ns: int | None = None


def read_scenarios(given: str | Scenario | Iterable[str | Scenario]) -> tuple[Scenario, ...]:
    """Return one or several scenarios.

    Raises
    ------
    ScenarioError
        One cannot be read, or there is none.
    """
    several = [given] if isinstance(given, str | Scenario) else list(given)
    found = tuple(one if isinstance(one, Scenario) else read_scenario(one) for one in several)
    if not found:
        raise ScenarioError(f"no scenario is given; there are {', '.join(KINDS.values())}")
    return found


def read_scenario(text: str) -> Scenario:
    """Return the scenario that a text says.

    Raises
    ------
    ScenarioError
        It is none; the message says how the nearest kind is written.
    """
    kind, _, rest = text.strip().partition("=")
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, 1, 0.4)
        hint = f"did you mean {KINDS[close[0]]}?" if close else f"there are {', '.join(KINDS.values())}"
        raise ScenarioError(f"unknown scenario {text[:80]!r}; {hint}")
    match = re.fullmatch(_SHAPES[kind], rest.strip())
    if match is None:
        raise ScenarioError(f"{text[:80]!r} cannot be read: it is written {KINDS[kind]}")
    found = match.groupdict()
    number = _number(found.get("number"))
    if kind == "fail" and number is not None and number > 1:
        raise ScenarioError(f"{text[:80]!r}: a share is 0 to 1, or 0% to 100%")
    if kind == "retry" and number is not None and number < 1:
        raise ScenarioError(f"{text[:80]!r}: a call is made once at least")
    return Scenario(text.strip(), kind, _services(kind, found), number, _time(text, found))


def _services(kind: str, found: dict[str, str | None]) -> tuple[str, ...]:
    only = found.get("only")
    if only is not None:
        return () if kind in {"batch", "parallel"} and only.strip().lower() == DETECTED else (only.strip(),)
    named = [name for name in (found.get("caller"), found.get("service")) if name is not None]
    if kind == "merge":
        named = [part for name in named for part in name.split("+")]
    return tuple(name.strip() for name in named)


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def _time(text: str, found: dict[str, str | None]) -> int | None:
    time = found.get("time")
    if time is None:
        return None
    if not any(letter.isalpha() for letter in time):
        raise ScenarioError(f"{text[:80]!r}: {time!r} has no unit, such as 300ms or 1.5s")
    try:
        return int(pd.Timedelta(time.replace(" ", "").removeprefix("+")).value)
    except ValueError as error:
        raise ScenarioError(f"{text[:80]!r}: {time!r} is no length of time, such as 300ms or 1.5s") from error
