"""The wire format of Protocol Buffers, as far as it takes to find whole messages: fields and lengths.

Every function looks within given bounds only; a length that lies makes it say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

__all__ = ["FIXED64", "LENGTH", "VARINT", "Data", "Field", "encoded", "fields", "tiles", "varint", "whole_part"]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_LONGEST: Final = 10
Data = bytes | bytearray


class Field(NamedTuple):
    """One field: its number and wire type, and where its value lies (of a length-delimited one, the content)."""

    number: int
    kind: int
    start: int
    end: int


def varint(data: Data, at: int, end: int) -> tuple[int, int]:
    """Return a varint and where it ends; -1 as its value where it is cut off or too long."""
    value = shift = 0
    for position in range(at, min(end, at + _LONGEST)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    return -1, at


def fields(data: Data, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message up to the first that is broken or reaches beyond the end."""
    at = start
    while at < end:
        tag, value = varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if tag < 0 or number == 0:
            return
        if kind == VARINT:
            found, at = varint(data, value, end)
            if found < 0:
                return
        elif kind == LENGTH:
            length, value = varint(data, value, end)
            at = value + length
            if length < 0:
                return
        elif kind in {FIXED64, FIXED32}:
            at = value + (8 if kind == FIXED64 else 4)
        else:
            return
        if at > end:
            return
        yield Field(number, kind, value, at)


def tiles(data: Data, start: int, end: int, numbers: Collection[int]) -> bool:
    """Return whether the bytes are fields from end to end, all length-delimited, of these numbers, and not none."""
    at = start
    for field in fields(data, start, end):
        if field.kind != LENGTH or field.number not in numbers:
            return False
        at = field.end
    return at == end and start < end


def encoded(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return _varint_of(number << 3 | LENGTH) + _varint_of(len(content)) + content


def whole_part(data: Data, start: int, end: int, path: tuple[int, ...]) -> bytes:
    """Return what is whole of a message whose end is missing, as a message.

    Parameters
    ----------
    path
        Numbers of the fields down to a record: (1, 2, 2) keeps what is whole of a field 1 that is cut off, of its last
        field 2 too, and of that the whole fields, but nothing of a field 2 in there that is cut off itself.
    """
    at = start
    for field in fields(data, start, end):
        at = field.end
    whole = bytes(data[start:at])
    if len(path) > 1 and at < end:
        tag, value = varint(data, at, end)
        if tag == path[0] << 3 | LENGTH:
            _, content = varint(data, value, end)
            inner = whole_part(data, content, end, path[1:]) if content > value else b""
            if inner:
                whole += encoded(path[0], inner)
    return whole


def _varint_of(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
