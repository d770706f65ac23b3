"""Columns of rows become tables of the schema; a row that cannot be taken is refused by reason and number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.schema import KINDS, LOG_SCHEMA, SPAN_SCHEMA, STATUSES
from analysis.sources._ledger import Rejects
from analysis.sources._log_values import is_structured, severity
from analysis.sources._mapped.cells import BROKEN_ID, Ids, Times, ids, numbers, texts, times, translated
from analysis.sources._mapped.mapping import TIMES, RowField, Table
from analysis.sources._rows import TEXT_CUT, TEXT_LIMIT, WRONG_VALUE, LogRows, Rows, SpanRows
from analysis.sources._suspects import exposed_in, looked_at
from analysis.sources._times import BACKWARDS, BEYOND, INT64_MAX, NO_START, NOT_ENDED

__all__ = ["MappedRows"]

Bools = npt.NDArray[np.bool_]

NO_TRACE_ID: Final = "trace id is missing"
NO_SPAN_ID: Final = "span id is missing"

_IDS: Final = frozenset({"trace_id", "trace_id_high", "trace_id_low", "span_id", "parent_span_id"})
#: Words that other tools have for a kind or a status.
_WORDS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "kind": lambda text: _among(text, KINDS, ("span_kind_", "spankind_")),
    "status": lambda text: _among(text, STATUSES, ("status_code_",)),
    "severity": lambda text: severity(int(text) if text.isdecimal() and len(text) < 4 else None, text),
}


def _among(text: str, known: tuple[str, ...], prefixes: tuple[str, ...]) -> str | None:
    lowered = text.strip().lower()
    for prefix in prefixes:
        lowered = lowered.removeprefix(prefix)
    return lowered if lowered in known else None


class MappedRows:
    """Turns fields, taken out of rows as columns, into a table of the schema.

    Parameters
    ----------
    table
        Which table the rows are of.
    fields
        Where its columns come from.
    rejects
        Where refusals and notes go.
    """

    def __init__(self, table: Table, fields: tuple[RowField, ...], rejects: Rejects) -> None:
        self.table: Final = table
        self._fields = {field.column: field for field in fields}
        self._rejects = rejects
        self._seen = 0
        rows: Rows = SpanRows(rejects) if table == "spans" else LogRows(rejects)
        self._defaults = dict(rows.template)
        self._schema = SPAN_SCHEMA if table == "spans" else LOG_SCHEMA
        if table == "spans":
            units = [field.unit_ns or 1 for field in fields if field.column in TIMES]
            self._defaults["time_resolution_ns"] = max(units, default=1)

    def take(
        self,
        raw: Mapping[str, pa.Array],
        count: int,
        position: Callable[[int], str],
        others: Mapping[str, pa.Array] | None = None,
    ) -> pa.Table:
        """Return the rows of a batch that can be taken, as a table of the schema.

        Parameters
        ----------
        raw
            Columns of the rows by path.
        count
            How many rows there are.
        position
            Says where a row of the batch stands.
        others
            Texts of fields that the mapping does not name: of spans they are looked through for secrets.
        """
        columns = {name: translated(raw[field.path], field, self._rejects.note) for name, field in self._fields.items()}
        refused: dict[str, Bools] = {}
        made = self._ids(columns, count, refused) | self._times(columns, count, refused)
        for name, column in columns.items():
            if name not in _IDS and name not in TIMES:
                made[name] = self._value(name, column)
        if "structured" not in made and "body" in made:
            made["structured"] = _structured(made["body"])
        if self.table == "spans" and others and "exposed" not in made:
            looked = looked_at(made["span_id"].to_numpy(), self._seen)
            made["exposed"] = exposed_in(others, looked)
            self._seen += count
        arrays = [made[field.name] if field.name in made else self._default(field, count) for field in self._schema]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        kept = self._kept(refused, count, position)
        return table if kept.all() else table.filter(pa.array(kept))

    def _kept(self, refused: Mapping[str, Bools], count: int, position: Callable[[int], str]) -> Bools:
        """Count the rows refused, each by the first reason against it, and return which are kept."""
        kept = np.ones(count, dtype=bool)
        for reason, rows in refused.items():
            mine = np.flatnonzero(rows & kept)
            if len(mine):
                self._rejects.add(reason, position(int(mine[0])), count=len(mine))
                kept[mine] = False
        return kept

    def _ids(self, columns: Mapping[str, pa.Array], count: int, refused: dict[str, Bools]) -> dict[str, pa.Array]:
        none = np.zeros(count, np.uint64)
        found = {name: self._read_ids(name, columns) for name in _IDS if name in columns}
        trace = found.get("trace_id")
        high = trace.high if trace else found["trace_id_high"].low if "trace_id_high" in found else none
        low = trace.low if trace else found["trace_id_low"].low if "trace_id_low" in found else none
        refused[BROKEN_ID] = np.logical_or.reduce([np.zeros(count, bool), *(one.broken for one in found.values())])
        made = {"trace_id_high": pa.array(high), "trace_id_low": pa.array(low)}
        for name in ("span_id", "parent_span_id"):
            if name in found:
                made[name] = pa.array(found[name].low)
        if self.table == "spans":
            refused[NO_TRACE_ID] = (high == 0) & (low == 0)
            refused[NO_SPAN_ID] = found["span_id"].low == 0
        return made

    def _read_ids(self, name: str, columns: Mapping[str, pa.Array]) -> Ids:
        return ids(columns[name], 128 if name == "trace_id" else 64, self._rejects.note)

    def _times(self, columns: Mapping[str, pa.Array], count: int, refused: dict[str, Bools]) -> dict[str, pa.Array]:
        found = {name: times(columns[name], self._fields[name]) for name in columns if name in TIMES}
        for one in found.values():
            for reason, rows in one.refused.items():
                refused[reason] = refused.get(reason, np.zeros(count, bool)) | rows
        if self.table == "logs":
            return {name: pa.array(one.values, mask=~one.known) for name, one in found.items()}
        none = Times(np.zeros(count, np.int64), np.zeros(count, bool), {})
        start, lasted = found.get("start_ns", none), found.get("duration_ns", none)
        length, length_known = lasted.values, lasted.known
        if "end_ns" in found:
            ended = found["end_ns"]
            both = start.known & ended.known
            length, length_known = np.where(both, ended.values - start.values, length), both | length_known
        return self._lasting(start.values, start.known, length, length_known, refused)

    def _lasting(
        self, start: Any, start_known: Bools, length: Any, length_known: Bools, refused: dict[str, Bools]
    ) -> dict[str, pa.Array]:
        """Return start and duration as the schema keeps them, noting what is missing or runs backwards."""
        note = self._rejects.note
        backwards = length_known & (length < 0)
        note(BACKWARDS, int(backwards.sum()))
        length = np.where(backwards, 0, length)
        note(NOT_ENDED, int((start_known & ~length_known).sum()))
        note(NO_START, int((length_known & ~start_known).sum()))
        beyond = start_known & length_known & (start > INT64_MAX - length)
        refused[BEYOND] = refused.get(BEYOND, np.zeros(len(beyond), bool)) | beyond
        return {
            "start_ns": pa.array(start, mask=~start_known),
            "duration_ns": pa.array(length, mask=~length_known),
        }

    def _value(self, name: str, column: pa.Array) -> pa.Array:
        kind = self._schema.field(name).type
        if not pa.types.is_dictionary(kind):
            found = numbers(column, kind, self._rejects.note, WRONG_VALUE)
            default = self._defaults[name]
            return found if default is None else found.fill_null(default)
        shown = texts(column)
        if name in _WORDS:
            return self._word(name, shown)
        encoded = shown.dictionary_encode()
        lengths = pc.utf8_length(encoded.dictionary)
        if (pc.max(lengths).as_py() or 0) > TEXT_LIMIT:
            self._rejects.note(TEXT_CUT, pc.sum(pc.greater(pc.utf8_length(shown), TEXT_LIMIT)).as_py())
            encoded = pc.utf8_slice_codeunits(shown, 0, TEXT_LIMIT).dictionary_encode()
        return encoded

    def _word(self, name: str, shown: pa.Array) -> pa.Array:
        """Return a kind, status or severity in the words of the schema."""
        encoded = shown.dictionary_encode()
        words = [_WORDS[name](text) for text in encoded.dictionary.to_pylist()]
        found = pa.array(words, pa.string()).take(encoded.indices)
        unknown = pc.sum(pc.and_(pc.is_valid(shown), pc.is_null(found))).as_py() or 0
        self._rejects.note(f"values of {name} that are none of its words: translate them with values", unknown)
        default = self._defaults[name]
        return (found if default is None else found.fill_null(default)).dictionary_encode()

    def _default(self, field: pa.Field, count: int) -> pa.Array:
        value = self._defaults[field.name]
        if value is None:
            return pa.nulls(count, field.type)
        if pa.types.is_dictionary(field.type):
            return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value], pa.string()))
        return pa.array(np.full(count, value, field.type.to_pandas_dtype()), field.type)


def _structured(body: pa.Array) -> pa.Array:
    known = pa.array([is_structured(text) for text in body.dictionary.to_pylist()], pa.bool_())
    return known.take(body.indices).fill_null(False)
