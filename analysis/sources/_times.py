"""Times of exports as whole nanoseconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from analysis.sources._ledger import Refused

__all__ = ["BACKWARDS", "BEYOND", "INT64_MAX", "NOT_ENDED", "NO_START", "iso_nanoseconds", "nanoseconds", "span_times"]

INT64_MAX: Final = (1 << 63) - 1
BEYOND: Final = "time is beyond 64 bits"
NOT_A_NUMBER: Final = "time is not a number"
BACKWARDS: Final = "spans that end before they start: their duration counts as 0"
NOT_ENDED: Final = "spans with a start and no end: their duration is unknown"
NO_ISO_TIME: Final = "time is not written as in ISO 8601"
NO_START: Final = "spans with a duration or an end and no start: their place in time is unknown"

_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)? ?(?:Z|([+-])(\d\d):?(\d\d)?)?", re.ASCII
)
_EPOCH: Final = date(1970, 1, 1).toordinal()


def nanoseconds(value: object, unit_ns: int = 1) -> int | None:
    """Return a time or duration of an export in nanoseconds; None where there is none.

    Parameters
    ----------
    value
        A number or a text, possibly with a fraction; None and the empty text are no time, 0 is one.
    unit_ns
        Nanoseconds in one unit of the value.

    Raises
    ------
    Refused
        The value is no number, not finite, or beyond a signed 64-bit integer.
    """
    if type(value) is int:
        number = value * unit_ns
    elif value is None or value == "":
        return None
    elif type(value) is str:
        whole = len(value) < 20 and value.isascii() and value.isdecimal()
        number = int(value) * unit_ns if whole else _from_text(value, unit_ns)
    elif type(value) is float:
        if not math.isfinite(value):
            raise Refused(NOT_A_NUMBER)
        # A Decimal keeps the digits that the export shows; multiplying the float would add some of its own.
        number = round(Decimal(repr(value)) * unit_ns)
    else:
        raise Refused(NOT_A_NUMBER)
    if not -INT64_MAX <= number <= INT64_MAX:
        raise Refused(BEYOND)
    return number


def _from_text(text: str, unit_ns: int) -> int:
    if len(text) > 40:
        raise Refused(BEYOND)
    try:
        number = Decimal(text)
        if not number.is_finite():
            raise Refused(NOT_A_NUMBER)
        if number.adjusted() > 25:
            raise Refused(BEYOND)
        return round(number * unit_ns)
    except InvalidOperation as error:
        raise Refused(NOT_A_NUMBER) from error


def iso_nanoseconds(value: object) -> int | None:
    """Return a time written as in ISO 8601 in nanoseconds since the epoch; None where there is none.

    A time without a zone is in UTC; digits beyond the ninth of a second are cut.

    Raises
    ------
    Refused
        It is no such time, or beyond a signed 64-bit integer.
    """
    if value is None or value == "":
        return None
    match = _ISO.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Refused(NO_ISO_TIME)
    day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    seconds = _day_seconds(day) + int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if sign:
        away = int(zone_hour) * 3600 + int(zone_minute or 0) * 60
        seconds += away if sign == "-" else -away
    number = seconds * 1_000_000_000 + (int(fraction.ljust(9, "0")) if fraction else 0)
    if not -INT64_MAX <= number <= INT64_MAX:
        raise Refused(BEYOND)
    return number


@lru_cache(maxsize=512)
def _day_seconds(day: str) -> int:
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH) * 86_400
    except ValueError as error:
        raise Refused(NO_ISO_TIME) from error


def span_times(
    start_ns: int | None, duration_ns: int | None, note: Callable[[str], None]
) -> tuple[int | None, int | None]:
    """Return start and duration as the schema keeps them, noting what is missing or runs backwards.

    Raises
    ------
    Refused
        The span's end is beyond a signed 64-bit integer.
    """
    if duration_ns is None:
        if start_ns is not None:
            note(NOT_ENDED)
        return start_ns, None
    if duration_ns < 0:
        note(BACKWARDS)
        duration_ns = 0
    if start_ns is None:
        note(NO_START)
    elif start_ns + duration_ns > INT64_MAX:
        raise Refused(BEYOND)
    return start_ns, duration_ns
