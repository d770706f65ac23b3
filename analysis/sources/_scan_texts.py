"""The distinct texts that scans have found, read once each, and what they mean as attributes."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.semconv import COLUMNS, Meanings, Pool
from analysis.sources import _scan_found as at
from analysis.sources._scan_found import Decoders, Found

__all__ = ["MISSHAPEN", "Texts"]

#: What goes wrong in Python where a part is nested otherwise than its format says, or cannot be decoded at all.
MISSHAPEN: Final = (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError, RecursionError)
#: Columns that the kept attributes of an exception event feed.
_EVENT_COLUMNS: Final = tuple(COLUMNS.index(name) for name in ("error_type", "exception_message"))

Int64s = NDArray[np.int64]


class Texts:
    """Texts of a scan's table, by number.

    Attributes
    ----------
    values
        Each as a Python object; None for resources, whose bytes are in ``resources``.
    resources
        By number.
    broken
        Which could not be read.
    pool, meanings
        The texts that columns are made of, and what each of these values means.
    """

    def __init__(self, decoders: Decoders) -> None:
        self.values: list[Any] = []
        self.resources: dict[int, bytes] = {}
        self.broken: set[int] = set()
        self.pool = Pool()
        self.meanings = Meanings(self.pool)
        self._decoders = decoders

    def learn(self, found: Found) -> None:
        """Read the texts that are new."""
        first = len(self.values)
        texts = found.texts[first : found.counts[at.TEXTS]]
        if not len(texts):
            return
        broken = self._read(texts, found.kept.view(np.uint8), first)
        keys = (texts[:, 2] - at.TAGS) >> 1
        for number, column in enumerate(_EVENT_COLUMNS):
            keys[keys == len(at.KEYS) + number] = -2 - column
        keys[(texts[:, 2] < at.TAGS) | (texts[:, 2] >= at.RESOURCE)] = -1
        self.meanings.learn(keys, self.values[first:], broken)

    def _read(self, texts: Int64s, kept: NDArray[np.uint8], first: int) -> NDArray[np.bool_]:
        """Return which cannot be read: those that stand as they are are read together, others singly."""
        tags = texts[:, 2]
        encoded = (tags == at.ESCAPED) | ((tags >= at.TAGS) & (tags % 2 == 1) & (tags < at.HEAD))
        plain = np.flatnonzero(~encoded)
        offsets = np.zeros(len(plain) + 1, np.int32)
        np.cumsum(texts[plain, 1], out=offsets[1:])
        joined = np.empty(int(offsets[-1]), np.uint8)
        _join(kept, np.ascontiguousarray(texts[plain, 0]), offsets, joined)
        strings = pa.StringArray.from_buffers(len(plain), pa.py_buffer(offsets), pa.py_buffer(joined))
        broken = np.zeros(len(texts), np.bool_)
        if len(plain) == len(texts):
            self.values.extend(strings.to_pylist())
            return broken
        found: list[Any] = [None] * len(texts)
        for number, value in zip(plain.tolist(), strings.to_pylist(), strict=True):
            found[number] = value
        decoders = self._decoders
        numbers = np.flatnonzero(encoded)
        for number, (begin, length, tag) in zip(numbers.tolist(), texts[numbers, :3].tolist(), strict=True):
            content = kept[begin : begin + length].tobytes()
            try:
                if tag == at.RESOURCE:
                    self.resources[first + number] = content
                elif tag == at.SCOPE_TAG:
                    found[number] = decoders.scope(content)
                else:
                    found[number] = decoders.escaped(content) if tag == at.ESCAPED else decoders.value(content)
            except MISSHAPEN:
                broken[number] = True
                self.broken.add(first + number)
        self.values.extend(found)
        return broken


@kernel
def _join(data: NDArray[np.uint8], starts: Int64s, offsets: NDArray[np.int32], joined: NDArray[np.uint8]) -> None:
    for number in range(len(starts)):
        start = starts[number] - offsets[number]
        for place in range(offsets[number], offsets[number + 1]):
            joined[place] = data[start + place]
