"""Rows gathered one by one, turned into Arrow tables of the schema column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources._ledger import Rejects

__all__ = ["BATCH_ROWS", "TEXT_LIMIT", "Batch", "LogRows", "Rows", "SpanRows", "cut_texts"]

#: Most rows of one batch: a row of a span with texts takes about 1 KiB, so a batch stays within tens of megabytes.
BATCH_ROWS: Final = 50_000
#: Longest text kept, in characters. Stack traces and statements beyond it repeat themselves.
TEXT_LIMIT: Final = 32_768
#: Rows kept as dictionaries before they become columns: few enough to stay in the processor's cache.
_PENDING: Final = 1024
TEXT_CUT: Final = f"texts longer than {TEXT_LIMIT} characters were cut"
WRONG_VALUE: Final = "values of another type than their column were left out"


@dataclass(frozen=True)
class Batch:
    """Records read together.

    Attributes
    ----------
    spans, logs
        Tables of `SPAN_SCHEMA` and `LOG_SCHEMA`, at most `BATCH_ROWS` rows, the derived columns null; None where
        there are no records of that kind.
    """

    spans: pa.Table | None = None
    logs: pa.Table | None = None


class Rows:
    """Rows of one table on their way into Arrow.

    A row is a dictionary with every column of the schema, in its order, made by copying `template`: so rows turn into
    columns without a look-up for each value.

    Parameters
    ----------
    schema
        The table's schema.
    defaults
        What a column holds where a row does not name it; null where this does not name it either.
    rejects
        Where texts cut and values left out are noted.

    Attributes
    ----------
    template
        A row of defaults. Readers of bulk formats copy it, fill in columns, and hand it to `append`; they add no key.
    """

    def __init__(self, schema: pa.Schema, defaults: Mapping[str, Any], rejects: Rejects) -> None:
        self.template: Final[dict[str, Any]] = {name: defaults.get(name) for name in schema.names}
        self._schema = schema
        self._rejects = rejects
        self._rows: list[dict[str, Any]] = []
        self._columns: list[list[Any]] = [[] for _ in schema.names]

    def __len__(self) -> int:
        return len(self._columns[0]) + len(self._rows)

    def add(self, **columns: Any) -> None:
        """Add one row; a column that is left out holds its default."""
        self.append({**self.template, **columns})

    def append(self, row: dict[str, Any]) -> None:
        """Add a row made from a copy of `template`."""
        rows = self._rows
        rows.append(row)
        if len(rows) == _PENDING:
            self._transpose()

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows gathered so far as tables of at most `BATCH_ROWS` rows, and forget them."""
        self._transpose()
        total = len(self._columns[0])
        for first in range(0, total, BATCH_ROWS):
            arrays = [
                self._column(values[first : first + BATCH_ROWS], field.type)
                for field, values in zip(self._schema, self._columns, strict=True)
            ]
            yield pa.Table.from_arrays(arrays, schema=self._schema)
        for values in self._columns:
            values.clear()

    def _transpose(self) -> None:
        if self._rows:
            for values, found in zip(self._columns, zip(*map(dict.values, self._rows), strict=True), strict=True):
                values.extend(found)
            self._rows.clear()

    def _column(self, values: list[Any], kind: pa.DataType) -> pa.Array:
        if values.count(None) == len(values):
            return pa.nulls(len(values), kind)
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        try:
            array = pa.array(values, plain)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
            array = pa.array([self._fitting(value, plain) for value in values], plain)
        if not pa.types.is_dictionary(kind):
            return array
        return cut_texts(array.dictionary_encode(), self._rejects)

    def _fitting(self, value: Any, kind: pa.DataType) -> Any:
        """Return the value if the column can hold it; a text that is not Unicode is mended, anything else left out."""
        if isinstance(value, str) and pa.types.is_string(kind):
            return value.encode("utf-8", "replace").decode()
        try:
            pa.array([value], kind)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
            self._rejects.note(WRONG_VALUE)
            return None
        return value


def cut_texts(encoded: pa.DictionaryArray, rejects: Rejects) -> pa.DictionaryArray:
    """Return a text column whose texts are not too long, noting how many were cut."""
    lengths = pc.utf8_length(encoded.dictionary)
    if lengths.null_count == len(lengths) or (pc.max(lengths).as_py() or 0) <= TEXT_LIMIT:
        return encoded
    rejects.note(TEXT_CUT, pc.sum(pc.greater(lengths, TEXT_LIMIT).take(encoded.indices)).as_py())
    return pc.utf8_slice_codeunits(encoded.cast(pa.string()), 0, TEXT_LIMIT).dictionary_encode()


class SpanRows(Rows):
    """Rows of the span table; times, ids and texts as the schema says, the derived columns left null."""

    def __init__(self, rejects: Rejects) -> None:
        defaults = {
            "parent_span_id": 0,
            "shared": False,
            "asynchronous": False,
            "kind": "unspecified",
            "status": "unset",
            "multiplicity": 1,
            "weight": 1.0,
            "time_resolution_ns": 1,
            "old_conventions": False,
        }
        super().__init__(SPAN_SCHEMA, defaults, rejects)

    def batch(self) -> Iterator[Batch]:
        """Yield the rows gathered so far as batches, and forget them."""
        for table in self.tables():
            yield Batch(spans=table)


class LogRows(Rows):
    """Rows of the log table."""

    def __init__(self, rejects: Rejects) -> None:
        defaults = {"trace_id_high": 0, "trace_id_low": 0, "span_id": 0, "structured": False}
        super().__init__(LOG_SCHEMA, defaults, rejects)

    def batch(self) -> Iterator[Batch]:
        """Yield the rows gathered so far as batches, and forget them."""
        for table in self.tables():
            yield Batch(logs=table)
