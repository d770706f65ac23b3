"""Columns of log records out of texts that stand in a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.log_values import copy_texts
from analysis.schema import LOG_SCHEMA
from analysis.sources._ledger import Rejects

__all__ = ["NO_SERVICE", "alone", "dictionary_of", "id_columns", "log_table", "numbered", "texts_of"]

NO_SERVICE: Final = "lines that name no service were taken as those of the service that the file is named after"

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def texts_of(data: npt.NDArray[np.uint8], start: Int64s, end: Int64s, there: Bools) -> pa.Array:
    """Return texts of a block as codes with their dictionary; null where there is none."""
    if not there.any():
        return pa.nulls(len(start), pa.dictionary(pa.int32(), pa.string()))
    begin, stop = np.where(there, start, 0), np.where(there, end, 0)
    offset = np.concatenate([[0], np.cumsum(stop - begin)]).astype(np.int32)
    out = np.empty(int(offset[-1]), np.uint8)
    copy_texts(data, begin, stop, offset, out)
    return dictionary_of(offset, out, there)


def dictionary_of(offset: npt.NDArray[np.int32], content: npt.NDArray[np.uint8], there: Bools) -> pa.Array:
    """Return texts that stand one after the other as codes with their dictionary."""
    mask = pa.array(there).buffers()[1]
    parts = [mask, pa.py_buffer(offset), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.string(), len(there), parts).dictionary_encode()


def numbered(codes: npt.NDArray[np.integer], names: list[str | None]) -> pa.Array:
    """Return texts by their numbers in a list, in which several may be the same; null where a number is none."""
    distinct = sorted({name for name in names if name is not None})
    number: dict[str | None, int] = {name: place for place, name in enumerate(distinct)} | {None: -1}
    place = np.array([*(number[name] for name in names), -1], np.int32)
    found = place[codes]
    return pa.DictionaryArray.from_arrays(pa.array(found, mask=found < 0), pa.array(distinct, pa.string()))


def id_columns(ids: npt.NDArray[np.uint64]) -> dict[str, pa.Array]:
    """Return the columns of a trace in two halves and a span."""
    names = ("trace_id_high", "trace_id_low", "span_id")
    return {name: pa.array(np.ascontiguousarray(ids[:, place])) for place, name in enumerate(names)}


def log_table(columns: Mapping[str, pa.Array], size: int, service: str | None, rejects: Rejects) -> pa.Table:
    """Return columns as a table of the schema; lines without a service are of the one that is given, if one is."""
    made = dict(columns)
    named = made.get("service", pa.nulls(size, pa.dictionary(pa.int32(), pa.string())))
    if service is not None and named.null_count:
        made["service"] = named.cast(pa.string()).fill_null(service).dictionary_encode()
        rejects.note(NO_SERVICE, named.null_count)
    arrays = [made[field.name] if field.name in made else pa.nulls(size, field.type) for field in LOG_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=LOG_SCHEMA)


def alone(plain: Bools) -> Bools:
    """Mark the plain lines that another plain line follows: what follows the last is not known yet."""
    found = plain.copy()
    found[:-1] &= plain[1:]
    found[-1:] = False
    return found
