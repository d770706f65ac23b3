"""JSON documents of any size, taken apart into the records that are worth decoding one at a time.

A file of lines is read line by line. Any other text (one object, an array, objects one after another, pretty-printed
or not) is split at the elements of its outer arrays by matching brackets outside strings, so that memory holds one
element, however large the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analysis.sources._json import NotJson, loads
from analysis.sources._layout import (
    CUT_OFF,
    LINE,
    NO_RECORD,
    NOT_JSON,
    RUN,
    SEPARATORS,
    TOO_LARGE,
    Layout,
    Unit,
)
from analysis.sources._ledger import Rejects
from analysis.sources._splitting import UNIT_LIMIT, Splitter
from analysis.sources._streams import Readable

__all__ = [
    "CUT_OFF", "LINE", "NOT_JSON", "NO_RECORD", "RUN", "TOO_LARGE", "Layout", "Unit", "elements_of", "units",
    "units_of",
]  # fmt: skip

_CHUNK: Final = 4 << 20
_FIRST_LINE: Final = 16 << 20


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
        splitter = Splitter(rejects, layout, f"{position}, ")
        yield from splitter.feed(content)
        yield from splitter.finish()
        return
    if content[:1] in {b"{", b"["}:
        yield Unit("", value, position)
    else:
        rejects.add(NO_RECORD, position)


def elements_of(unit: Unit, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    """Yield the elements that a unit of several holds, one by one."""
    splitter = Splitter(rejects, layout, unit.position, first=unit.first)
    yield from splitter.feed(unit.value)
    yield from splitter.finish()


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
    line = line.strip(SEPARATORS)
    if line and layout.raw:
        return iter((Unit(LINE, line, f"line {number}"),))
    return units_of(line, rejects, layout, f"line {number}") if line else iter(())


def _whole(head: bytes, stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    splitter = Splitter(rejects, layout, "")
    chunk = head
    while chunk:
        yield from splitter.feed(chunk)
        chunk = stream.read(_CHUNK)
    yield from splitter.finish()
