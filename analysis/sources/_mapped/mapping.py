"""The mapping file ``columns.yml``: which field of a row holds which column of the schema.

    spans:
      trace_id: TraceID
      parent_span_id: {field: ParentID, values: {root: null}}
      service: {field: PodName, match: '^(.*)-[^-]+-[^-]+$'}
      start_ns: {field: Start, unit: iso}

What is wrong with it is said before anything is read, with the line and the nearest name that is known.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import yaml

from analysis.schema import LOGS, SPANS, Column

__all__ = [
    "BESIDE",
    "NEEDED",
    "TIMES",
    "UNITS",
    "MappingError",
    "RowField",
    "RowMapping",
    "Table",
    "load_mapping",
    "mappable",
]

Table = Literal["spans", "logs"]

#: Nanoseconds in a unit; text of ISO 8601 has none.
UNITS: Final[Mapping[str, int]] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "iso": 0}
#: Columns that hold a moment or a length of time, and so take a unit.
TIMES: Final = frozenset({"start_ns", "end_ns", "duration_ns", "time_ns"})
#: Without these a row is no span; a log record needs one of its two.
NEEDED: Final[Mapping[Table, tuple[tuple[str, ...], ...]]] = {
    "spans": (("trace_id", "trace_id_low"), ("span_id",)),
    "logs": (("time_ns", "body"),),
}

#: What a mapping may name beside the columns of the schema: a whole trace id, and the end where there is no duration.
BESIDE: Final[Mapping[str, Mapping[str, str]]] = {
    "spans": {"trace_id": "the whole trace id", "end_ns": "end, where there is no duration"},
    "logs": {"trace_id": "the whole trace id"},
}
_COLUMNS: Final[Mapping[Table, tuple[Column, ...]]] = {"spans": SPANS, "logs": LOGS}
_ENTRY: Final = ("field", "match", "unit", "values")
#: spans, a column, field and its like.
_DEPTH: Final = 3

_Lines = Mapping[tuple[str, ...], int]


class MappingError(ValueError):
    """The mapping cannot be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class RowField:
    """Where one column comes from.

    Attributes
    ----------
    column
        The column of the schema, or ``trace_id`` or ``end_ns``.
    path
        The field: the name of a column, or a way into nested ones with dots between.
    match
        A regular expression whose first group is the value; None takes the whole.
    unit_ns
        Nanoseconds in one unit; 0 is ISO 8601.
    values
        What stands in a row, and what it means: None is no value.
    line
        Where the mapping names it; 0 where it is no file.
    """

    column: str
    path: str
    match: re.Pattern[str] | None = None
    unit_ns: int = 1
    values: Mapping[str, str | None] | None = None
    line: int = 0


@dataclass(frozen=True)
class RowMapping:
    """The fields of spans and of log records; a table without fields is not mapped.

    Attributes
    ----------
    name
        What messages call it.
    """

    name: str
    spans: tuple[RowField, ...] = ()
    logs: tuple[RowField, ...] = ()

    def fields(self, table: Table) -> tuple[RowField, ...]:
        """Return the fields of one table."""
        return self.spans if table == "spans" else self.logs

    def mark(self, table: Table) -> str:
        """Return what stands for the meaning of a table's fields: another mapping of the same rows has another."""
        told = sorted(
            (
                field.column,
                field.path,
                field.match.pattern if field.match else None,
                field.unit_ns,
                sorted(field.values.items()) if field.values is not None else None,
            )
            for field in self.fields(table)
        )
        return hashlib.sha256(json.dumps([table, told]).encode()).hexdigest()[:16]

    def at(self, field: RowField) -> str:
        """Say where the mapping names a field."""
        return f"{self.name}, line {field.line}" if field.line else self.name


def load_mapping(source: str | os.PathLike[str] | Mapping[str, Any] | RowMapping) -> RowMapping:
    """Read and check a mapping.

    Parameters
    ----------
    source
        A path to a YAML file, its content as a dictionary, or a mapping that was loaded.

    Raises
    ------
    MappingError
        The file cannot be read, or something in it is not known.
    """
    if isinstance(source, RowMapping):
        return source
    if isinstance(source, Mapping):
        return _checked(source, "the mapping", {})
    name = os.fspath(source)
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    # ValueError: bytes that are no UTF-8, and dates that there are not. RecursionError: a file made to nest.
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise MappingError(f"{name} cannot be read as a mapping: {_why(error)}") from error
    lines: dict[tuple[str, ...], int] = {}
    if node is not None:
        _note_lines(node, (), lines)
    return _checked(content, name, lines)


def mappable(table: Table) -> list[str]:
    """Return the columns that a mapping can name: those of the schema that are read from exports, and two beside."""
    read = [column for column in _COLUMNS[table] if not column.derived and not pa.types.is_list(column.type)]
    return [*BESIDE[table], *(column.name for column in read)]


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    return " ".join(str(error).split())


def _note_lines(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, yaml.MappingNode) and len(path) < _DEPTH:
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines)


def _checked(content: Any, name: str, lines: _Lines) -> RowMapping:
    if not isinstance(content, Mapping) or not content:
        raise MappingError(f"{name} names no field: it needs spans: or logs:, and below it a field for each column")
    _known(content, (), tuple(NEEDED), name, lines)
    mapping = RowMapping(name, *(_table(table, content.get(table), name, lines) for table in NEEDED))
    if not mapping.spans and not mapping.logs:
        raise MappingError(f"{name} names no field: below spans: or logs: stands a field for each column")
    return mapping


def _table(table: Table, content: Any, name: str, lines: _Lines) -> tuple[RowField, ...]:
    if content is None:
        return ()
    columns = {column.name: column for column in _COLUMNS[table]}
    known = mappable(table)
    for column in content if isinstance(content, Mapping) else ():
        if column in columns and column not in known:
            told = "is computed from the other columns" if columns[column].derived else "is a list"
            raise MappingError(f"{_place(name, (table, column), lines)}: {column} {told} and cannot be mapped")
    _known(content, (table,), known, name, lines)
    fields = tuple(_field((table, column), entry, name, lines) for column, entry in content.items())
    given = {field.column for field in fields}
    for either in NEEDED[table]:
        if not given & set(either):
            message = f"{_place(name, (table,), lines)}: {table} need a field for {' or '.join(either)}"
            raise MappingError(message)
    return fields


def _field(path: tuple[str, str], entry: Any, name: str, lines: _Lines) -> RowField:
    column, place = path[1], _place(name, path, lines)
    given = entry if isinstance(entry, Mapping) else {"field": entry}
    _known(given, path, _ENTRY, name, lines)
    field = given.get("field")
    if isinstance(field, bool) or not isinstance(field, str | int) or field == "":
        raise MappingError(f"{place}: {column} needs the name of a field")
    unit = given.get("unit", "ns")
    if "unit" in given and column not in TIMES:
        raise MappingError(f"{place}: {column} is no time and has no unit")
    if unit not in UNITS:
        raise MappingError(f"{_place(name, (*path, 'unit'), lines)}: unit is one of {', '.join(UNITS)}, not {unit!r}")
    return RowField(
        column=column,
        path=str(field),
        match=_pattern(given.get("match"), _place(name, (*path, "match"), lines)),
        unit_ns=UNITS[unit],
        values=_values(given.get("values"), _place(name, (*path, "values"), lines)),
        line=lines.get(path, 0),
    )


def _pattern(text: Any, place: str) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text if isinstance(text, str) else "")
    except re.error as error:
        raise MappingError(f"{place}: match is no regular expression ({error})") from error
    if not pattern.groups:
        raise MappingError(f"{place}: match needs a group in parentheses, which is the value")
    return pattern


def _values(content: Any, place: str) -> Mapping[str, str | None] | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or any(isinstance(value, list | Mapping) for value in content.values()):
        raise MappingError(f"{place}: values must hold what stands in a row, and what it means")
    return {_plain(key) or "": _plain(value) for key, value in content.items()}


def _plain(value: Any) -> str | None:
    """Return a value of YAML as the text that a row has: an empty one is none."""
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known(content: Any, path: tuple[str, ...], known: Collection[str], name: str, lines: _Lines) -> None:
    if not isinstance(content, Mapping):
        raise MappingError(f"{_place(name, path, lines)}: {'.'.join(path)} must hold names with values")
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1, 0.0)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise MappingError(f"{_place(name, (*path, str(key)), lines)}: unknown key {str(key)!r}{hint}")


def _place(name: str, path: tuple[str, ...], lines: _Lines) -> str:
    return f"{name}, line {lines[path]}" if path in lines else name
