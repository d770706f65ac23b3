"""Values of log lines where they stand in the text: times, ids, and copies of many texts into one."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["copy_texts", "parse_epochs", "parse_ids", "parse_times", "second_of", "whole_second"]

_DAYS: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_SECOND: Final = 1_000_000_000
_MOST: Final = (1 << 63) - 1
#: Seconds from 2004 to 2038: floats that large have so many bits behind the point.
_FIRST: Final = 1 << 30
_BITS: Final = 22


@kernel
def _digits(data: NDArray[np.uint8], at: int, count: int) -> int:
    """Return the number that digits spell; -1 where one is none."""
    number = 0
    for index in range(at, at + count):
        byte = data[index]
        if byte < 48 or byte > 57:
            return -1
        number = number * 10 + (byte - 48)
    return number


@kernel
def _day(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms")."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@kernel
def whole_second(data: NDArray[np.uint8], day_at: int, clock_at: int) -> int:
    """Return the second since the epoch of ``yyyy-mm-dd`` and ``hh:mm:ss``; -1 where they are none.

    What separates their digits is for the caller to see.
    """
    year, month, day = _digits(data, day_at, 4), _digits(data, day_at + 5, 2), _digits(data, day_at + 8, 2)
    return second_of(data, year, month, day, clock_at)


@kernel
def second_of(data: NDArray[np.uint8], year: int, month: int, day: int, clock_at: int) -> int:
    """Return the second since the epoch of a day and ``hh:mm:ss``; -1 where they are none."""
    hour, minute, second = _digits(data, clock_at, 2), _digits(data, clock_at + 3, 2), _digits(data, clock_at + 6, 2)
    if year < 1970 or year > 2261 or month < 1 or month > 12 or day < 1 or hour < 0 or hour > 23:
        return -1
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS[month - 1] + (1 if leap else 0) or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    return ((_day(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


@kernel
def _time(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Return nanoseconds since the epoch and 0, 1 where no zone is named, -1 where it is no plain time."""
    if end - at < 19 or data[at + 4] != 45 or data[at + 7] != 45 or data[at + 13] != 58 or data[at + 16] != 58:
        return 0, -1
    if data[at + 10] != 84 and data[at + 10] != 32:
        return 0, -1
    second = whole_second(data, at, at + 11)
    if second < 0:
        return 0, -1
    found = second * _SECOND
    place = at + 19
    if place < end and (data[place] == 46 or data[place] == 44):
        place += 1
        scale, seen = _SECOND // 10, 0
        while place < end and 48 <= data[place] <= 57 and seen < 9:
            found += (data[place] - 48) * scale
            scale //= 10
            seen += 1
            place += 1
        if seen == 0 or (place < end and 48 <= data[place] <= 57):
            return 0, -1
    if place == end:
        return found, 1
    if data[place] == 90 and place + 1 == end:
        return found, 0
    if place + 6 == end and data[place + 3] == 58 and (data[place] == 43 or data[place] == 45):
        hours, minutes = _digits(data, place + 1, 2), _digits(data, place + 4, 2)
        if hours < 0 or minutes < 0:
            return 0, -1
        offset = (hours * 60 + minutes) * 60 * _SECOND
        return (found - offset if data[place] == 43 else found + offset), 0
    return 0, -1


@kernel
def parse_times(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    time: NDArray[np.int64],
    how: NDArray[np.int8],
) -> None:
    """Fill the times of texts; ``how`` is 0, 1 where no zone is named, -1 where it is not a plain time."""
    for row in range(len(start)):
        time[row], how[row] = _time(data, start[row], end[row])


@kernel
def _rounded(number: int, bits: int, divisor: int) -> int:
    """Return ``number * 2**bits / divisor``, of two the even one where both are as near."""
    scaled = number << bits
    found = scaled // divisor
    twice = 2 * (scaled - found * divisor)
    return found + 1 if twice > divisor or (twice == divisor and found & 1) else found


@kernel
def _as_float(whole: int, fraction: int, places: int) -> int:
    """Return nanoseconds of seconds as if they were read into a float, whose step is 2**-22 from 2**30 on."""
    steps = _rounded(fraction, _BITS, 10**places)
    return whole * _SECOND + _rounded(steps * _SECOND, 0, 1 << _BITS)


@kernel
def parse_epochs(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    time: NDArray[np.int64],
    good: NDArray[np.bool_],
) -> None:
    """Fill nanoseconds of numbers since the epoch: whole ones of any unit, those with a fraction of seconds.

    Not good is what is no time by its size, and what a float would not hold exactly.
    """
    for row in range(len(start)):
        good[row] = False
        whole, digits, found, places = 0, 0, 0, -1
        size = end[row] - start[row]
        if size > 20:
            continue
        for at in range(start[row], end[row]):
            byte = data[at]
            if byte == 46:
                places, whole = 0, digits
                continue
            if size == 19 and places < 0 and digits > 922_337_203_685_477_579:
                digits = -1
                break
            digits = digits * 10 + (byte - 48)
            places += 1 if places >= 0 else 0
        if _FIRST <= whole < 2 * _FIRST and 0 < places <= 9:
            time[row] = _as_float(whole, digits - whole * 10**places, places)
            good[row] = True
            continue
        if digits < 0 or size > 19:
            continue
        if places < 0:
            unit = 1
            for limit, its in ((10**11, _SECOND), (10**14, 1_000_000), (10**17, 1_000)):
                if digits < limit:
                    unit = its
                    break
            if digits > _MOST // unit:
                continue
            found = digits * unit
        else:
            if whole >= _MOST // _SECOND or digits >= 1 << 53:
                continue
            # As if it were read into a float: the quotient of two whole numbers that are exact is rounded once.
            value = np.float64(digits) / 10.0**places
            second = np.floor(value)
            found = int(second) * _SECOND + int(np.rint((value - second) * 1e9))
        time[row] = found
        good[row] = found > 10**17


@kernel
def parse_ids(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    good: NDArray[np.bool_],
) -> None:
    """Fill the two halves of ids of 16 or 32 hexadecimal digits; not good is what has another form, or is zero."""
    for row in range(len(start)):
        size = end[row] - start[row]
        good[row] = size in (16, 32)
        if not good[row]:
            continue
        upper, lower = np.uint64(0), np.uint64(0)
        for index in range(size):
            byte = np.int64(data[start[row] + index])
            if 48 <= byte <= 57:
                digit = byte - 48
            elif 97 <= byte <= 102:
                digit = byte - 87
            elif 65 <= byte <= 70:
                digit = byte - 55
            else:
                good[row] = False
                break
            upper = (upper << np.uint64(4)) | (lower >> np.uint64(60))
            lower = (lower << np.uint64(4)) | np.uint64(digit)
        high[row], low[row] = upper, lower
        if upper == 0 and lower == 0:
            good[row] = False


@kernel
def copy_texts(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    offset: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Copy texts one after the other; text i is ``out[offset[i]:offset[i + 1]]``."""
    for row in range(len(start)):
        at = offset[row]
        for index in range(start[row], end[row]):
            out[at] = data[index]
            at += 1
