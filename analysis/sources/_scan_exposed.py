"""Spans of a bulk export that may expose something in attributes that the scan passes over.

A scan reads only attributes that mean something to it. Whether the others hold secrets is looked for in the bytes of
spans, all at once; what may hold some goes to the readable reader, which sees every attribute. As that takes time, all
spans are looked at only at the beginning of an export, then one in many: by its id, so that the same spans are chosen
however the export is cut.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._exposed import records_perhaps_exposing
from analysis.sources import _scan_found as at

__all__ = ["ALL", "ONE_IN", "ScanLooker"]

#: So many spans are all looked at (house default: some megabytes, 10 ms).
ALL: Final = 10_000
#: Of the others one in so many, by the lowest bits of its id.
ONE_IN: Final = 256
#: So many that may expose something are read by the slow way; then one in many of those too.
_READ: Final = 1_000

Bools = NDArray[np.bool_]
Int64s = NDArray[np.int64]


class ScanLooker:
    """Looks at the spans of one export, piece after piece."""

    def __init__(self) -> None:
        self._seen = 0
        self._read = 0

    def suspects(self, data: NDArray[np.uint8], spans: Int64s) -> Bools:
        """Return which spans are worth the readable reader.

        Parameters
        ----------
        data
            The bytes that were scanned.
        spans
            The spans found in them (:class:`analysis.sources._scan_found.Found`).
        """
        count = len(spans)
        chosen = (spans[:, at.ID] & (ONE_IN - 1)) == 0
        looked = chosen.copy()
        looked[: max(0, ALL - self._seen)] = True
        self._seen += count
        found = np.zeros(count, np.bool_)
        rows = np.flatnonzero(looked)
        if not len(rows):
            return found
        hit = rows[_exposing(data, spans[rows, at.FIRST_BYTE], spans[rows, at.LAST_BYTE])]
        room = max(0, _READ - self._read)
        found[hit[:room]] = True
        found[hit[room:]] = chosen[hit[room:]]
        self._read += int(found.sum())
        return found


def _exposing(data: NDArray[np.uint8], first: Int64s, last: Int64s) -> Bools:
    """Return which of some stretches of bytes may expose something."""
    # Offsets of one text after the other over the same bytes: what lies between two spans is a text that nobody asks.
    ends = np.empty(2 * len(first) + 1, np.int32)
    ends[0], ends[1::2], ends[2::2] = 0, first, last
    if (np.diff(ends) < 0).any():
        # A scan goes forward; where it did not, nothing is taken for granted.
        return np.ones(len(first), np.bool_)
    stretches = pa.BinaryArray.from_buffers(pa.binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])
    between = np.arange(1, len(ends) - 1, 2)
    suspect = records_perhaps_exposing(stretches.take(pa.array(between)))
    return np.asarray(suspect.to_numpy(zero_copy_only=False), np.bool_)
