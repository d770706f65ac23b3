"""Fields of rows: a column by its name, or a way with dots into nested objects, maps and JSON inside a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from analysis.sources._json import NotJson, loads

__all__ = ["as_array", "column_of", "dig", "field_of", "has_path", "plain"]

#: A text that may be JSON is opened only where it begins as an object or a list does.
_OPENS: Final = ("{", "[")


def splits(path: str) -> Iterator[tuple[str, str]]:
    """Give the ways to take a path apart: a key with what follows below it, the longest key first."""
    yield path, ""
    end = path.rfind(".")
    while end > 0:
        yield path[:end], path[end + 1 :]
        end = path.rfind(".", 0, end)


def dig(value: Any, path: str) -> Any:
    """Return what lies at a path inside decoded JSON; None where nothing does. Keys may hold dots themselves."""
    if not path:
        return value
    if isinstance(value, str) and value.lstrip()[:1] in _OPENS:
        try:
            value = loads(value.encode("utf-8", "replace"))
        except NotJson:
            return None
    if isinstance(value, list):
        first, _, rest = path.partition(".")
        return dig(value[int(first)], rest) if first.isdecimal() and int(first) < len(value) else None
    if not isinstance(value, dict):
        return None
    for key, rest in splits(path):
        if key in value:
            found = dig(value[key], rest)
            if found is not None:
                return found
    return None


def field_of(names: list[str], path: str) -> str | None:
    """Return the column in which a path begins; None where there is none."""
    return next((key for key, _ in splits(path) if key in names), None)


def has_path(schema: pa.Schema, path: str) -> bool:
    """Return whether rows of a schema can hold a path."""
    names = schema.names
    return any(key in names and (not rest or _leads(schema.field(key).type, rest)) for key, rest in splits(path))


def column_of(table: pa.Table, path: str) -> pa.Array:
    """Return what lies at a path, for each row; all null where nothing does."""
    for key, rest in splits(path):
        if key in table.column_names and (not rest or _leads(table.schema.field(key).type, rest)):
            return _below(_whole(table[key]), rest)
    return pa.nulls(table.num_rows)


def _leads(kind: pa.DataType, path: str) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        fields = [field.name for field in kind]
        return any(key in fields and (not rest or _leads(kind.field(key).type, rest)) for key, rest in splits(path))
    return pa.types.is_map(kind) or _is_text(kind)


def _below(column: pa.Array, path: str) -> pa.Array:
    if not path:
        return column
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [field.name for field in kind]
        for key, rest in splits(path):
            if key in fields and (not rest or _leads(kind.field(key).type, rest)):
                return _below(pc.struct_field(column, [key]), rest)
    if pa.types.is_map(kind):
        return pc.map_lookup(column, pa.scalar(path, kind.key_type), "first")
    if pa.types.is_dictionary(kind):
        return _below(column.cast(kind.value_type), path)
    # A text that holds JSON, such as the line of a container's log: opened row by row.
    return as_array([dig(text, path) for text in column.to_pylist()])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _whole(column: Any) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def as_array(values: list[Any]) -> pa.Array:
    """Return values decoded from JSON as a column: of their type where they have one, else as texts."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds in ({str}, {int}, {float}, {bool}):
        try:
            return pa.array(values)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):
            # A lone surrogate, or an id beyond 64 bits.
            return pa.array([plain(value) for value in values], pa.string())
    return pa.array([plain(value) for value in values], pa.string()) if kinds else pa.nulls(len(values))


def plain(value: Any) -> str | None:
    """Return a value as the text that a CSV file would have."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).encode("utf-8", "replace").decode()
