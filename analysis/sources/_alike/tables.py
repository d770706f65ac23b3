"""Tables of rows that are like others, from the values that are their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.sources._alike.kins import Kin
from analysis.sources._alike.values import Values, taken_texts
from analysis.sources._ledger import Rejects
from analysis.sources._log_columns import numbered
from analysis.sources._rows import LogRows, Rows, SpanRows, cut_texts

__all__ = ["LikeRows"]

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


class LikeRows:
    """Rows that are like others.

    Parameters
    ----------
    kins, which
        The rows that they are like, and for each the number of its own.
    data, begins, places
        Where their documents begin, and the texts in these.
    """

    def __init__(self, kins: list[Kin], which: Int64s, data: Bytes, begins: Int64s, places: NDArray[np.int32]) -> None:
        self._kins, self._which = kins, which
        self._data, self._begins, self._places = data, begins, places

    def table(self, values: Values, kept: NDArray[np.bool_], rejects: Rejects) -> pa.Table:
        """Return the rows as a table.

        Parameters
        ----------
        values, kept
            What differs from row to row, and which of its rows these are.
        rejects
            Where texts that are cut are noted.
        """
        # What is noted of the rows was noted when they were read.
        gathered: Rows = SpanRows(Rejects()) if "start_ns" in self._kins[0].row else LogRows(Rejects())
        for one in self._kins:
            gathered.append(one.row)
        patterns = pa.concat_tables(gathered.tables()).combine_chunks()
        taken = pa.array(self._which)
        landed = {column for one in self._kins for column in one.landings}
        arrays = []
        for name in patterns.schema.names:
            column = patterns[name].combine_chunks()
            if name in landed:
                arrays.append(cut_texts(self._landed(name, column), rejects))
                continue
            column = column.take(taken)
            if name in values.made:
                told, made = values.told[name][kept], values.made[name][kept]
                if told.all():
                    column = pa.array(made, column.type)
                else:
                    plain = column.fill_null(0).to_numpy(zero_copy_only=False)
                    empty = column.is_null().to_numpy(zero_copy_only=False) & ~told
                    column = pa.array(np.where(told, made, plain), column.type, mask=empty)
            arrays.append(column)
        return pa.Table.from_arrays(arrays, schema=patterns.schema)

    def _landed(self, name: str, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """Return a column of texts, those taken out of the documents among them."""
        landings = [one.landings.get(name, ()) for one in self._kins]
        codes: Any = column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)[self._which]
        words: list[str | None] = [*column.dictionary.to_pylist(), None]
        for parts in filter(None, dict.fromkeys(landings)):
            its = np.flatnonzero(np.array([one == parts for one in landings], np.bool_)[self._which])
            found = [
                taken_texts(self._data, self._begins[its], self._places[its, part])
                for part in parts
                if isinstance(part, int)
            ]
            numbers, texts = found[0]
            if len(found) > 1:
                # A path and its query.
                used, numbers = np.unique(np.stack([numbers, found[1][0]]), axis=1, return_inverse=True)
                texts = [f"{texts[path]}?{found[1][1][query]}" for path, query in used.T.tolist()]
            codes[its] = numbers.reshape(-1) + len(words)
            words += texts
        return numbered(codes, words)
