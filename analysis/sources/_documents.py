"""JSON documents of any size, taken apart into the records that are worth decoding one at a time.

A file of lines is read line by line. Any other text (one object, an array, objects one after another, pretty-printed
or not) is split at the elements of its outer arrays by matching brackets outside strings, so that memory holds one
element, however large the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analysis._kernels.json_bytes import space_end, value_end
from analysis._kernels.wide_reads import padded
from analysis.sources._filling import Filling
from analysis.sources._json import NotJson, loads
from analysis.sources._layout import (
    CUT_OFF,
    LINE,
    LINES,
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
    "CUT_OFF", "LINE", "LINES", "NOT_JSON", "NO_RECORD", "RUN", "TOO_LARGE", "UNIT_LIMIT", "Layout", "Unit",
    "elements_of", "units", "units_of",
]  # fmt: skip

_CHUNK: Final = 1 << 20
_FIRST_LINE: Final = 16 << 20
#: A first line beyond it need not be decoded to see whether it is a record.
_LONG_LINE: Final = 1 << 16


def units(stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    """Yield the records of a JSON text; what is broken is refused by position, what is whole around it is kept."""
    head = stream.read(_CHUNK)
    parts, size = [head], len(head)
    has_line = b"\n" in head.lstrip()
    while size < _FIRST_LINE and not has_line and (more := stream.read(_CHUNK)):
        has_line = b"\n" in more
        parts.append(more)
        size += len(more)
    head = b"".join(parts)
    if not _is_lines(head):
        yield from _whole(head, stream, rejects, layout)
    elif layout.raw:
        yield Unit(LINES, head, "")
        following = Filling(stream)
        while not following.ended:
            yield Unit(LINES, following, "")
    else:
        yield from _lines(head, stream, rejects, layout)
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
    if line[:1] not in {b"{", b"["} or len(line) <= 2:
        return False
    if len(line) > _LONG_LINE:
        data = padded(line)
        if value_end(data, 0, len(line)) == len(line):
            return bool(space_end(data, 1) < len(line) - 1)
    try:
        return bool(loads(line))
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
    return units_of(line, rejects, layout, f"line {number}") if line else iter(())


def _whole(head: bytes, stream: Readable, rejects: Rejects, layout: Layout) -> Iterator[Unit]:
    splitter = Splitter(rejects, layout, "")
    chunk = head
    while chunk:
        yield from splitter.feed(chunk)
        chunk = stream.read(_CHUNK)
    yield from splitter.finish()
