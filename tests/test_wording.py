"""Names and numbers in sentences."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis._wording import counted, duration, listed, percent, plain


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 ms"),
        (0.00031, "0.31 µs"),
        (0.31, "310 µs"),
        (0.9999, "1 ms"),
        (1, "1 ms"),
        (9.876, "9.88 ms"),
        (130.653, "131 ms"),
        (999.4, "999 ms"),
        (999.7, "1 s"),
        (1234, "1.23 s"),
        (59_960, "1 min"),
        (120_609, "2 min 1 s"),
        (3_599_600, "1 h"),
        (5_400_000, "1 h 30 min"),
        (86_400_000, "1 d"),
        (93_600_000, "1 d 2 h"),
        (-12, "-12 ms"),
    ],
)
def test_a_duration_has_the_unit_that_says_most(milliseconds, said):
    assert duration(milliseconds) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0%"),
        (0.0004, "under 0.1%"),
        (0.001, "0.1%"),
        (0.0712, "7.1%"),
        (0.05, "5%"),
        (0.5, "50%"),
        (0.356, "36%"),
        (0.956, "95.6%"),
        (0.9996, "over 99.9%"),
        (1, "100%"),
    ],
)
def test_only_nothing_is_none_and_only_all_is_all(share, said):
    assert percent(share) == said


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_no_part_is_said_to_be_nothing_or_all(share):
    assert percent(share) not in {"0%", "0.0%", "100%", "100.0%"}


@given(st.floats(1e-3, 1e9))
def test_a_duration_is_told_within_a_percent_or_a_unit(milliseconds):
    units = {"µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 60e3, "h": 3600e3, "d": 86_400e3}
    words = duration(milliseconds).split()
    told = sum(float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    smallest = units[words[-1]] if len(words) > 2 or words[-1] in {"min", "h", "d"} else 0
    below = {"min": 1e3, "h": 60e3, "d": 3600e3}.get(words[1], 0)
    assert math.isclose(told, milliseconds, rel_tol=0.006, abs_tol=max(min(smallest, below), 0))


def test_one_is_no_plural():
    assert counted(1, "trace") == "1 trace"
    assert counted(0, "trace") == "0 traces"
    assert counted(2129, "trace") == "2,129 traces"
    assert counted(2, "record was", "records were") == "2 records were"


@given(st.text(max_size=300), st.integers(2, 200))
def test_a_plain_text_is_one_harmless_line(text, longest):
    line = plain(text, longest)
    assert len(line) <= longest
    assert line == line.strip()
    assert all(character == " " or unicodedata.category(character)[0] not in "CZ" for character in line)
    assert plain(line, longest) == line


def test_plain_keeps_what_can_be_read_and_says_where_it_cuts():
    assert plain("GET  /größe?\tx\n") == "GET /größe? x"
    assert plain("注文サービス") == "注文サービス"
    assert plain("abcdef", 4) == "abc…"
    assert plain("c" + "\u0301" * 9) == "c" + "\u0301" * 2


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["a"], "a"), (("a", "b"), "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_stand_in_a_sentence(names, said):
    assert listed(names) == said
