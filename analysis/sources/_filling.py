"""Bytes of a stream that are put where they are scanned, without a copy on the way."""

from __future__ import annotations

from analysis.sources._streams import ExportStream, Readable

__all__ = ["Filling"]


class Filling:
    """The next bytes of a stream, to be put where its reader wants them.

    Attributes
    ----------
    ended
        There are no more.
    """

    def __init__(self, stream: Readable) -> None:
        self.ended = False
        self._stream = stream

    def readinto(self, room: memoryview, /) -> int:
        """Read as many bytes as there is room for, fewer only at the end; return how many."""
        if isinstance(self._stream, ExportStream):
            count = self._stream.readinto(room)
        else:
            chunk = self._stream.read(len(room))
            count = len(chunk)
            room[:count] = chunk
        self.ended = count < len(room)
        return count
