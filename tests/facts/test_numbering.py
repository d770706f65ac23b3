"""Numbers for what is equal, in order of appearance or of the values."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.facts._grouping import group_by
from analysis.facts._numbering import numbered
from analysis.facts._together import named_lists
from analysis.forest import Codes


# A table that stays in the processor's cache has room for some thousands of distinct values: more need another one.
@pytest.mark.parametrize("distinct", [1, 8_192, 8_193, 50_000])
def test_distinct_values_are_numbered_as_they_appear(distinct: int):
    values = np.tile(np.arange(distinct, dtype=np.int64)[::-1] << 40, 100_000 // distinct + 1)
    number, first = numbered(values)
    assert first.tolist() == list(range(distinct))
    assert np.array_equal(number, np.arange(len(values)) % distinct)


def test_groups_are_in_order_of_the_texts_and_then_of_the_numbers():
    service = Codes(np.array([1, 0, 1, -1, 2, 1], np.int32), ("shop", "cart", "shop"))
    groups = group_by({"service": service, "minute": np.array([7, 7, 5, 7, 7, 7]), "late": np.zeros(6, np.bool_)}, 6)
    assert groups.count == 4
    assert groups.of_row.tolist() == [2, 3, 1, 0, 3, 2]
    assert groups.keys["service"].to_pylist() == ["", "cart", "cart", "shop"]
    assert groups.keys["service"].dictionary.to_pylist() == ["", "cart", "shop"]
    assert groups.keys["minute"].to_pylist() == [7, 5, 7, 7]
    assert groups.keys["late"].to_pylist() == [False] * 4


def test_equal_lists_of_names_have_one_text():
    begin, end = np.array([0, 2, 4, 4, 5]), np.array([2, 4, 4, 5, 6])
    found = named_lists(begin, end, np.array([0, 1, 0, 1, 1, 0]), ("a", "b"), "/")
    assert [found.values[code] for code in found.codes] == ["a/b", "a/b", "", "b", "a"]
    assert found.values == ("a/b", "", "b", "a")
