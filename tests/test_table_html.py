"""Tables for reading: cells in words, numbers aligned, nothing that is not text."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from analysis.table_html import table

NOTHING = "\N{EN DASH}"


def cells(frame):
    return re.findall(r"<td[^>]*>(.*?)</td>", table(frame)._repr_html_())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("cart", "cart"),
        (7, "7"),
        (1_234_567, "1,234,567"),
        (-1_234_567, "-1,234,567"),
        (0.5, "0.5"),
        (1_234_567.8, "1,234,568"),
        (-1_234_567.8, "-1,234,568"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (math.nan, NOTHING),
        (None, NOTHING),
        (pd.NA, NOTHING),
        (pd.NaT, NOTHING),
        (True, "yes"),
        (np.bool_(False), "no"),
        (np.int64(12), "12"),
        (np.float32(0.5), "0.5"),
        (np.str_("a<b"), "a&lt;b"),
        (("a", "b"), "a; b"),
        ((), NOTHING),
        ({"p95_ms": 3, "of": ("x",)}, "p95 ms 3<br>of x"),
        ({}, NOTHING),
        ("<b>\u202e\x1b[1m", "&lt;b&gt; [1m"),
        ({"<i>": "</td>"}, "&lt;i&gt; &lt;/td&gt;"),
    ],
)
def test_a_cell_is_told_in_words(value, shown):
    assert cells(pd.DataFrame({"x": pd.Series([value], dtype=object)})) == [shown]


def test_numbers_are_aligned_and_truth_values_are_not():
    page = table(pd.DataFrame({"calls": [1], "name": ["a"], "async": [True]}))._repr_html_()
    assert page.count('class="number"') == 2
    assert '<th scope="col" class="number">calls</th>' in page


def test_header_holds_words_and_no_tags():
    page = table(pd.DataFrame({"p95_<b>_ms": [1]}))._repr_html_()
    assert '<th scope="col" class="number">p95 &lt;b&gt; ms</th>' in page


def test_no_row_says_so():
    empty = table(pd.DataFrame({"a": []}), empty="No <call>.")
    assert empty._repr_html_() == "<p>No &lt;call&gt;.</p>"
    assert repr(empty) == "No <call>."


def test_an_index_is_shown_where_it_is_asked_for():
    frame = pd.DataFrame({"calls": [1]}, index=pd.Index(["cart"], name="service"))
    assert cells(frame) == ["1"]
    shown = table(frame, index=True)
    assert list(shown.frame.columns) == ["service", "calls"]
    assert table(frame).frame is frame


def test_a_terminal_gets_no_control_character():
    text = repr(table(pd.DataFrame({"a\x1b": ["x\x1b[2J"], "b": [("y\u202e", {"k\x07": "z\x07"})]})))
    assert not set(text) & set("\x1b\x07\u202e")
