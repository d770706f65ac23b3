"""Values taken out of names: looking for what they hold first changes nothing but the time that it takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import _masking

MARKED = [pattern for pattern in _masking._PATTERNS if pattern.marks]
#: Texts with letters that upper and lower case do not pair one to one, and with what patterns begin by.
TEXTS = st.lists(
    st.sampled_from(["a", "b1", "9", "4711", " ", "/", ".", "-", "_", "\u212a", "\u017f", "Passw", "ord", "key", "pin"])
    | st.sampled_from(
        ["=", ":", "@", "%40", "://", "eyJ", "+", "00", "(", "-----BEGIN", "KEY-----", "/services/", "T12345"]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("pattern", MARKED, ids=lambda pattern: pattern.kind)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_a_pattern_matches_holds_one_of_its_marks(pattern, data):
    text = data.draw(st.from_regex(pattern.regex))
    found = pattern.regex.search(text)
    assert found is None or any(mark in text for mark in pattern.marks)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_marks_change_nothing(text):
    for pattern in MARKED:
        assert pattern.replaced("#", text) == pattern.regex.sub("#", text)
