"""Columns of an Arrow table as plain arrays: contiguous, writeable, without nulls, made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis._kernels.columns import fill_missing

__all__ = ["Codes", "Columns"]


@dataclass(frozen=True, eq=False)
class Codes:
    """A text column: for every row a code, the place of its text in ``values``; -1 is null."""

    codes: NDArray[np.int32]
    values: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many texts there are."""
        return len(self.values)

    def code(self, value: str) -> int:
        """Return the code of a text; -1 where no row has it."""
        return self.values.index(value) if value in self.values else -1

    def equal(self, value: str) -> NDArray[np.bool_]:
        """Return where the column is this text."""
        code = self.code(value)
        return self.codes == code if code >= 0 else np.zeros(len(self.codes), np.bool_)

    def marked(self, chosen: Sequence[int]) -> NDArray[np.bool_]:
        """Return where the column is any of the texts that these codes stand for."""
        if not len(chosen):
            return np.zeros(len(self.codes), np.bool_)
        # The last entry is where the code -1 of a null lands.
        wanted = np.zeros(len(self.values) + 1, np.bool_)
        wanted[list(chosen)] = True
        return np.asarray(wanted[self.codes])


class _Encoded(Codes):
    """Codes into a dictionary of Arrow, which becomes texts of Python if asked for: of statements few ever are.

    Parameters
    ----------
    codes
        As of :class:`Codes`.
    texts
        Distinct texts, no nulls.
    """

    texts: pa.StringArray

    def __init__(self, codes: NDArray[np.int32], texts: pa.StringArray) -> None:
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "texts", texts)

    @property
    def count(self) -> int:
        return len(self.texts)

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(self.texts.to_pylist())


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of one table."""

    table: pa.Table
    _codes: dict[str, Codes] = field(default_factory=dict, init=False, repr=False)
    _arrays: dict[tuple[str, float], NDArray[Any]] = field(default_factory=dict, init=False, repr=False)

    def codes(self, column: str) -> Codes:
        """Return a text column as codes.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        if column not in self._codes:
            self._codes[column] = _encoded(self._column(column))
        return self._codes[column]

    def texts(self, column: str) -> pa.StringArray:
        """Return the texts that the codes of a text column stand for, to be looked through all at once.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        codes = self.codes(column)
        return codes.texts if isinstance(codes, _Encoded) else pa.array(codes.values, pa.string())

    def array(self, column: str, fill: float = 0) -> NDArray[Any]:
        """Return a column of fixed width, nulls filled.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        key = (column, fill)
        if key not in self._arrays:
            values = self._column(column)
            parts = [_filled(chunk, fill) for chunk in values.chunks]
            empty = [np.zeros(0, values.type.to_pandas_dtype())] if not parts else []
            self._arrays[key] = parts[0] if len(parts) == 1 else np.concatenate([*parts, *empty])
        return self._arrays[key]

    def valid(self, column: str) -> NDArray[np.bool_]:
        """Return where a column is not null."""
        return np.array(self._column(column).is_valid().to_numpy(), copy=True)

    @cached_property
    def clock(self) -> Codes:
        """Whose clock the times of a row are from: its host, else its service, by name."""
        host, service = self.codes("host"), self.codes("service")
        place = {value: code for code, value in enumerate(host.values)}
        for value in service.values:
            place.setdefault(value, len(place))
        of_service = np.array([*(place[value] for value in service.values), -1], np.int32)
        codes = np.where(host.codes >= 0, host.codes, of_service[service.codes])
        return Codes(codes, tuple(place))

    def _column(self, column: str) -> pa.ChunkedArray:
        # Names of all columns would be made anew for each.
        place = self.table.schema.get_field_index(column)
        if place < 0:
            message = f"the column {column!r} was not read: name it in the columns that are asked for"
            raise KeyError(message)
        return self.table.column(place)


def _filled(values: pa.Array, fill: float) -> NDArray[Any]:
    """Copy values of fixed width, nulls filled; the memory of Arrow is read-only, which is another type to a kernel."""
    validity = values.buffers()[0]
    if not values.null_count or validity is None or pa.types.is_boolean(values.type):
        whole = pc.fill_null(values, pa.scalar(fill).cast(values.type)) if values.null_count else values
        return np.array(whole.to_numpy(zero_copy_only=False), copy=True, order="C")
    kind = np.dtype(values.type.to_pandas_dtype())
    if values.null_count == len(values):
        return np.full(len(values), fill, kind)
    # Looking at the bits of what is there costs a fifth of what Arrow's own filling does.
    stored = np.frombuffer(values.buffers()[1], kind, len(values), values.offset * kind.itemsize)
    there = np.frombuffer(validity, np.uint8)
    if kind == np.int32:
        # All texts are such columns: for them the bits are read where they lie.
        codes = np.empty(len(values), np.int32)
        fill_missing(stored, there, values.offset, int(fill), codes)
        return codes
    filled = stored.copy()
    end = values.offset + len(values)
    np.putmask(filled, np.unpackbits(there, count=end, bitorder="little")[values.offset :] == 0, np.array(fill, kind))
    return filled


def _encoded(column: pa.ChunkedArray) -> Codes:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    place: dict[str, int] = {}
    parts = [np.empty(0, np.int32)]
    for chunk in column.chunks:
        codes, texts = _filled(chunk.indices.cast(pa.int32()), -1), chunk.dictionary
        if column.num_chunks == 1 and _each_once(texts):
            return _Encoded(codes, texts)
        values = texts.to_pylist()
        lookup = [-1 if value is None else place.setdefault(value, len(place)) for value in values]
        # A dictionary may hold nulls and the same text twice, and every chunk may have another; codes do not.
        if lookup != list(range(len(values))):
            codes = np.array([*lookup, -1], np.int32)[codes]
        parts.append(codes)
    return Codes(np.concatenate(parts), tuple(place))


def _each_once(texts: pa.Array) -> bool:
    """Return whether texts are distinct, and none is null."""
    return pa.types.is_string(texts.type) and not texts.null_count and len(texts.unique()) == len(texts)
