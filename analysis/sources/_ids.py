"""Trace and span ids as integers, whatever text an export writes them in.

An id is hexadecimal (upper or lower case, leading zeros possibly stripped, dashes of X-Ray and of UUIDs allowed),
base64 (Tempo), or decimal (Datadog; signed where a Java long was printed). Which one it is follows from its length
and alphabet alone: padded base64 ends in "=", which no other form has; decimal ids are of 17 digits or more, and
those of 64 bits never reach 32, so that a hexadecimal id of 16 or 32 digits that happens to hold no letter stays
hexadecimal. Hence one text gives one id wherever it stands, and references between spans hold without a decision for
a whole file.

Anything else, such as "span-A", is hashed with BLAKE2b: the same text gives the same id in every file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from analysis.sources._ledger import Refused

__all__ = ["HASHED", "canonical_span_id", "canonical_trace_id", "id_reader", "is_hashed", "trace_reader"]

HASHED: Final = "ids that are neither hexadecimal, base64 nor decimal were hashed"

_MASK: Final = (1 << 64) - 1
_HEXADECIMAL: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,32})", re.ASCII)
_DASHED: Final = re.compile(
    r"1-[0-9a-f]{8}-[0-9a-f]{24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,39}", re.ASCII)


def canonical_span_id(text: str) -> int:
    """Return a span id as an unsigned 64-bit integer; 0 is no id (an empty text, or zeros).

    Longer hexadecimal ids keep their low 64 bits, as Datadog and Zipkin do.
    """
    number = _number(text, 64)
    if number is None:
        number = _digest(text, 8)
    return number & _MASK


def canonical_trace_id(text: str) -> tuple[int, int]:
    """Return a trace id as its high and low 64 bits; both 0 is no id. 64-bit ids have a high half of 0."""
    number = _number(text, 128)
    if number is None:
        number = _digest(text, 16)
    return number >> 64, number & _MASK


def is_hashed(text: str, bits: int = 64) -> bool:
    """Return whether the text is none of the known forms of an id of 64 or 128 bits, so that it is hashed."""
    return _number(text, bits) is None


def id_reader(note: Callable[[str], None]) -> Callable[[object], int]:
    """Return a function from an id as decoded from JSON (text, number, nothing) to 64 bits, noting those hashed.

    A value that is no id at all, such as a list, raises Refused.
    """

    def read(value: object) -> int:
        if type(value) is str:
            if len(value) == 16 and value.isascii() and value.isalnum():
                try:
                    return int(value, 16)
                except ValueError:
                    note(HASHED)
                    return _digest(value, 8)
            if value and is_hashed(value):
                note(HASHED)
            return canonical_span_id(value)
        return _plain(value) & _MASK

    return read


def trace_reader(note: Callable[[str], None]) -> Callable[[object], tuple[int, int]]:
    """Return a function from a trace id as decoded from JSON to its two halves, noting those hashed.

    It remembers the last id: spans of one trace follow one another.
    """
    last_text: object = ""
    last = (0, 0)

    def read(value: object) -> tuple[int, int]:
        nonlocal last_text, last
        if value == last_text and type(value) is str:
            return last
        if type(value) is not str:
            number = _plain(value)
            return number >> 64, number & _MASK
        if len(value) == 32 and value.isascii() and value.isalnum():
            # What nearly every span has.
            try:
                number = int(value, 16)
            except ValueError:
                pass
            else:
                last_text, last = value, (number >> 64, number & _MASK)
                return last
        if value and is_hashed(value, 128):
            note(HASHED)
        last_text, last = value, canonical_trace_id(value)
        return last

    return read


def _plain(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 128:
        return value
    raise Refused("id is neither a text nor a whole number")


def _number(text: str, bits: int) -> int | None:
    """Return the id that the text spells, or None where it is none of the known forms."""
    if not text:
        return 0
    match = _HEXADECIMAL.fullmatch(text)
    if match is not None and not (16 < len(text) <= 20 and text.isdecimal() and int(text) <= _MASK):
        return int(match[1], 16)
    if _DECIMAL.fullmatch(text):
        number = int(text)
        if -(1 << 63) <= number < 0:
            return number & _MASK
        return number if 0 <= number < 1 << bits else None
    if text.endswith("="):
        return _base64(text)
    if _DASHED.fullmatch(text):
        return int(text.removeprefix("1-").replace("-", "") if text[1] == "-" else text.replace("-", ""), 16)
    return None


def _base64(text: str) -> int | None:
    if len(text) not in {12, 24}:
        return None
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(raw, "big") if len(raw) in {8, 16} else None


def _digest(text: str, size: int) -> int:
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()
    # Zero would read as "no id".
    return int.from_bytes(digest, "big") | 1
