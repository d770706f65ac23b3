"""Several bytes of an array at once: what comparing, hashing and searching texts in compiled loops is made of.

Each takes an array of bytes, or one that stands for bytes, and the index of one. Callers see to it that the bytes read
lie inside the array: they keep :data:`PADDING` bytes behind the last that means something, and never pass an index
beyond that one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["PADDING", "alike", "byte", "first_bit", "marks", "padded", "places_of", "swapped", "word"]

#: Bytes that a read may touch behind the index it is given.
PADDING: Final = 64
_WIDTH: Final = 32
_QUOTE, _BACKSLASH, _SPACE = 34, 92, 32

_BYTE: Final = ir.IntType(8)
_WORD: Final = ir.IntType(64)

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]


def padded(content: bytes | bytearray) -> Bytes:
    """Return the bytes as an array with padding behind them, zeros."""
    data = np.zeros(len(content) + PADDING, np.uint8)
    data[: len(content)] = np.frombuffer(content, np.uint8)
    return data


def _place(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]], source_etype=_BYTE), kind.as_pointer())


def _word(_typing: Any, data: Any, _index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments, _WORD)
        return builder.load(place, align=1, typ=_WORD)

    return types.uint64(data, types.int64), generate


def _byte(_typing: Any, data: Any, _index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(_place(context, builder, signature, arguments, _BYTE), typ=_BYTE), _WORD)

    return types.int64(data, types.int64), generate


def _swapped(_typing: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate


def _alike(_typing: Any, one: Any, _index: Any, other: Any, _place_in_other: Any) -> Any:
    vector = ir.VectorType(_BYTE, _WIDTH)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        first, second = (
            builder.load(_place(context, builder, part, values, vector), align=1, typ=vector)
            for part, values in (
                (types.uint64(one, types.int64), arguments[:2]),
                (types.uint64(other, types.int64), arguments[2:]),
            )
        )
        same = builder.icmp_unsigned("==", first, second)
        return builder.zext(builder.bitcast(same, ir.IntType(_WIDTH)), _WORD)

    return types.uint64(one, types.int64, other, types.int64), generate


def _marks(_typing: Any, data: Any, _index: Any) -> Any:
    vector = ir.VectorType(_BYTE, _WIDTH)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.load(_place(context, builder, signature, arguments, vector), align=1, typ=vector)
        quote, backslash, control = (
            builder.icmp_unsigned(sign, found, ir.Constant(vector, [value] * _WIDTH))
            for sign, value in (("==", _QUOTE), ("==", _BACKSLASH), ("<", _SPACE))
        )
        any_of = builder.or_(builder.or_(quote, backslash), control)
        return builder.zext(builder.bitcast(any_of, ir.IntType(_WIDTH)), _WORD)

    return types.uint64(data, types.int64), generate


def _places_of(_typing: Any, data: Any, _index: Any, _sign: Any, _folded: Any) -> Any:
    vector = ir.VectorType(_BYTE, _WIDTH)
    number = ir.IntType(32)
    nothing = ir.Constant(vector, ir.Undefined)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.load(_place(context, builder, signature, arguments, vector), align=1, typ=vector)
        sign, folded = (
            builder.shuffle_vector(
                builder.insert_element(nothing, builder.trunc(argument, _BYTE), ir.Constant(number, 0)),
                nothing,
                ir.Constant(ir.VectorType(number, _WIDTH), [0] * _WIDTH),
            )
            for argument in arguments[2:]
        )
        same = builder.icmp_unsigned("==", builder.or_(found, folded), sign)
        return builder.zext(builder.bitcast(same, number), _WORD)

    return types.uint64(data, types.int64, types.int64, types.int64), generate


def _first_bit(_typing: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


#: The eight bytes at an index as a little-endian number; in compiled code only, as all below.
word: Final = cast("Callable[[Bytes | Words, int], np.uint64]", intrinsic(_word))
#: The byte at an index, which may not be negative: the array's own way looks whether it is.
byte: Final = cast("Callable[[Bytes, int], int]", intrinsic(_byte))
#: The number whose bytes are those of another in reverse.
swapped: Final = cast("Callable[[np.uint64], np.uint64]", intrinsic(_swapped))
#: Which of the 32 bytes at an index of one array are the same as those at an index of another, a bit each.
alike: Final = cast("Callable[[Bytes | Words, int, Bytes | Words | Numbers, int], np.uint64]", intrinsic(_alike))
#: Which of the 32 bytes at an index end or change a JSON string (quote, backslash, control character), a bit each.
marks: Final = cast("Callable[[Bytes, int], int]", intrinsic(_marks))
#: The place of the lowest bit that is set in a number other than 0.
first_bit: Final = cast("Callable[[int | np.uint64], int]", intrinsic(_first_bit))
#: Which of the 32 bytes at an index are a byte, a bit each, once the bits of the last argument are set in them.
places_of: Final = cast("Callable[[Bytes, int, int, int], int]", intrinsic(_places_of))
