"""Layers taken off the bytes of an export: each gives the next bytes, made of those that another gives."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable
from typing import Final

import zstandard

from analysis.sources._zstd import STEP, WINDOW

__all__ = ["GZIP", "ZSTD", "Next", "gunzipped", "transcoded", "unzstd", "with_first"]

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_CHUNK: Final = 1 << 20

#: Gives the next bytes; none at the end.
Next = Callable[[], bytes]
#: Told why the bytes end early; what came before is whole, and nothing comes after.
Damaged = Callable[[str], None]


def gunzipped(source: Next, damaged: Damaged) -> Next:
    """Take off gzip, of one member or several."""
    state = zlib.decompressobj(31)
    waiting = b""
    begun = ended = False

    def read() -> bytes:
        nonlocal state, waiting, begun, ended
        while not ended:
            if state.eof:
                # Another member may follow; anything else after the end is padding, as gzip itself takes it.
                waiting = (state.unused_data or waiting).lstrip(b"\0") or source().lstrip(b"\0")
                if not waiting.startswith(GZIP):
                    return b""
                state, begun = zlib.decompressobj(31), False
            data = waiting or source()
            if not data:
                ended = begun
                if begun:
                    damaged("gzip data is cut off")
                return state.flush() if begun else b""
            begun = True
            try:
                chunk = state.decompress(data, _CHUNK)
            except zlib.error:
                damaged("gzip data is damaged")
                ended = True
                break
            waiting = state.unconsumed_tail
            if chunk:
                return chunk
        return b""

    return read


def unzstd(source: Next, damaged: Damaged) -> Next:
    """Take off zstd, of one frame or several."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    state = decompressor.decompressobj()
    waiting: memoryview = memoryview(b"")
    begun = ended = False

    def read() -> bytes:
        nonlocal state, waiting, begun, ended
        while not ended:
            if state.eof:
                # Another frame may follow, as parallel compressors write them.
                waiting = memoryview(state.unused_data + waiting)
                state, begun = decompressor.decompressobj(), False
            data = waiting or memoryview(source())
            if not len(data):
                ended = begun
                if begun:
                    damaged("zstd data is cut off")
                break
            begun = True
            waiting = data[STEP:]
            try:
                chunk = state.decompress(data[:STEP])
            except zstandard.ZstdError:
                damaged("zstd data is damaged")
                ended = True
                break
            if chunk:
                return chunk
        return b""

    return read


def transcoded(decoder: codecs.IncrementalDecoder, source: Next) -> Next:
    """Turn text of another encoding into UTF-8."""

    def read() -> bytes:
        while data := source():
            converted = decoder.decode(data).encode("utf-8", "replace")
            if converted:
                return converted
        return decoder.decode(b"", final=True).encode("utf-8", "replace")

    return read


def with_first(first: bytes, following: Next) -> Next:
    """Give some bytes before all others."""

    def read() -> bytes:
        nonlocal first
        if first:
            taken, first = first, b""
            return taken
        return following()

    return read
