"""Messages that are zstd each for itself, as framed files hold them; and the bounds of all that is zstd."""

from __future__ import annotations

import io
from typing import Final

import zstandard

__all__ = ["STEP", "WINDOW", "unzstd", "unzstd_part"]

#: Largest window of a zstd frame: `zstd --long=27` is what tools write at most without being told otherwise.
WINDOW: Final = 1 << 27
#: Compressed bytes taken at a time where the decompressor does not bound what they become: at most about 128 MiB.
STEP: Final = 4096


def unzstd(message: bytes, limit: int) -> bytes:
    """Decompress one zstd message of a framed file.

    Raises
    ------
    ValueError
        It is damaged, or holds more than `limit` bytes.
    """
    try:
        with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(io.BytesIO(message)) as reader:
            content = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise ValueError("zstd data is damaged") from error
    if len(content) > limit:
        raise ValueError(f"zstd data holds more than {limit} bytes")
    return content


def unzstd_part(message: bytes, limit: int) -> bytes | None:
    """Decompress as much of a zstd message as there is; None where that is nothing."""
    state = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
    content = bytearray()
    try:
        # In steps, so that what comes before a damaged place is kept, and a bomb is seen early.
        for first in range(0, len(message), STEP):
            content += state.decompress(message[first : first + STEP])
            if len(content) > limit:
                return None
    except zstandard.ZstdError:
        pass
    return bytes(content) or None
