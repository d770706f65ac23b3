"""Ids: every encoding to the same number, any text to a stable one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import canonical_span_id, canonical_trace_id
from analysis.sources._ids import HASHED, id_reader, is_hashed, trace_reader
from analysis.sources._ledger import Refused, Rejects

SPAN = 0xEEE19B7EC3C1B174
TRACE = 0x5B8EFFF798038103D269B633813FC60C


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("eee19b7ec3c1b174", SPAN),
        ("EEE19B7EC3C1B174", SPAN),
        ("0xeee19b7ec3c1b174", SPAN),
        ("7uGbfsPBsXQ=", SPAN),
        ("5b8efff798038103eee19b7ec3c1b174", SPAN),
        ("b1586c3c8c34d", 0xB1586C3C8C34D),
        ("A", 10),
        ("0", 0),
        ("", 0),
        ("0000000000000000", 0),
        # Sixteen digits without a letter are hexadecimal; no decimal id of 64 bits is that short but by rare chance.
        ("1234567890123456", 0x1234567890123456),
        # Datadog's decimal ids have 17 to 20 digits.
        ("17213210219539181940", 17213210219539181940),
        ("-5", 2**64 - 5),
    ],
)
def test_span_ids(text, number):
    assert canonical_span_id(text) == number
    assert not is_hashed(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5B8EFFF798038103D269B633813FC60C", TRACE),
        ("W47/95gDgQPSabYzgT/GDA==", TRACE),
        ("W47_95gDgQPSabYzgT_GDA==", TRACE),
        ("5b8efff7-9803-8103-d269-b633813fc60c", TRACE),
        ("1-5b8efff7-98038103d269b633813fc60c", TRACE),
        ("121702245401190319682828931810593850892", TRACE),
        ("d269b633813fc60c", 0xD269B633813FC60C),
        ("7uGbfsPBsXQ=", SPAN),
        ("", 0),
    ],
)
def test_trace_ids(text, number):
    assert canonical_trace_id(text) == (number >> 64, number & 2**64 - 1)
    assert not is_hashed(text, 128)


@pytest.mark.parametrize(
    "text", ["span-A", "trace-abc", "G", " a", "1_0", "+5", "W47/=", "a" * 33, "9" * 60, "é", "\ud800"]
)
def test_other_texts_are_hashed(text):
    assert is_hashed(text, 128)
    assert canonical_span_id(text) == canonical_span_id(text) != 0
    assert canonical_trace_id(text) != (0, 0)


def test_the_hash_never_changes():
    # BLAKE2b of "span-A" (coreutils: printf %s span-A | b2sum -l 64), its lowest bit set.
    assert f"{canonical_span_id('span-A'):016x}" == f"{int('29d70fbec9cd5638', 16) | 1:016x}"


@given(st.integers(1, 2**64 - 1))
def test_every_encoding_of_a_span_id_gives_its_number(number):
    raw = number.to_bytes(8, "big")
    texts = [raw.hex(), raw.hex().upper(), raw.hex().lstrip("0"), base64.b64encode(raw).decode()]
    read = id_reader(Rejects().note)
    assert {canonical_span_id(text) for text in texts} == {number} == {read(text) for text in texts}
    assert read(number) == number


@given(st.integers(1, 2**128 - 1))
def test_every_encoding_of_a_trace_id_gives_its_halves(number):
    raw = number.to_bytes(16, "big")
    halves = (number >> 64, number & 2**64 - 1)
    read = trace_reader(Rejects().note)
    for text in (raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode()):
        assert canonical_trace_id(text) == halves == read(text) == read(text)


@given(st.text(max_size=40))
def test_readers_and_functions_agree_on_any_text(text):
    rejects = Rejects()
    assert id_reader(rejects.note)(text) == canonical_span_id(text)
    assert rejects.notes == ({HASHED: 1} if is_hashed(text) else {})
    assert trace_reader(Rejects().note)(text) == canonical_trace_id(text)
    assert 0 <= canonical_span_id(text) < 2**64


@pytest.mark.parametrize("value", [[], {}, 1.5, True, -1, 2**128])
def test_other_values_are_no_ids(value):
    with pytest.raises(Refused):
        id_reader(Rejects().note)(value)
    with pytest.raises(Refused):
        trace_reader(Rejects().note)(value)
