"""From numbers to Arrow: the columns of spans that a scan found, without looking at a text."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis.schema import KINDS, LINK, SPAN_SCHEMA, STATUSES
from analysis.semconv import COLUMNS, FIRST_NUMBER, Columns
from analysis.sources import _scan_found as at
from analysis.sources._ledger import Rejects
from analysis.sources._rows import TEXT_LIMIT, cut_texts

__all__ = ["SpanTables", "link_lists"]

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Bools = NDArray[np.bool_]

_PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}
#: Columns of the table that are columns of a scan, and the order in which they are taken out.
_LANES: Final = ("trace_id_high", "trace_id_low", "span_id", "parent_span_id", "start_ns", "duration_ns")


class SpanTables:
    """Makes tables.

    Parameters
    ----------
    resolution_ns
        The smallest step of the format's times.
    rejects
        Where cut texts are noted.
    """

    def __init__(self, resolution_ns: int, rejects: Rejects) -> None:
        self._rejects = rejects
        self._constants = {
            "multiplicity": 1,
            "time_resolution_ns": resolution_ns,
            "weight": 1.0,
            "shared": False,
            "asynchronous": False,
            "old_conventions": False,
        }
        self._repeated: dict[str, pa.Array] = {}
        self._enumerated = {"kind": pa.array(KINDS), "status": pa.array(STATUSES)}
        self._seen = np.full(0, -1, np.int32)

    def table(
        self, spans: Int64s, columns: Columns, rows: Int64s | None, *, weights: Any, old: Bools, links: pa.Array | None
    ) -> pa.Table:
        """Return rows of the schema.

        Parameters
        ----------
        spans
            As a scan found them.
        columns
            For all of them.
        rows
            Those that are wanted; None where all are.
        weights, old, links
            Columns for all of them; None where each has the default.
        """
        spans = spans if rows is None else spans[rows]
        size = len(spans)
        lanes, kinds = np.empty((len(_LANES), size), np.int64), np.empty((2, size), np.int32)
        _take_out(spans, lanes, kinds)
        given: dict[str, Any] = {
            "weight": weights,
            "old_conventions": old if old.any() else None,
            "asynchronous": spans[:, at.ASYNCHRONOUS] > 0 if spans[:, at.ASYNCHRONOUS].any() else None,
            "shared": spans[:, at.SHARED] > 0 if spans[:, at.SHARED].any() else None,
        }
        arrays = []
        for field in SPAN_SCHEMA:
            name = field.name
            if name in _LANES:
                array = pa.Array.from_buffers(field.type, size, [None, pa.py_buffer(lanes[_LANES.index(name)])])
            elif name in self._enumerated:
                codes = pa.Array.from_buffers(pa.int32(), size, [None, pa.py_buffer(kinds[int(name == "status")])])
                array = pa.DictionaryArray.from_arrays(codes, self._enumerated[name], safe=False)
            elif given.get(name) is not None:
                values = given[name]
                if name in {"weight", "old_conventions"} and rows is not None:
                    values = values[rows]
                array = pa.array(values, field.type)
            elif name == "links" and links is not None:
                array = links if rows is None else links.take(pa.array(rows))
            elif name in _PLACES and columns.used[_PLACES[name]]:
                array = self._column(_PLACES[name], columns, size if rows is None else rows, field.type)
            else:
                array = self._constant(name, field.type, size)
            arrays.append(array)
        return pa.Table.from_arrays(arrays, schema=SPAN_SCHEMA)

    def _constant(self, name: str, kind: pa.DataType, size: int) -> pa.Array:
        """Return a column whose rows are all alike: a part of one that is made once."""
        value = self._constants.get(name)
        key = name if value is not None else str(kind)
        known = self._repeated.get(key)
        if known is None or len(known) < size:
            room = size + size // 4
            known = pa.nulls(room, kind) if value is None else pa.repeat(pa.scalar(value, kind), room)
            self._repeated[key] = known
        return known.slice(0, size)

    def _column(self, place: int, columns: Columns, rows: int | Int64s, kind: pa.DataType) -> pa.Array:
        size = rows if isinstance(rows, int) else len(rows)
        if place >= FIRST_NUMBER:
            values = columns.numbers[place - FIRST_NUMBER]
            values = values[:size] if isinstance(rows, int) else values[rows]
            valid = values >= 0
            filled = values.astype(kind.to_pandas_dtype())
            buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(filled)]
            return pa.Array.from_buffers(kind, size, buffers, null_count=size - int(valid.sum()))
        codes = columns.codes[place]
        codes = codes[:size] if isinstance(rows, int) else codes[rows]
        texts = columns.pool.texts
        if len(texts) + 1 > len(self._seen):
            self._seen = np.full(2 * len(texts) + 2, -1, np.int32)
            # The place of what is missing.
            self._seen[0] = 0
        order, indices = np.empty(size, np.int32), np.empty(size, np.int32)
        bits = np.empty((size + 7) // 8, np.uint8)
        count, missing = _number_anew(codes, self._seen, order, indices, bits)
        if missing == size:
            return self._constant("", kind, size)
        dictionary = columns.pool.taken(order[:count])
        buffers = [pa.py_buffer(bits) if missing else None, pa.py_buffer(indices)]
        encoded = pa.DictionaryArray.from_arrays(
            pa.Array.from_buffers(pa.int32(), size, buffers, null_count=missing), dictionary, safe=False
        )
        return encoded if columns.pool.longest <= TEXT_LIMIT else cut_texts(encoded, self._rejects)


def link_lists(links: Int64s, spans: int) -> pa.Array:
    """Return the lists of links of spans."""
    count = np.bincount(links[:, 0], minlength=spans)
    lanes = [pa.array(np.ascontiguousarray(links[:, place]).view(np.uint64)) for place in (1, 2, 3)]
    entries = pa.StructArray.from_arrays([*lanes, pa.array(["link"] * len(links))], fields=list(LINK))
    offsets = pa.array(np.cumsum(np.concatenate([[0], count])).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, entries, mask=pa.array(count == 0))


@kernel
def _take_out(spans: Int64s, lanes: Int64s, kinds: Int32s) -> None:
    """Take out what a row says by itself, a column after the other."""
    for row in range(len(spans)):
        span = spans[row]
        lanes[0, row], lanes[1, row] = span[at.HIGH], span[at.LOW]
        lanes[2, row], lanes[3, row] = span[at.ID], span[at.PARENT]
        lanes[4, row], lanes[5, row] = span[at.START], span[at.END] - span[at.START]
        kinds[0, row], kinds[1, row] = span[at.KIND], span[at.STATUS]


@kernel
def _number_anew(
    codes: Int32s, seen: Int32s, order: Int32s, indices: Int32s, bits: NDArray[np.uint8]
) -> tuple[int, int]:
    """Give new numbers to what a column holds, as it comes; return how much it is, and how many rows are missing.

    Parameters
    ----------
    codes
        -1 where a row is missing.
    seen
        One more than codes, all -1 but for the first: so it is left.
    order
        The codes by their new numbers; filled.
    indices, bits
        New numbers and which rows there are, as Arrow keeps them; filled.
    """
    count, missing = 0, 0
    present = 0
    for row in range(len(codes)):
        code = codes[row]
        number = seen[code + 1]
        if number < 0:
            number = seen[code + 1] = count
            order[count] = code
            count += 1
        indices[row] = number
        there = 1 if code >= 0 else 0
        missing += 1 - there
        present |= there << (row & 7)
        if row & 7 == 7:
            bits[row >> 3] = present
            present = 0
    if len(codes) & 7:
        bits[len(codes) >> 3] = present
    for number in range(count):
        seen[order[number] + 1] = -1
    return count, missing
