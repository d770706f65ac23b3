"""JSON texts that arrive in chunks, split at the elements of their outer arrays by matching brackets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.sources._brackets import BracketScanner, complete_part, key_before
from analysis.sources._json import NotJson
from analysis.sources._layout import CUT_OFF, NO_RECORD, NOT_JSON, RUN, SEPARATORS, TOO_LARGE, Layout, Unit
from analysis.sources._ledger import Rejects

__all__ = ["UNIT_LIMIT", "Splitter"]

#: Most bytes of one record: decoding takes up to ten times as much memory.
UNIT_LIMIT: Final = 512 << 20
#: Containers above a record, at most: {"trace": {"resourceSpans": [record.
_DEPTH: Final = 3
#: Text between records that is kept for looking at it.
_BETWEEN: Final = 1 << 20
#: Brackets that close nothing, after which the rest of a text is given up.
_STRAY: Final = 1000
#: Most bytes between two elements that are given together.
_WIDEST: Final = 64
_IS_SEPARATOR: Final = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(SEPARATORS, np.uint8))


class _Frame:
    """A container above the records that is open."""

    __slots__ = ("count", "is_array", "key")

    def __init__(self, key: str, is_array: bool) -> None:
        self.key, self.is_array, self.count = key, is_array, 0


class Splitter:
    """Splits a text that arrives in chunks; all positions are offsets in the whole text.

    An outermost object may be a record itself or hold records under a key: `_whole` is its start until such a key is
    seen.
    """

    def __init__(self, rejects: Rejects, layout: Layout, prefix: str, *, first: int = 0) -> None:
        self._rejects, self._layout, self._prefix, self._first = rejects, layout, prefix, first
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
            if self._layout.runs and (self._unit is not None or not self._frames) and len(near):
                # What the last piece left open ends first, and what holds the elements begins.
                yield from self._brackets(at, offsets, opening, depths, near[:1], strays)
                done = int(near[0]) + 1
                near = done + self._near(depths[done:])
            if self._layout.runs and self._unit is None and self._strays == strays == 0:
                run, near = self._run(at, offsets, depths, near)
                if run is not None:
                    yield run
            yield from self._brackets(at, offsets, opening, depths, near, strays)
            self._depth = int(after[-1]) + self._strays - strays
        self._forget()

    def _brackets(
        self,
        at: int,
        offsets: npt.NDArray[np.int64],
        opening: npt.NDArray[np.bool_],
        depths: npt.NDArray[np.int64],
        near: npt.NDArray[np.int64],
        strays: int,
    ) -> Iterator[Unit]:
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

    def _run(
        self, at: int, offsets: npt.NDArray[np.int64], depths: npt.NDArray[np.int64], near: npt.NDArray[np.int64]
    ) -> tuple[Unit | None, npt.NDArray[np.int64]]:
        """Take the elements that come next in the innermost array together; return also what brackets are left."""
        level = len(self._frames)
        if not level or not self._frames[-1].is_array:
            return None, near
        others = np.flatnonzero(depths[near] != level)
        pairs = (int(others[0]) if len(others) else len(near)) // 2
        if pairs < 2:
            return None, near
        places = at - self._base + offsets[near[: 2 * pairs]]
        opens, closes = places[::2], places[1::2]
        gaps = np.concatenate([[self._last - self._base], closes[:-1] + 1])
        if not self._are_blank(gaps, opens):
            return None, near
        frame = self._frames[-1]
        begin, end = int(opens[0]), int(closes[-1]) + 1
        content = b"".join((b"[", memoryview(self._buffer)[begin:end], b"]"))
        unit = Unit(RUN, content, f"{self._prefix}{frame.key}", frame.count)
        frame.count += pairs
        self._last = self._base + end
        return unit, near[2 * pairs :]

    def _are_blank(self, begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> bool:
        """Return whether nothing but what separates elements stands between places of the buffer."""
        longest = int((ends - begins).max())
        data = np.frombuffer(self._buffer, np.uint8)
        blank = longest <= _WIDEST and all(
            _IS_SEPARATOR[data[np.minimum(begins + step, ends - 1)]][begins + step < ends].all()
            for step in range(longest)
        )
        # A view of the buffer would keep it from growing.
        del data
        return bool(blank)

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
            self._frames[0].count = self._first
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
        if self._slice(self._last, position).strip(SEPARATORS):
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
