"""Cells of a column as the schema keeps them: texts, ids, times and numbers, whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.sources._ids import HASHED, canonical_span_id, canonical_trace_id, is_hashed
from analysis.sources._ledger import Refused
from analysis.sources._mapped.mapping import RowField
from analysis.sources._mapped.paths import plain
from analysis.sources._times import BEYOND, INT64_MAX, nanoseconds

__all__ = ["BROKEN_ID", "Ids", "Times", "ids", "numbers", "texts", "times", "translated"]

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Note = Callable[[str, int], None]

BROKEN_ID: Final = "id is a number with a fraction or beyond its digits: hand ids in as texts"
NOT_A_TIME: Final = "time cannot be read in the unit that the mapping names"

#: Whole numbers that a float holds exactly.
_EXACT: Final = 1 << 53
_UNIT_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
#: Whole numbers that 64 bits hold whatever their digits are: a moment in nanoseconds has nineteen.
_WHOLE: Final = r"^-?(\d{1,18}|[0-8]\d{18})$"


@dataclass(frozen=True)
class Ids:
    """Ids as their high and low 64 bits, both 0 where there is none, and which rows hold none that can be read."""

    high: UInt64s
    low: UInt64s
    broken: Bools


@dataclass(frozen=True)
class Times:
    """Nanoseconds, which rows have one, and for each reason which rows are refused."""

    values: Int64s
    known: Bools
    refused: dict[str, Bools]


def texts(column: pa.Array) -> pa.Array:
    """Return a column as texts: an empty one is none, a truth value is true or false, bytes are hexadecimal."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return texts(column.dictionary).take(column.indices)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_large_binary(kind):
        found = pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    elif pa.types.is_nested(kind):
        found = pa.array([plain(value) for value in column.to_pylist()], pa.string())
    else:
        found = column.cast(pa.string())
    return pc.if_else(pc.equal(found, ""), None, found)


def translated(column: pa.Array, field: RowField, note: Note) -> pa.Array:
    """Return a column as a mapping means it: the first group of its expression, then its translation."""
    if field.match is None and field.values is None:
        return column
    coded = texts(column).fill_null("").dictionary_encode()
    meant: list[str | None] = []
    unmatched = np.zeros(len(coded.dictionary) + 1, dtype=bool)
    for code, text in enumerate(coded.dictionary.to_pylist()):
        value: str | None = text
        if field.match is not None and text:
            found = field.match.search(text)
            value = found[1] if found else None
            unmatched[code] = found is None
        if field.values is not None and (value or "") in field.values:
            value = field.values[value or ""]
        meant.append(value or None)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    note(f"values of {field.path} that do not match: {field.column} is unknown", int(unmatched[codes].sum()))
    return pa.array(meant, pa.string()).take(coded.indices)


def ids(column: pa.Array, bits: int, note: Note) -> Ids:
    """Read a column of ids of 64 or 128 bits, whatever form they are written in."""
    count = len(column)
    broken = np.zeros(count, dtype=bool)
    if pa.types.is_floating(column.type):
        # A column of whole numbers with gaps becomes one of floats in pandas: beyond 2**53 its ids are lost.
        values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        broken = ~(np.isfinite(values) & (values >= 0) & (values < _EXACT) & (values == np.floor(values)))
        column = pa.array(np.where(broken, 0, values).astype(np.int64), mask=~_valid(column))
    if pa.types.is_integer(column.type):
        whole = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
        return Ids(np.zeros(count, np.uint64), whole, broken)
    found = texts(column)
    high, low = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    usual = pc.match_substring_regex(found, f"^[0-9a-fA-F]{{{bits // 4}}}$").fill_null(False)
    fast = np.flatnonzero(usual.to_numpy(zero_copy_only=False))
    if len(fast):
        lanes = _from_hexadecimal(found.take(pa.array(fast)), bits // 64)
        high[fast], low[fast] = (lanes[:, 0], lanes[:, 1]) if bits == 128 else (np.uint64(0), lanes[:, 0])
    rest = np.flatnonzero(~usual.to_numpy(zero_copy_only=False) & _valid(found))
    if len(rest):
        coded = found.take(pa.array(rest)).dictionary_encode()
        hashed, lanes = _one_by_one(coded.dictionary.to_pylist(), bits)
        codes = coded.indices.to_numpy()
        high[rest], low[rest] = lanes[codes, 0], lanes[codes, 1]
        note(HASHED, int(hashed[codes].sum()))
    return Ids(high, low, broken)


def _from_hexadecimal(found: pa.Array, lanes: int) -> UInt64s:
    """Return texts of 16 digits a lane as numbers: their digits stand one after another in one buffer."""
    joined = "".join(found.to_pylist())
    return np.frombuffer(bytes.fromhex(joined), dtype=">u8").astype(np.uint64).reshape(-1, lanes)


def _one_by_one(distinct: list[str], bits: int) -> tuple[Bools, UInt64s]:
    lanes = np.zeros((len(distinct), 2), np.uint64)
    hashed = np.zeros(len(distinct), dtype=bool)
    for place, text in enumerate(distinct):
        lanes[place] = canonical_trace_id(text) if bits == 128 else (0, canonical_span_id(text))
        hashed[place] = is_hashed(text, bits)
    return hashed, lanes


def times(column: pa.Array, field: RowField) -> Times:
    """Read a column of moments or lengths of time in the unit that the mapping names; typed ones have their own."""
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return _scaled(column.cast(pa.int64()), _UNIT_NS[kind.unit])
    if pa.types.is_integer(kind) and field.unit_ns:
        return _scaled(column.cast(pa.int64(), safe=False), field.unit_ns)
    found = pc.utf8_trim_whitespace(texts(column))
    found = pc.if_else(pc.equal(found, ""), None, found)
    if not field.unit_ns:
        return _from_iso(found, lengths=field.column == "duration_ns")
    if pc.all(pc.match_substring_regex(found, _WHOLE), min_count=0).as_py():
        return _scaled(found.cast(pa.int64()), field.unit_ns)
    return _from_decimals(found, field.unit_ns)


def _scaled(column: pa.Array, unit_ns: int) -> Times:
    known, values = _valid(column), column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    beyond = np.abs(values) > INT64_MAX // unit_ns
    return Times(np.where(beyond, 0, values) * unit_ns, known, {BEYOND: beyond})


def _from_iso(found: pa.Array, *, lengths: bool) -> Times:
    known = _valid(found)
    series = pd.Series(found.to_pandas(), dtype="str")
    read: Any = (
        pd.to_timedelta(series, errors="coerce")
        if lengths
        else pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    ).to_numpy()
    missing = np.isnat(read)
    values = read.view(np.int64).copy()
    values[missing] = 0
    # pandas keeps microseconds where no text shows more.
    scaled = _scaled(pa.array(values, mask=missing), _UNIT_NS[np.datetime_data(read.dtype)[0]])
    return Times(scaled.values, scaled.known, {NOT_A_TIME: known & missing, **scaled.refused})


def _from_decimals(found: pa.Array, unit_ns: int) -> Times:
    """Read numbers with a fraction: as floats where those are exact to the nanosecond, else digit by digit."""
    known = _valid(found)
    number = pc.match_substring_regex(found, _NUMBER).fill_null(False)
    numeric = number.to_numpy(zero_copy_only=False)
    shown = pc.if_else(number, found, "0").cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
    scaled = shown * unit_ns
    exact = np.abs(scaled) < _EXACT
    values = np.rint(np.where(exact, scaled, 0)).astype(np.int64)
    beyond = np.zeros(len(values), dtype=bool)
    for place in np.flatnonzero(numeric & ~exact).tolist():
        try:
            values[place] = nanoseconds(found[place].as_py(), unit_ns) or 0
        except Refused:
            beyond[place] = True
    return Times(values, known, {NOT_A_TIME: known & ~numeric, BEYOND: beyond})


def numbers(column: pa.Array, kind: pa.DataType, note: Note, told: str) -> pa.Array:
    """Return a column as numbers or truth values of a type; what is none is left out and noted."""
    if pa.types.is_boolean(kind):
        lowered = pc.utf8_lower(texts(column))
        yes, no = (pc.is_in(lowered, value_set=pa.array(words)) for words in (_YES, _NO))
        found = pc.if_else(yes, True, pc.if_else(no, False, None))
    else:
        shown = pc.utf8_trim_whitespace(texts(column))
        read = pc.if_else(pc.match_substring_regex(shown, _NUMBER), shown, None).cast(pa.float64())
        values = read.fill_null(0).to_numpy(zero_copy_only=False)
        fits = _valid(read)
        if pa.types.is_integer(kind):
            limit = 2.0 ** (kind.bit_width - 1)
            fits &= (np.abs(values) < limit) & (values == np.floor(values))
        found = pa.array(np.where(fits, values, 0).astype(kind.to_pandas_dtype()), kind, mask=~fits)
        whole = pc.match_substring_regex(shown, _WHOLE).fill_null(False)
        if pa.types.is_int64(kind) and pc.any(whole).as_py():
            # A float would round those beyond 2**53.
            found = pc.if_else(whole, pc.if_else(whole, shown, "0").cast(kind), found)
    note(told, int(np.count_nonzero(_valid(texts(column)) & ~_valid(found))))
    return found


_YES: Final = ("true", "t", "yes", "y", "1")
_NO: Final = ("false", "f", "no", "n", "0")


def _valid(column: Any) -> Bools:
    found: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    return found
