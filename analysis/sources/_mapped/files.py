"""Files of rows: CSV, JSON lines and Parquet give the fields that a mapping names, as Arrow columns, in batches."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from analysis.sources._documents import NO_RECORD, Layout, units
from analysis.sources._ledger import Rejects, masked
from analysis.sources._mapped.paths import as_array, column_of, dig, field_of
from analysis.sources._mapped.quotes import SoundQuotes
from analysis.sources._rows import BATCH_ROWS
from analysis.sources._streams import Readable

__all__ = ["DELIMITERS", "RawRows", "csv_header", "csv_rows", "json_rows", "parquet_rows", "table_rows"]

DELIMITERS: Final = ",;\t|"
WRONG_WIDTH: Final = "row has another number of fields than the header"

_BLOCK: Final = 16 << 20
_CHUNK: Final = 1 << 20
_LAYOUT: Final = Layout(salvage=frozenset({""}))


class RawRows(NamedTuple):
    """Rows read together: their columns by path, how many they are, where each stands, and texts that nothing names."""

    columns: Mapping[str, pa.Array]
    size: int
    position: Callable[[int], str]
    others: Mapping[str, pa.Array] = MappingProxyType({})


def csv_header(head: bytes) -> Iterator[tuple[str, list[str]]]:
    """Give the names in the first line of a CSV text for each delimiter that it may have."""
    lines = head.decode("utf-8", "replace").lstrip("\r\n").splitlines(keepends=True)
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader(lines, delimiter=delimiter), [])
        except csv.Error:
            continue
        yield delimiter, names


def csv_rows(
    stream: Readable, paths: list[str], names: list[str], delimiter: str, rejects: Rejects
) -> Iterator[RawRows]:
    """Yield the rows of a CSV text with a header; a row of another width, or a quote that never ends, is refused."""
    odd: list[int] = []
    text = SoundQuotes(stream, delimiter, rejects)

    def place(row: int, skipped: list[int]) -> int:
        # Rows of quotes that never end were not even seen here; in their list the header is a row too.
        return _place(_place(row, skipped) + 1, text.left_out)

    def skip(row: Any) -> str:
        # Numbers count from the header, which is 1.
        odd.append(row.number - 2)
        told = f"row {place(row.number - 2, [])}"
        rejects.add(WRONG_WIDTH, told, f"{row.actual_columns} instead of {row.expected_columns}")
        return "skip"

    asked = {name for path in paths if (name := field_of(names, path)) is not None}
    # All others are looked through for secrets; of two with one name nobody could say which is meant.
    wanted = sorted(asked | {name for name in names if names.count(name) == 1})
    reader = pa_csv.open_csv(
        pa.PythonFile(text, mode="r"),
        pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.binary()), include_columns=wanted, check_utf8=False, null_values=[]
        ),
    )
    first = 0
    for batch in reader:
        table = pa.table([_decoded(column) for column in batch.columns], names=batch.schema.names)
        yield from table_rows(table, paths, first, lambda row: f"row {place(row, odd)}")
        first += table.num_rows


def _place(row: int, odd: list[int]) -> int:
    """Return where a row stands among all, those that were skipped included."""
    place = row
    while (moved := row + bisect_right(odd, place)) != place:
        place = moved
    return place


def _decoded(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        # Some other character set: what is not UTF-8 is replaced, as everywhere.
        return pa.array([value.decode("utf-8", "replace") for value in column.to_pylist()], pa.string())


def json_rows(stream: Readable, paths: list[str], rejects: Rejects) -> Iterator[RawRows]:
    """Yield the rows of JSON: an object a line, or a list of objects."""
    found: list[Any] = []
    places: list[str] = []
    for unit in units(stream, rejects, _LAYOUT):
        rows = unit.value if isinstance(unit.value, list) else [unit.value]
        for index, row in enumerate(rows):
            place = f"{unit.position}[{index}]" if rows is unit.value else unit.position
            if not isinstance(row, dict):
                rejects.add(NO_RECORD, place, masked(row))
                continue
            found.append(row)
            places.append(place)
        if len(found) >= BATCH_ROWS:
            yield _dug(found, places, paths)
            found, places = [], []
    if found:
        yield _dug(found, places, paths)


def _dug(rows: list[Any], places: list[str], paths: list[str]) -> RawRows:
    columns = {
        path: as_array([row[path] if path in row else dig(row, path) for row in rows]) for path in dict.fromkeys(paths)
    }
    named = {path.partition(".")[0] for path in paths} | set(paths)
    rest = sorted({key for row in rows for key in row} - named)
    others = {key: as_array([text if type(text := row.get(key)) is str else None for row in rows]) for key in rest}
    return RawRows(columns, len(rows), places.__getitem__, _texts(others))


def parquet_rows(file: pq.ParquetFile, paths: list[str]) -> Iterator[RawRows]:
    """Yield the rows of a Parquet file."""
    names = file.schema_arrow.names
    asked = {name for path in paths if (name := field_of(names, path)) is not None}
    wanted = sorted(asked | {field.name for field in file.schema_arrow if _is_text(field.type)})
    first = 0
    for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
        yield from table_rows(pa.Table.from_batches([batch]), paths, first, lambda row: f"row {row + 1}")
        first += batch.num_rows


def table_rows(table: pa.Table, paths: list[str], first: int, told: Callable[[int], str]) -> Iterator[RawRows]:
    """Yield the rows of a table whose first has a number."""
    used = {field_of(table.column_names, path) for path in paths}
    for begin in range(0, table.num_rows, BATCH_ROWS):
        part = table.slice(begin, BATCH_ROWS)
        columns = {path: column_of(part, path) for path in dict.fromkeys(paths)}
        others = {name: part[name].combine_chunks() for name in part.column_names if name not in used}
        yield RawRows(columns, part.num_rows, partial(_told, told, first + begin), _texts(others))


def _texts(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    return {name: column.cast(pa.string()) for name, column in columns.items() if _is_text(column.type)}


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _told(told: Callable[[int], str], before: int, row: int) -> str:
    return told(before + row)
