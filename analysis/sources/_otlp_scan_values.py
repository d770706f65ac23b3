"""Fields of OTLP's messages in an array of bytes, and whether a value is one that the scan takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wire_bytes import is_utf8, varint_at

__all__ = ["FIXED32", "FIXED64", "LENGTH", "VARINT", "field_at", "is_value"]

#: Wire types.
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

Bytes = NDArray[np.uint8]


@walker
def field_at(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Return a field's number, its wire type, and where its value begins and ends; number 0 where it is broken."""
    tag, value = varint_at(data, at, end)
    if value < 0 or tag <= 7 or tag >= 1 << 29:
        return 0, 0, 0, 0
    kind = tag & 7
    if kind == VARINT:
        _, after = varint_at(data, value, end)
    elif kind == LENGTH:
        length, value = varint_at(data, value, end)
        after = value + length if value > 0 and 0 <= length <= end - value else -1
    elif kind == FIXED64:
        after = value + 8
    elif kind == FIXED32:
        after = value + 4
    else:
        after = -1
    if after < 0 or after > end:
        return 0, 0, 0, 0
    return tag >> 3, kind, value, after


@walker
def _is_scalar(data: Bytes, at: int, end: int) -> bool:
    """Return whether a message is an AnyValue of one kind, or of none, and holds no others."""
    if at == end:
        return True
    field, kind, value, after = field_at(data, at, end)
    if after != end:
        return False
    if field == 1:
        return kind == LENGTH and is_utf8(data, value, after)
    if field in (2, 3):
        return kind == VARINT
    return (field == 4 and kind == FIXED64) or (field == 7 and kind == LENGTH)


@walker
def is_value(data: Bytes, at: int, end: int) -> bool:
    """Return whether a message is an AnyValue: a scalar, or a list or map of scalars. Deeper ones are odd."""
    field, kind, value, after = field_at(data, at, end)
    if field not in (5, 6):
        return _is_scalar(data, at, end)
    if kind != LENGTH or after != end:
        return False
    is_list = field == 5
    at = value
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if field != 1 or kind != LENGTH:
            return False
        if not (_is_scalar(data, value, after) if is_list else _is_pair(data, value, after)):
            return False
        at = after
    return True


@walker
def _is_pair(data: Bytes, at: int, end: int) -> bool:
    """Return whether a message is a KeyValue of a scalar."""
    seen = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if kind != LENGTH or not 1 <= field <= 2 or seen & field:
            return False
        seen |= field
        if not (is_utf8(data, value, after) if field == 1 else _is_scalar(data, value, after)):
            return False
        at = after
    return True
