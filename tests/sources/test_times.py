"""Times: units, fractions, zero, absence, and what is beyond 64 bits."""

from __future__ import annotations

import pytest

from analysis.sources._ledger import Refused, Rejects
from analysis.sources._times import BACKWARDS, NO_START, NOT_ENDED, nanoseconds, span_times


@pytest.mark.parametrize(
    ("value", "unit_ns", "expected"),
    [
        (0, 1000, 0),
        ("0", 1, 0),
        (None, 1, None),
        ("", 1, None),
        (5, 1000, 5000),
        ("5", 1000, 5000),
        (1.5, 1000, 1500),
        # A float keeps the digits that it shows: 0.1 + 0.2 in binary is not what an exporter meant.
        (1700000000000.1, 1_000_000, 1_700_000_000_000_100_000),
        ("1.2345", 1000, 1234),
        ("1e3", 1, 1000),
        (-5, 1000, -5000),
        (9223372036854775807, 1, 9223372036854775807),
    ],
)
def test_nanoseconds(value, unit_ns, expected):
    assert nanoseconds(value, unit_ns) == expected


@pytest.mark.parametrize("value", [2**63, 2**200, "9223372036854775808", 1e19, "1e30", "1e99999999", "1" * 41])
def test_beyond_64_bits(value):
    with pytest.raises(Refused, match="beyond"):
        nanoseconds(value)


@pytest.mark.parametrize("value", ["x", float("nan"), float("inf"), "NaN", "Infinity", [], {}, True, b"1"])
def test_no_number(value):
    with pytest.raises(Refused, match="not a number"):
        nanoseconds(value)


@pytest.mark.parametrize(
    ("start", "duration", "expected", "note"),
    [
        (5, 3, (5, 3), None),
        (0, 0, (0, 0), None),
        (5, -3, (5, 0), BACKWARDS),
        (5, None, (5, None), NOT_ENDED),
        (None, 3, (None, 3), NO_START),
        (None, None, (None, None), None),
    ],
)
def test_span_times(start, duration, expected, note):
    rejects = Rejects()
    assert span_times(start, duration, rejects.note) == expected
    assert rejects.notes == ({note: 1} if note else {})


def test_an_end_beyond_64_bits():
    with pytest.raises(Refused, match="beyond"):
        span_times(2**63 - 2, 2, Rejects().note)
