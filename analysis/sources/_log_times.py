"""Times of log lines, in the many ways in which loggers write them, as nanoseconds since the epoch."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

__all__ = ["NO_ZONE", "TIME", "log_time", "time_text"]

NO_ZONE: Final = "times without a time zone were taken as UTC"

_SECOND_NS: Final = 1_000_000_000
_INT64_MAX: Final = (1 << 63) - 1
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
#: A time as a line may begin with or hold, its fraction and its zone apart.
TIME: Final = re.compile(
    r"(?:(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T _]"
    r"|(?P<clf>\d\d/[A-Z][a-z]{2}/\d{4}):"
    r"|(?P<kibana>[A-Z][a-z]{2} \d{1,2}, \d{4}) (?:@ )?"
    r"|(?P<rfc>(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}) )"
    r"(?P<clock>\d\d:\d\d:\d\d)(?:[.,:](?P<fraction>\d{1,9})\d*)?"
    r"\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?(?!\w)",
    re.ASCII,
)
#: Digits of a number of seconds, milliseconds, microseconds or nanoseconds, for times of 1973 to 2286.
_UNITS: Final = ((10**11, _SECOND_NS), (10**14, 1_000_000), (10**17, 1_000), (10**20, 1))
_NUMBER: Final = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)


def log_time(value: Any) -> tuple[int | None, bool]:
    """Return a time in nanoseconds since the epoch, None where it is none, and whether it names its zone.

    Parameters
    ----------
    value
        A text, or a number of seconds, milliseconds, microseconds or nanoseconds, told apart by their size.
    """
    if type(value) is str:
        match = TIME.match(value)
        if match is not None:
            return time_text(match)
        return (_from_number(value), True) if _NUMBER.fullmatch(value) else (None, True)
    if type(value) is int:
        return _from_number(str(value)), True
    if type(value) is float and math.isfinite(value) and value > 0:
        return _from_number(f"{value:.9f}"), True
    return None, True


def time_text(match: re.Match[str]) -> tuple[int | None, bool]:
    """Return what `log_time` does, of a match of `TIME`."""
    date, clf, kibana, rfc, clock, fraction, zone = match.groups()
    second = _second(date or clf or kibana or rfc, clock, zone or "")
    if second is None:
        return None, True
    return second * _SECOND_NS + (int(fraction.ljust(9, "0")) if fraction else 0), zone is not None


@lru_cache(maxsize=4096)
def _second(date: str, clock: str, zone: str) -> int | None:
    """Return the second since the epoch: lines of the same second follow one another."""
    try:
        year, month, day = _date(date)
        hour, minute, second = int(clock[:2]), int(clock[3:5]), int(clock[6:8])
        # A leap second is told as the one before it.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, KeyError):
        return None
    offset = 0
    if zone[:1] in {"+", "-"}:
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60
        offset = -offset if zone[0] == "-" else offset
    return int(moment.timestamp()) - offset


def _date(text: str) -> tuple[int, int, int]:
    if text[:4].isdigit():
        return int(text[:4]), int(text[5:7]), int(text[8:10])
    if text[2:3] == "/":
        day, month, year = text.split("/")
        return int(year), _MONTHS[month.lower()], int(day)
    if text[:3].lower() in _MONTHS:
        month, day, year = text.replace(",", "").split()
        return int(year), _MONTHS[month.lower()], int(day)
    day, month, year = text.rpartition(", ")[2].split()
    return int(year), _MONTHS[month.lower()], int(day)


def _from_number(text: str) -> int | None:
    whole, _, fraction = text.partition(".")
    number = int(whole)
    for limit, unit in _UNITS:
        if number < limit:
            found = number * unit + int(fraction[:9].ljust(9, "0") or 0) * unit // _SECOND_NS
            return found if 10**17 < found <= _INT64_MAX else None
    return None
