"""Log lines by the block: plain ones become columns at once, others are left to the reader of lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels import json_lines
from analysis._kernels.log_values import parse_epochs, parse_ids, parse_times
from analysis._kernels.logfmt_lines import scan_logfmt_lines
from analysis.sources._ledger import Rejects
from analysis.sources._log_columns import alone, log_table, texts_of
from analysis.sources._log_keys import ROLES
from analysis.sources._log_scan_text import access_rows, text_rows
from analysis.sources._log_times import NO_ZONE
from analysis.sources._log_values import level
from analysis.sources._rows import TEXT_LIMIT

__all__ = ["BlockLines", "block_lines"]

#: Lines of a block that decide what it is, and how logfmt begins.
_LOOKED_AT: Final = 20
_HEAD: Final = 400
_LOOKS: Final = {
    "logfmt": re.compile(rb"[A-Za-z][\w.-]*=").match,
    "access": re.compile(rb"[^\"]*\] \"[^\"]*\" \d{1,3} ").match,
    "text": re.compile(rb"\[?\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d").match,
}
_BRACE: Final = ord("{")
#: Lines shorter than this may be blank.
_BLANK: Final = 64
#: Lines longer than this are cut by the reader.
_LONGEST: Final = 1 << 20

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NAMES: Final = [(role, rank, name) for role, names in ROLES.items() for rank, name in enumerate(names)]
_ROLES: Final = list(ROLES)
_PLACE: Final = {role: place for place, role in enumerate(_ROLES)}
#: Names whose values the reader alone takes: decimal ids, levels with a scale of their own, a line inside a line.
_READER: Final = ("ddtraceid", "ddspanid", "severitynumber", "log", "trace", "logginggoogleapiscomtrace")
#: Roles that the reader alone takes.
_READER_ROLES: Final = ("named", "parent", "stack", "flags", "listed")
_TEXTS: Final = {
    "service": "service",
    "logger": "logger",
    "host": "host",
    "error": "error_type",
    "request": "request_id",
}
_SIZE: Final = 1 << (4 * len(_NAMES)).bit_length()


def _table() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    """Return the hash table of names."""
    hashes, slots = np.zeros(_SIZE, np.uint64), np.full(_SIZE, -1, np.int16)
    for number, (_, _, name) in enumerate(_NAMES):
        value = json_lines.FNV_BASIS
        for byte in name.encode():
            value = (value ^ byte) * json_lines.FNV_PRIME & ((1 << 64) - 1)
        place = value & (_SIZE - 1)
        while slots[place] >= 0:
            place = (place + 1) & (_SIZE - 1)
        hashes[place], slots[place] = value, number
    return hashes, slots


_HASHES, _SLOTS = _table()
_ROLE_OF: Final = np.array([_PLACE[role] for role, _, _ in _NAMES], np.int16)
_RANK_OF: Final = np.array([rank for _, rank, _ in _NAMES], np.int16)
_FOR_READER: Final = np.array(
    [name in _READER or role in _READER_ROLES for role, _, name in _NAMES] + [False], np.bool_
)


class _Found:
    """Where the values of a block's lines stand."""

    def __init__(self, data: npt.NDArray[np.uint8], first: Int64s, last: Int64s, logfmt: bool) -> None:
        shape = (len(first), len(_ROLES))
        self.data, self.first, self.last = data, first, last
        self.start, self.end = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.kind, self.name = np.zeros(shape, np.int8), np.full(shape, -1, np.int16)
        self.outcome = np.zeros(len(first), np.int8)
        scan = scan_logfmt_lines if logfmt else json_lines.scan_json_lines
        scan(
            data, first, last, _HASHES, _SLOTS, _ROLE_OF, _RANK_OF, self.start, self.end, self.kind, self.name,
            self.outcome,
        )  # fmt: skip
        self.plain = (self.outcome >= 0) & ~_FOR_READER[self.name].any(axis=1)

    def there(self, role: str) -> Bools:
        """Mark the lines that have a value for a role."""
        return np.asarray(self.name[:, _PLACE[role]] >= 0)

    def kinds(self, role: str) -> npt.NDArray[np.int8]:
        """Return the kinds of the values of a role."""
        return self.kind[:, _PLACE[role]]

    def span(self, role: str, rows: Int64s) -> tuple[Int64s, Int64s]:
        """Return where the values of a role begin and end."""
        place = _PLACE[role]
        return np.ascontiguousarray(self.start[rows, place]), np.ascontiguousarray(self.end[rows, place])


@dataclass(frozen=True, eq=False)
class BlockLines:
    """The lines of a block that are not blank.

    Attributes
    ----------
    content
        The block, valid UTF-8.
    first, last
        Where its lines begin and end.
    shape
        What most of them are: "json", "logfmt", "access" or "text".
    """

    content: bytes
    first: Int64s
    last: Int64s
    shape: str

    def rows(self, service: str | None, rejects: Rejects) -> tuple[pa.Table, list[str]]:
        """Return the rows of the plain lines, and the other lines in their order.

        Among the others are those before another, because a line may go on with the one before it, and the last.

        Parameters
        ----------
        service
            The service of lines that name none; None where there is none.
        rejects
            Where assumptions are noted.
        """
        table, single = self._rows(service, rejects, apart=False)
        others = np.flatnonzero(~single)
        parts = zip(self.first[others].tolist(), self.last[others].tolist(), strict=True)
        return table, [self.content[begin:end].decode().rstrip("\r") for begin, end in parts]

    def apart(self, rejects: Rejects) -> tuple[pa.Table, Bools]:
        """Return the rows of the plain lines, and which these are, of lines of which each is a record by itself."""
        return self._rows(None, rejects, apart=True)

    def _rows(self, service: str | None, rejects: Rejects, *, apart: bool) -> tuple[pa.Table, Bools]:
        # A copy, because Python's bytes are read-only, which is another type to a kernel.
        data = np.frombuffer(self.content, np.uint8).copy()
        return _READERS[self.shape](data, self.first, self.last, service, rejects, apart)


def block_lines(content: bytes) -> BlockLines | None:
    """Return the lines of a block, where most seem to be JSON objects or logfmt and all of it is UTF-8; else None."""
    data = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(data == 10)
    first = np.concatenate([[0], ends + 1])
    last = np.concatenate([ends, [len(data)]])
    last -= (last > first) & (data[np.maximum(last - 1, 0)] == 13)
    kept = last > first
    first, last = first[kept], last[kept]
    if not len(first):
        return None
    shape = _shape(content, data, first, last)
    if not shape:
        return None
    try:
        content.decode()
    except UnicodeDecodeError:
        return None
    blank = last - first < _BLANK
    if blank.any():
        # The reader passes over lines of blanks only.
        told = [bool(content[begin:end].strip()) for begin, end in zip(first[blank], last[blank], strict=True)]
        keep = np.ones(len(first), np.bool_)
        keep[blank] = told
        first, last = first[keep], last[keep]
    return BlockLines(content, first, last, shape) if len(first) and (last - first).max() <= _LONGEST else None


def _shape(content: bytes, data: npt.NDArray[np.uint8], first: Int64s, last: Int64s) -> str:
    """Return what most lines are; "" where that is none of the shapes that are read by the block."""
    if 2 * np.count_nonzero(data[first] == _BRACE) >= len(first):
        return "json"
    some = range(0, len(first), max(1, len(first) // _LOOKED_AT))
    heads = [content[first[line] : min(first[line] + _HEAD, last[line])] for line in some]
    for shape, looks in _LOOKS.items():
        if 2 * sum(looks(head) is not None for head in heads) >= len(heads):
            return shape
    return ""


def _plain_rows(
    data: npt.NDArray[np.uint8],
    first: Int64s,
    last: Int64s,
    service: str | None,
    rejects: Rejects,
    apart: bool,
    *,
    logfmt: bool,
) -> tuple[pa.Table, Bools]:
    """Return the rows of the plain lines of a block, and which lines these are; but where apart, another follows."""
    found = _Found(data, first, last, logfmt)
    _require(found)
    time, zoned = _times(found)
    high, low, span = _ids(found)
    severity = _severities(found)
    single = found.plain if apart else alone(found.plain)
    rows = np.flatnonzero(single)
    columns = {
        "trace_id_high": pa.array(high[rows]),
        "trace_id_low": pa.array(low[rows]),
        "span_id": pa.array(span[rows]),
        "time_ns": pa.array(time[rows], mask=~found.there("time")[rows]),
        "severity": severity.take(pa.array(rows)),
        "structured": pa.array(np.ones(len(rows), np.bool_)),
        "body": texts_of(found.data, *found.span("message", rows), np.ones(len(rows), np.bool_)),
        "fields": texts_of(found.data, found.first[rows], found.last[rows], found.outcome[rows] == 1),
    }
    for role, column in _TEXTS.items():
        columns[column] = texts_of(found.data, *found.span(role, rows), found.there(role)[rows])
    rejects.note(NO_ZONE, int(np.count_nonzero(~zoned[rows] & found.there("time")[rows])))
    return log_table(columns, len(rows), service, rejects), single


def _require(found: _Found) -> None:
    """Leave lines to the reader that have no plain message, or a value that the reader would pass over for another."""
    size = found.end - found.start
    for role in ("message", *_TEXTS):
        place = _PLACE[role]
        fit = (found.kind[:, place] == json_lines.STRING) & (size[:, place] > 0) & (size[:, place] <= TEXT_LIMIT)
        found.plain &= fit if role == "message" else fit | ~found.there(role)
    found.plain &= found.last - found.first <= TEXT_LIMIT


def _times(found: _Found) -> tuple[Int64s, Bools]:
    there, kinds = found.there("time"), found.kinds("time")
    count = len(there)
    time, zoned, good = np.zeros(count, np.int64), np.ones(count, np.bool_), ~there
    texts = np.flatnonzero(there & (kinds == json_lines.STRING))
    parsed, how = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int8)
    parse_times(found.data, *found.span("time", texts), parsed, how)
    time[texts], zoned[texts], good[texts] = parsed, how == 0, how >= 0
    numbers = np.flatnonzero(there & np.isin(kinds, (json_lines.NUMBER, json_lines.FRACTION)))
    counted, sound = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.bool_)
    parse_epochs(found.data, *found.span("time", numbers), counted, sound)
    time[numbers], good[numbers] = counted, sound
    found.plain &= good
    return time, zoned


def _ids(found: _Found) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    count = len(found.plain)
    high, low, span = (np.zeros(count, np.uint64) for _ in range(3))
    for role in ("trace", "span"):
        there = found.there(role)
        rows = np.flatnonzero(there & (found.kinds(role) == json_lines.STRING))
        upper, lower = np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.uint64)
        good = np.zeros(len(rows), np.bool_)
        start, end = found.span(role, rows)
        parse_ids(found.data, start, end, upper, lower, good)
        if role == "span":
            good &= end - start == 16
            span[rows] = lower
        else:
            high[rows], low[rows] = upper, lower
        fit = ~there
        fit[rows] = good
        found.plain &= fit
    # A span without its trace says nothing.
    span[~found.there("trace")] = 0
    return high, low, span


def _severities(found: _Found) -> pa.Array:
    """Return the severities of all lines, as codes."""
    rows = np.arange(len(found.plain))
    kinds = found.kinds("severity")
    told = found.there("severity") & np.isin(kinds, (json_lines.STRING, json_lines.NUMBER))
    said = texts_of(found.data, *found.span("severity", rows), told)
    texts = said.dictionary.to_pylist()
    codes = said.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    numeric = kinds == json_lines.NUMBER
    of_text = [level(text) for text in texts]
    of_number = [level(int(text)) if text.isdecimal() and len(text) < 19 else None for text in texts]
    levels = sorted({name for name in (*of_text, *of_number) if name is not None})
    place = {name: code for code, name in enumerate(levels)} | {None: -1}
    by_text, by_number = (np.array([*(place[name] for name in part), -1], np.int32) for part in (of_text, of_number))
    found_code = np.where(numeric, by_number[codes], by_text[codes])
    found.plain &= ~found.there("severity") | (found_code >= 0)
    return pa.DictionaryArray.from_arrays(pa.array(found_code, mask=found_code < 0), pa.array(levels, pa.string()))


_READERS: Final[Mapping[str, Callable[..., tuple[pa.Table, Bools]]]] = {
    "json": partial(_plain_rows, logfmt=False),
    "logfmt": partial(_plain_rows, logfmt=True),
    "access": access_rows,
    "text": text_rows,
}
