"""CSV without the lines whose quotes never end: each is refused by its line, and what it would swallow is read."""

from __future__ import annotations

import io
from typing import Final

import numpy as np

from analysis._kernels.csv_quotes import scan_quotes
from analysis.sources._ledger import Rejects
from analysis.sources._streams import Readable
from analysis.sources._unreadable import UnreadableExport

__all__ = ["ENDLESS", "SoundQuotes"]

ENDLESS: Final = "quote that never ends"

#: A field in quotes that is longer holds rows.
_LIMIT: Final = 1 << 20
_CHUNK: Final = 4 << 20
_LINE_FEED: Final = 10


class SoundQuotes(io.RawIOBase):
    """The bytes of a CSV text, without lines in which a quote begins that never ends.

    Parameters
    ----------
    stream
        The text.
    delimiter
        What stands between its fields.
    rejects
        Where such lines are refused.

    Attributes
    ----------
    left_out
        Which rows were, the header being 0.
    """

    def __init__(self, stream: Readable, delimiter: str, rejects: Rejects) -> None:
        super().__init__()
        self.left_out: list[int] = []
        self._stream, self._rejects = stream, rejects
        self._delimiter = ord(delimiter)
        self._waiting = bytearray()
        self._sound = bytearray()
        self._rows, self._lines = 0, 0
        self._ended = False

    def readable(self) -> bool:
        """Return that it is to be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        while not self._ended and (size < 0 or len(self._sound) < size):
            chunk = self._stream.read(_CHUNK)
            self._ended = not chunk
            self._waiting += chunk
            self._scan()
        end = len(self._sound) if size < 0 else size
        taken = bytes(memoryview(self._sound)[:end])
        del self._sound[:end]
        return taken

    def _scan(self) -> None:
        """Move whole rows to what can be read."""
        data = np.frombuffer(self._waiting, np.uint8)
        begin = 0
        while True:
            end, rows, quote = scan_quotes(data, begin, self._delimiter, _LIMIT, self._ended)
            self._sound += _readable(memoryview(self._waiting)[begin:end])
            self._lines += int(np.count_nonzero(data[begin:end] == _LINE_FEED))
            self._rows += rows
            begin = end
            if quote < 0:
                break
            begin = self._refuse(data, begin, quote)
        del data
        del self._waiting[:begin]

    def _refuse(self, data: np.ndarray[tuple[int], np.dtype[np.uint8]], begin: int, quote: int) -> int:
        """Leave out a row up to the end of the line in which its quote stands; return where the next begins."""
        before = int(np.count_nonzero(data[begin:quote] == _LINE_FEED))
        position = f"line {self._lines + before + 1}"
        if self._rows == 0:
            raise UnreadableExport("mapped-csv", f"the header has a {ENDLESS}", "Mend the line", position)
        self._rejects.add(ENDLESS, position, "the line is left out; the lines after it are read")
        self.left_out.append(self._rows)
        self._rows += 1
        following = np.flatnonzero(data[quote:] == _LINE_FEED)
        self._lines += before + (1 if len(following) else 0)
        return quote + int(following[0]) + 1 if len(following) else len(data)


def _readable(rows: memoryview) -> memoryview | bytes:
    """Return whole rows as UTF-8; what is none is replaced, as everywhere: the reader of rows would fail on it."""
    try:
        str(rows, "utf-8")
    except UnicodeDecodeError:
        return str(rows, "utf-8", "replace").encode()
    return rows
