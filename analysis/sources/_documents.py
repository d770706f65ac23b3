"""JSON documents of any size, taken apart into the records that are worth decoding one at a time.

A file of lines is read line by line. Any other text (one object, an array, objects one after another, pretty-printed
or not) is split at the elements of its outer arrays by matching brackets outside strings, so that memory holds one
element, however large the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.sources._brackets import BracketScanner, complete_part, key_before
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Rejects
from analysis.sources._streams import Readable

__all__ = ["CUT_OFF", "LINE", "NOT_JSON", "NO_RECORD", "TOO_LARGE", "Layout", "Unit", "units", "units_of"]

CUT_OFF: Final = "the document is cut off"
NOT_JSON: Final = "not JSON"
NO_RECORD: Final = "text that is no record"
TOO_LARGE: Final = "record is too large"
#: The key of a raw line: no other text can be one, for a key holds no line feed as it stands.
LINE: Final = "\n"

#: Most bytes of one record: decoding takes up to ten times as much memory.
UNIT_LIMIT: Final = 512 << 20
_CHUNK: Final = 4 << 20
_FIRST_LINE: Final = 16 << 20
#: Containers above a record, at most: {"trace": {"resourceSpans": [record.
_DEPTH: Final = 3
#: Text between records that is kept for looking at it.
_BETWEEN: Final = 1 << 20
#: Brackets that close nothing, after which the rest of a text is given up.
_STRAY: Final = 1000
_SEPARATORS: Final = b" \t\r\n,\x1e"


def _plain(key: str, content: bytes) -> Any:
    del key
    return loads(content)


@dataclass(frozen=True)
class Layout:
    """Where a format keeps its records.

    Attributes
    ----------
    records
        Keys of outer objects whose arrays hold records one by one: "resourceSpans", "data".
    wrappers
        Keys of outer objects whose value is an object with such keys: "trace". A key may be both: "hits".
    salvage
        Keys of arrays inside a record whose complete elements are kept when the record itself is cut off: "spans".
    remarks
        Bytes that may stand after the records of an outer object, and the note to make of them.
    decode
        Decodes a record, given the key it was found under; raises NotJson where it is not JSON.
    raw
        Records stay bytes, and a line is one, whatever it holds; its key is :data:`LINE`.
    """

    records: Collection[str] = ()
    wrappers: Collection[str] = ()
    salvage: Collection[str] = ()
    remarks: Mapping[bytes, str] = field(default_factory=dict)
    decode: Callable[[str, bytes], Any] = _plain
    raw: bool = False


class Unit(NamedTuple):
    """One record, decoded.

    Attributes
    ----------
    key
        The key it was found under: "resourceSpans"; "" for a line, an element of the outermost array, or a text of
        its own.
    value
        The decoded value.
    position
        Where it stands: "line 3", "resourceSpans[4]".
    """

    key: str
    value: Any
    position: str


def units(stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    """Yield the records of a JSON text; what is broken is refused by position, what is whole around it is kept."""
    head = stream.read(_CHUNK)
    while len(head) < _FIRST_LINE and b"\n" not in head.lstrip() and (more := stream.read(_CHUNK)):
        head += more
    yield from (_lines if _is_lines(head) else _whole)(head, stream, rejects, layout)
    damage = getattr(stream, "damage", "")
    if damage:
        rejects.add(damage, "the end of the file", "what came before was read")


def units_of(content: bytes, rejects: Rejects, layout: Layout, position: str) -> Iterator[Unit]:
    """Yield the records of a JSON text in memory that stands at a position of a larger file."""
    try:
        value = layout.decode("", content)
    except NotJson:
        # Several objects on one line, or one that is cut off: what is whole in it is kept.
        splitter = _Splitter(rejects, layout, f"{position}, ")
        yield from splitter.feed(content)
        yield from splitter.finish()
        return
    if content[:1] in {b"{", b"["}:
        yield Unit("", value, position)
    else:
        rejects.add(NO_RECORD, position)


def _is_lines(head: bytes) -> bool:
    """Decide whether each line is a record of its own.

    It is where the first line is a JSON object or array by itself. A first line that is broken, though it does not
    end as a pretty-printer breaks lines, is followed by one that is whole.
    """
    lines = [line.strip() for line in head.split(b"\n", 8)[:8] if line.strip()]
    if len(lines) < 2:
        return False
    if _is_record(lines[0]):
        return True
    # After an opening brace comes a key, never a record; and two records stand in one text with a comma between them.
    following = lines[1:2] if lines[0][-1:] not in {b"[", b",", b":"} else lines[1:3] if len(lines) > 2 else [b""]
    return all(map(_is_record, following))


def _is_record(line: bytes) -> bool:
    try:
        return line[:1] in {b"{", b"["} and len(line) > 2 and bool(loads(line))
    except NotJson:
        return False


def _lines(head: bytes, stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    number = 0
    rest, chunk = b"", head
    while chunk:
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        for line in lines:
            number += 1
            yield from _line(line, number, rejects, layout)
        chunk = stream.read(_CHUNK)
        if len(rest) > UNIT_LIMIT:
            number += 1
            rejects.add(TOO_LARGE, f"line {number}", f"more than {UNIT_LIMIT >> 20} MiB")
            while chunk and b"\n" not in chunk:
                chunk = stream.read(_CHUNK)
            rest, chunk = b"", chunk.partition(b"\n")[2] or stream.read(_CHUNK)
    yield from _line(rest, number + 1, rejects, layout)


def _line(line: bytes, number: int, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    line = line.strip(_SEPARATORS)
    if line and layout.raw:
        return iter((Unit(LINE, line, f"line {number}"),))
    return units_of(line, rejects, layout, f"line {number}") if line else iter(())


def _whole(head: bytes, stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    splitter = _Splitter(rejects, layout, "")
    chunk = head
    while chunk:
        yield from splitter.feed(chunk)
        chunk = stream.read(_CHUNK)
    yield from splitter.finish()


class _Frame:
    """A container above the records that is open."""

    __slots__ = ("count", "is_array", "key")

    def __init__(self, key: str, is_array: bool) -> None:
        self.key, self.is_array, self.count = key, is_array, 0


class _Splitter:
    """Splits a text that arrives in chunks; all positions are offsets in the whole text.

    An outermost object may be a record itself or hold records under a key: `_whole` is its start until such a key is
    seen.
    """

    def __init__(self, rejects: Rejects, layout: Layout, prefix: str) -> None:
        self._rejects, self._layout, self._prefix = rejects, layout, prefix
        self._scanner = BracketScanner()
        self._buffer = bytearray()
        self._base = 0  # position of the buffer's first byte
        self._depth = 0
        self._frames: list[_Frame] = []
        self._whole: int | None = None
        self._unit: int | None = None  # start of the record that is open, in the last frame
        self._unit_key = ""
        self._last = 0  # where the last value among the containers ended
        self._strays = 0

    def feed(self, chunk: bytes) -> Iterator[Unit]:
        """Take the next bytes; yield the records that end in them."""
        if self._strays > _STRAY:
            return
        at = self._base + len(self._buffer)
        self._buffer += chunk
        offsets, opening = self._scanner.scan(chunk)
        if len(offsets):
            # A bracket and the one that closes it have the same depth: that of what they stand in.
            after = np.cumsum(np.where(opening, 1, -1)) + self._depth
            depths = after - opening
            near = self._near(depths)
            strays = self._strays
            for offset, opens, depth in zip(
                offsets[near].tolist(), opening[near].tolist(), depths[near].tolist(), strict=True
            ):
                yield from self._bracket(at + offset, opens, depth + self._strays - strays)
                if self._strays > _STRAY:
                    self._rejects.add(NO_RECORD, f"{self._prefix}byte {at + offset}", "the rest was not read")
                    self._frames.clear()
                    self._unit = self._whole = None
                    self._last = self._base + len(self._buffer)
                    break
            self._depth = int(after[-1]) + self._strays - strays
        self._forget()

    def finish(self) -> Iterator[Unit]:
        """Say what the end of the text cut off, and yield what of it is whole."""
        end = self._base + len(self._buffer)
        start = self._unit if self._unit is not None else self._whole
        if start is not None:
            kept = complete_part(bytes(memoryview(self._buffer)[start - self._base :]), self._layout.salvage)
            after = self._after() if kept is None else "its whole records were read"
            self._rejects.add(CUT_OFF, f"{self._prefix}byte {end}", after)
            if kept is not None:
                yield from self._decoded(kept, self._unit_key if self._unit is not None else "", start)
        elif self._frames:
            self._rejects.add(CUT_OFF, f"{self._prefix}byte {end}", self._after())
        else:
            self._between(end)

    def _near(self, depths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the indexes of the brackets that may concern containers or records, of which there are few."""
        level = len(self._frames)
        if not level or not self._frames[-1].is_array:
            return np.flatnonzero(depths <= _DEPTH)
        # Inside an array of records nothing deeper matters, until the array ends.
        ends = np.flatnonzero(depths < level)
        first = int(ends[0]) if len(ends) else len(depths)
        return np.concatenate(
            [np.flatnonzero(depths[:first] <= level), first + np.flatnonzero(depths[first:] <= _DEPTH)]
        )

    def _bracket(self, position: int, opens: bool, depth: int) -> Iterator[Unit]:
        if depth < 0:
            self._strays += 1
            self._last = position + 1
            self._rejects.add(NO_RECORD, f"{self._prefix}byte {position}", "a bracket that closes nothing")
        elif opens and depth == len(self._frames) and self._unit is None:
            self._open(position)
        elif not opens and depth == len(self._frames):
            yield from self._close_value(position + 1)
        elif not opens and depth == len(self._frames) - 1:
            yield from self._close_frame(position + 1)

    def _open(self, position: int) -> None:
        is_array = self._buffer[position - self._base] == ord("[")
        frame = self._frames[-1] if self._frames else None
        if frame is None:
            self._between(position)
            self._frames.append(_Frame("", is_array))
            self._whole = None if is_array else position
        elif frame.is_array:
            self._between(position)
            self._unit, self._unit_key = position, frame.key
        else:
            key = key_before(self._buffer, position - self._base)
            if key in self._layout.wrappers and not is_array:
                self._whole = None
                self._frames.append(_Frame(key, is_array))
            elif key in self._layout.records:
                self._whole = None
                if is_array:
                    self._frames.append(_Frame(key, is_array))
                else:
                    self._unit, self._unit_key = position, key
        self._last = position + 1

    def _close_value(self, end: int) -> Iterator[Unit]:
        start, self._unit = self._unit, None
        self._last = end
        if start is not None:
            yield from self._decoded(self._slice(start, end), self._unit_key, start)
        if self._frames:
            self._frames[-1].count += 1

    def _close_frame(self, end: int) -> Iterator[Unit]:
        if self._frames[-1].is_array:
            self._between(end - 1)
        else:
            after = self._slice(self._last, end)
            for mark, note in self._layout.remarks.items():
                if mark in after:
                    self._rejects.note(note)
        frame = self._frames.pop()
        self._last = end
        if not self._frames:
            start, self._whole = self._whole, None
            if start is not None and not frame.is_array:
                yield from self._decoded(self._slice(start, end), "", start)

    def _decoded(self, content: bytes, key: str, start: int) -> Iterator[Unit]:
        position = self._place(key, start)
        if self._layout.raw:
            yield Unit(key, content, position)
            return
        try:
            yield Unit(key, self._layout.decode(key, content), position)
        except NotJson:
            self._rejects.add(NOT_JSON, position)

    def _place(self, key: str, start: int) -> str:
        if self._frames and self._frames[-1].is_array:
            return f"{self._prefix}{key}[{self._frames[-1].count}]"
        return f"{self._prefix}{key or f'byte {start}'}"

    def _after(self) -> str:
        frame = self._frames[-1] if self._frames else _Frame("", False)
        return f"after {frame.count} records{f' of {frame.key}' if frame.key else ''}"

    def _slice(self, start: int, end: int) -> bytes:
        return bytes(memoryview(self._buffer)[start - self._base : end - self._base])

    def _between(self, position: int) -> None:
        """Refuse text that stands where records do, or between them."""
        if self._slice(self._last, position).strip(_SEPARATORS):
            self._rejects.add(NO_RECORD, f"{self._prefix}byte {self._last}")

    def _forget(self) -> None:
        """Drop what no record needs any more."""
        end = self._base + len(self._buffer)
        start = self._unit if self._unit is not None else self._whole
        if start is not None and end - start > UNIT_LIMIT:
            self._rejects.add(TOO_LARGE, f"{self._prefix}byte {start}", f"more than {UNIT_LIMIT >> 20} MiB")
            self._whole = self._unit = start = None
            self._last = end
        elif start is None and end - self._last > _BETWEEN:
            if not self._frames or self._frames[-1].is_array:
                self._between(end)
            self._last = end - 512
        keep = self._last if start is None else min(start, self._last)
        del self._buffer[: keep - self._base]
        self._base = keep
