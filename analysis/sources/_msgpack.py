"""MessagePack as it comes from a stream: where payloads of Datadog's tracers begin, and one value after another."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis._kernels.msgpack import value_end
from analysis.sources._framing import Buffer
from analysis.sources._ledger import Rejects

__all__ = ["BROKEN", "CUT_OFF", "array_begin", "is_packed", "is_table", "next_value"]

BROKEN: Final = "MessagePack data is broken"
CUT_OFF: Final = "MessagePack data is cut off"
#: Most bytes of one trace, or of one payload of version 0.5; agents take 50 MB at most.
_LIMIT: Final = 512 << 20


def is_packed(head: bytes) -> bool:
    """Return whether an array of MessagePack begins here that has an array or a map in it."""
    size, at = array_begin(head, 0)
    return size > 0 and (array_begin(head, at)[0] >= 0 or head[at : at + 1] in {b"\xde", b"\xdf"})


def is_table(head: bytes) -> bool:
    """Return whether this is version 0.5: two elements, of which the first is a table of texts."""
    size, at = array_begin(head, 0)
    texts, first = array_begin(head, at)
    is_text = head[first : first + 1] and (0xA0 <= head[first] <= 0xBF or head[first] in {0xD9, 0xDA, 0xDB})
    return size == 2 and texts > 0 and bool(is_text)


def array_begin(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return how many elements the array has that begins here, and where the first is; -1 where none begins."""
    tag = data[at] if at < len(data) else 0
    if 0x90 <= tag <= 0x9F:
        return tag & 0x0F, at + 1
    width = {0xDC: 2, 0xDD: 4}.get(tag, 0)
    if not width or at + 1 + width > len(data):
        return -1, at
    return int.from_bytes(data[at + 1 : at + 1 + width]), at + 1 + width


def next_value(buffer: Buffer, rejects: Rejects) -> bytes | None:
    """Take the next value off the buffer; None where it is cut off, broken or too large, which is then refused."""
    wanted = 1 << 16
    while True:
        whole = not buffer.fill(wanted)
        end = value_end(np.frombuffer(buffer.data, np.uint8), 0, len(buffer.data))
        if end > 0:
            content = bytes(memoryview(buffer.data)[:end])
            buffer.drop(end)
            return content
        if end == -2 or whole or wanted > _LIMIT:
            reason = BROKEN if end == -2 else CUT_OFF if whole else "record is too large"
            rejects.add(reason, f"byte {buffer.base}", "the rest was not read")
            return None
        wanted = 2 * len(buffer.data)
