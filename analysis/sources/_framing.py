"""Where OTLP messages lie in a file: blocks of a resource, frames with lengths, and where either begins again."""

from __future__ import annotations

from typing import Final

from analysis.sources._streams import Readable
from analysis.sources._wire import FIXED64, LENGTH, VARINT, Data, Field, fields, tiles, varint

__all__ = [
    "FRAME_LIMIT",
    "ZSTD",
    "Buffer",
    "frame_length",
    "looks_like_block",
    "next_block",
    "next_frame",
    "records_of",
]

#: Longest message, in bytes. The Collector's own limit for a request is 20 MiB by default.
FRAME_LIMIT: Final = 1 << 30
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_CHUNK: Final = 1 << 20
#: A message's blocks are its field 1; a block's fields are resource, scopes and schema.
_BLOCK_TAG: Final = 0x0A
_BLOCK_FIELDS: Final = frozenset({1, 2, 3})
#: How far the next whole message is looked for after a broken one.
_SEARCH: Final = 64 << 20


class Buffer:
    """Bytes of a stream from a position on.

    Attributes
    ----------
    data
        What has been read and not dropped.
    base
        Position of its first byte in the stream.
    """

    def __init__(self, stream: Readable) -> None:
        self.data = bytearray()
        self.base = 0
        self._stream = stream

    def fill(self, size: int) -> bool:
        """Read until `size` bytes are there; return whether they are."""
        while len(self.data) < size:
            chunk = self._stream.read(max(_CHUNK, min(size - len(self.data), 16 * _CHUNK)))
            if not chunk:
                return False
            self.data += chunk
        return True

    def drop(self, size: int) -> None:
        """Forget the first bytes."""
        del self.data[:size]
        self.base += size

    def block_end(self) -> int:
        """Return where the block at the beginning ends, having read it; -1 where there is none or it is cut off."""
        self.fill(16)
        if not self.data or self.data[0] != _BLOCK_TAG:
            return -1
        length, start = varint(self.data, 1, len(self.data))
        if not 0 <= length <= FRAME_LIMIT:
            return -1
        return start + length if self.fill(start + length) else -1


def frame_length(data: Data, at: int) -> int:
    """Return the length that a frame says it has; -1 where four bytes are not there."""
    return int.from_bytes(data[at : at + 4], "big") if at + 4 <= len(data) else -1


def looks_like_block(data: Data, at: int) -> bool:
    """Return whether a block of a resource begins here, as far as the bytes go."""
    if data[at : at + 1] != bytes([_BLOCK_TAG]):
        return False
    length, start = varint(data, at + 1, len(data))
    if length < 2:
        return False
    end = min(start + length, len(data))
    tag, value = varint(data, start, end)
    if tag & 7 != LENGTH or tag >> 3 not in _BLOCK_FIELDS:
        return False
    size, inside = varint(data, value, end)
    if size < 0 or inside + size > start + length:
        return False
    if tag >> 3 == 1 and size:
        return _looks_like_resource(data, inside, min(inside + size, len(data)))
    if tag >> 3 == 2 and size:
        tag, _ = varint(data, inside, end)
        return tag & 7 == LENGTH and tag >> 3 in _BLOCK_FIELDS
    return True


def _looks_like_resource(data: Data, start: int, end: int) -> bool:
    """Return whether the bytes begin with an attribute whose key is text, or a count of those dropped."""
    tag, value = varint(data, start, end)
    if tag in {2 << 3 | VARINT, 3 << 3 | LENGTH}:
        return True
    if tag != 1 << 3 | LENGTH:
        return False
    _, pair = varint(data, value, end)
    tag, key = varint(data, pair, end)
    size, text = varint(data, key, end)
    if tag != 1 << 3 | LENGTH or size < 1:
        return False
    try:
        return bytes(data[text : min(text + size, end)]).decode("utf-8", "strict").isprintable()
    except UnicodeDecodeError:
        return text + size > end


def records_of(data: Data, start: int, end: int) -> str:
    """Return what the records of a block are, by their fields: "spans", "logs", "metrics", or "" where it has none."""
    for scope in fields(data, start, end):
        if scope.number != 2 or scope.kind != LENGTH:
            continue
        for record in fields(data, scope.start, scope.end):
            if record.number == 2 and record.kind == LENGTH:
                return _record_kind({field.number: field for field in fields(data, record.start, record.end)})
    return ""


def _record_kind(found: dict[int, Field]) -> str:
    kinds = {number: field.kind for number, field in found.items()}
    sizes = {number: field.end - field.start for number, field in found.items() if field.kind == LENGTH}
    if kinds.get(1) == FIXED64 or kinds.get(11) == FIXED64 or (kinds.get(2) == VARINT and 1 not in kinds):
        return "logs"
    if kinds.get(7) == FIXED64 or kinds.get(8) == FIXED64 or (sizes.get(1) in {8, 16, 24} and sizes.get(2) in {8, 12}):
        return "spans"
    if not kinds or (1 not in kinds and kinds.get(5) == LENGTH):
        return "logs"
    return "metrics" if kinds.get(1) == LENGTH and not kinds.keys().isdisjoint({5, 7, 9, 10, 11}) else "spans"


def next_block(data: Data, at: int) -> int:
    """Return where the next whole block with records begins; -1 where none does."""
    limit = min(len(data), at + _SEARCH)
    found = data.find(_BLOCK_TAG, at, limit)
    while found >= 0 and not _is_block(data, found):
        found = data.find(_BLOCK_TAG, found + 1, limit)
    return found


def _is_block(data: Data, at: int) -> bool:
    length, start = varint(data, at + 1, len(data))
    if length < 4 or start + length > len(data) or not tiles(data, start, start + length, _BLOCK_FIELDS):
        return False
    return records_of(data, start, start + length) in {"spans", "logs"}


def next_frame(data: bytearray, at: int) -> int:
    """Return where the next frame begins whose message is whole; -1 where none does."""
    limit = min(len(data), at + _SEARCH)
    # A frame's message begins with a block or a zstd mark, four bytes after the frame itself.
    blocks, marks = data.find(_BLOCK_TAG, at + 4, limit), data.find(ZSTD, at + 4, limit)
    while blocks >= 0 or marks >= 0:
        found = min(position for position in (blocks, marks) if position >= 0)
        length = frame_length(data, found - 4)
        end = found + length
        if found == marks:
            if length > 4 and end <= len(data):
                return found - 4
            marks = data.find(ZSTD, found + 1, limit)
        if found == blocks:
            if length > 4 and end <= len(data) and tiles(data, found, end, {1}) and _is_block(data, found):
                return found - 4
            blocks = data.find(_BLOCK_TAG, found + 1, limit)
    return -1
