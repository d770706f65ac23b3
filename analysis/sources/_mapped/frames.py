"""Tables in memory are rows too: pandas, Arrow, and whatever gives itself to Arrow, such as Polars and DuckDB."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.sources._ledger import Rejects
from analysis.sources._mapped.columns import MappedRows
from analysis.sources._mapped.files import table_rows
from analysis.sources._mapped.fitting import fitting, lacking, paths_of
from analysis.sources._mapped.mapping import RowMapping, Table
from analysis.sources._mapped.paths import as_array, has_path
from analysis.sources._mapped.reading import NO_ROWS, MappedSource, Opened
from analysis.sources._streams import Readable
from analysis.sources._unreadable import UnreadableExport

__all__ = ["frame_content", "frame_source", "is_frame"]


def is_frame(rows: object) -> bool:
    """Return whether something is a table in memory."""
    return isinstance(rows, pd.DataFrame) or hasattr(rows, "__arrow_c_stream__")


def frame_source(mapping: RowMapping, name: str, frame: Any) -> MappedSource:
    """Return how a mapping reads a table; the stream that it is read from does not matter.

    Parameters
    ----------
    mapping
        What its columns mean.
    name
        What messages call the table.
    frame
        The table.

    Raises
    ------
    UnreadableExport
        A column that the mapping names is missing.
    """
    # All of its columns: what the mapping does not name is looked through for secrets.
    arrow = _arrow(frame)
    has = partial(has_path, arrow.schema)
    table = fitting(mapping, has)
    if table is None:
        names = [str(column) for column in getattr(frame, "columns", arrow.column_names)]
        raise UnreadableExport(name, lacking(mapping, names, has), NO_ROWS)
    return MappedSource("mapped-frame", partial(_open, mapping, table, arrow), mapping.mark(table))


def frame_content(frame: Any) -> str:
    """Return a hash of a table's content: the same rows twice are read once."""
    arrow = _arrow(frame)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _open(mapping: RowMapping, table: Table, arrow: pa.Table, stream: Readable, rejects: Rejects) -> Opened:
    del stream
    made = MappedRows(table, mapping.fields(table), rejects)
    for raw in table_rows(arrow, paths_of(mapping, table), 0, lambda row: f"row {row + 1}"):
        yield made, raw


def _arrow(frame: Any) -> pa.Table:
    """Return a table's columns."""
    return _from_pandas(frame) if isinstance(frame, pd.DataFrame) else pa.table(frame)


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    if any(name is not None and name not in frame.columns for name in frame.index.names):
        frame = frame.reset_index()
    named = {str(column): place for place, column in enumerate(frame.columns)}
    return pa.table([_column(frame.iloc[:, named[name]]) for name in named], names=list(named))


def _column(series: pd.Series[Any]) -> pa.Array:
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        # Objects of several types, or numbers beyond 64 bits.
        return as_array([None if missing else value for value, missing in zip(series, series.isna(), strict=True)])
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
