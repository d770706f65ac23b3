"""Names made safe: nothing of them is markup, turns the writing round, or runs out of its place."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures._text import cleaned, counted, fitted, hover, plural, shown, text_width, wrapped
from tests.figures.stories import HOSTILE


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_name_brings_markup_or_control_characters(name):
    for text in (shown(name), fitted(name, 150, 12), wrapped(name, 80, 12).replace("<br>", "")):
        assert not re.search(r"[<>]", text)
        assert not any(unicodedata.category(character).startswith("C") for character in text)
        assert len(html.unescape(text)) <= 60


@given(st.text(max_size=80))
def test_a_shown_name_reads_as_the_cleaned_one(name):
    assert html.unescape(shown(name, 100)) == cleaned(name)


def test_markup_is_shown_and_not_followed():
    assert shown('<a href="x">&</a>') == '&lt;a href="x"&gt;&amp;&lt;/a&gt;'


def test_formulas_and_templates_stay_text():
    assert shown("$x$ {y}") == "&#36;x&#36; &#123;y&#125;"


def test_direction_and_control_characters_become_blanks():
    assert cleaned("abc\u202egnp.exe") == "abc gnp.exe"
    assert cleaned("a\r\n\tb\x00") == "a b"


def test_marks_do_not_climb():
    assert cleaned("z" + "\u0316" * 500) == "z\u0316\u0316"


@pytest.mark.parametrize("nothing", [None, "", " \n", float("nan"), "\u200b"])
def test_a_missing_name_is_said_to_be_missing(nothing):
    assert shown(nothing) == "(unnamed)"


def test_both_ends_of_a_long_name_stay():
    assert shown("ts-order-other-service", 11) == "ts-ord…vice"


@given(st.text(min_size=1, max_size=200), st.floats(30, 400))
def test_a_fitted_name_fits(name, width):
    text = html.unescape(fitted(name, width, 12))
    assert text_width(text, 12) <= width or len(text) <= 2


def test_a_name_breaks_after_its_separators():
    assert wrapped("ts-travel-service", 60, 12) == "ts-travel-<br>service"
    assert wrapped("cart", 60, 12) == "cart"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1250, "1.2k"), (999_499, "999k"), (999_950, "1.0M"), (34_000, "34k")],
)
def test_counts_fit_a_cell(number, text):
    assert counted(number) == text


def test_plurals_and_hover_lines():
    assert plural(1, "call") == "1 call"
    assert plural(1200, "dependency", "dependencies") == "1,200 dependencies"
    assert hover(["a", "", "b"]) == "a<br>b"
