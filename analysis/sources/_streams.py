"""Bytes of an export: opened wherever they lie, decompressed by what they hold, and never more than bounds allow."""

from __future__ import annotations

import codecs
import sys
import tempfile
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

from analysis.addresses import open_address
from analysis.sources._layers import GZIP, ZSTD, Next, gunzipped, transcoded, unzstd, with_first
from analysis.sources._unreadable import UnreadableExport

__all__ = ["ExportStream", "Readable", "Spoolable", "open_stream"]

#: How much one compressed byte may become once `RATIO_GRACE` bytes have come out: gzip ends at about 1,030, and
#: telemetry seldom passes 100.
RATIO_LIMIT: Final = 500
RATIO_GRACE: Final = 256 << 20
#: Most bytes that one export may hold, decompressed.
SIZE_LIMIT: Final = 1 << 40
#: gzip or zstd inside one another, at most.
LAYERS: Final = 2
#: Endings of names of files, and those of the files beside them: a block of Tempo and what describes it.
_COMPANIONS: Final = {"data.parquet": "meta.json"}
_COMPANION_LIMIT: Final = 16 << 20
_CHUNK: Final = 1 << 20
_UTF8: Final = codecs.BOM_UTF8
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Readable(Protocol):
    """What a reader asks of a stream: bytes, fewer than asked for only at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        ...


class Spoolable(Readable, Protocol):
    """What formats ask of a stream that are read from the end of a file, or together with a file beside it."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def peek(self, size: int = 65_536, /) -> bytes:
        """Return the next bytes without taking them."""
        ...

    def spool(self) -> IO[bytes]:
        """Return the whole content as a file."""
        ...

    @property
    def companion(self) -> bytes | None:
        """The content of the file beside it that belongs to it."""
        ...

    @property
    def accompanies(self) -> bool:
        """Whether it belongs to a file that lies beside it."""
        ...


class ExportStream:
    """The decompressed bytes of one export.

    Attributes
    ----------
    name
        As given, for messages.
    layers
        Compressions taken off, outermost first.
    damage
        Why the bytes end early ("gzip data is cut off"), known once the end is reached; "" where they do not. What came
        before is whole.
    location
        The path or address that was opened; "" where there is none.
    spooled
        The whole content as a file that can be sought in, once `spool` has made it; None before.
    """

    def __init__(self, raw: IO[bytes], name: str, location: str = "") -> None:
        self.name = name
        self.layers: tuple[str, ...] = ()
        self.damage = ""
        self.location = location
        self.spooled: IO[bytes] | None = None
        self._raw = raw
        self._compressed = 0
        self._ahead = bytearray()
        self._next: Next = self._from_raw
        self._unwrap()

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end; all that are left where `size` is negative.

        Raises
        ------
        UnreadableExport
            The compressed data grows beyond the limits.
        """
        while size < 0 or len(self._ahead) < size:
            chunk = self._next()
            if not chunk:
                break
            if len(chunk) == size and not self._ahead:
                # Files are read so: nothing is copied.
                return chunk
            self._ahead += chunk
        end = len(self._ahead) if size < 0 else size
        taken = bytes(memoryview(self._ahead)[:end])
        del self._ahead[:end]
        return taken

    def readinto(self, room: memoryview, /) -> int:
        """Do as `read` for as many bytes as there is room for, and put them there; return how many they are."""
        if self._ahead or self._next != self._from_raw or not hasattr(self._raw, "readinto"):
            chunk = self.read(len(room))
            room[: len(chunk)] = chunk
            return len(chunk)
        count = 0
        while count < len(room) and (more := self._raw.readinto(room[count:])):
            count += more
        self._compressed += count
        return count

    def peek(self, size: int = 65_536, /) -> bytes:
        """Return the next bytes without taking them: up to `size`, fewer only at the end."""
        while len(self._ahead) < size:
            chunk = self._next()
            if not chunk:
                break
            self._ahead += chunk
        return bytes(memoryview(self._ahead)[:size])

    @property
    def taken(self) -> int:
        """How many bytes of the file were read, as it lies there: compressed."""
        return self._compressed

    def spool(self) -> IO[bytes]:
        """Copy what is left to a temporary file, for formats that are read from their end; it is read on from there."""
        if self.spooled is None:
            file = tempfile.TemporaryFile(prefix="archreview-")  # noqa: SIM115 - it is closed with the stream
            while chunk := self.read(_CHUNK):
                file.write(chunk)
            place = 0

            def following() -> bytes:
                nonlocal place
                file.seek(place)
                chunk = file.read(_CHUNK)
                place += len(chunk)
                return chunk

            self.spooled, self._next = file, following
        self.spooled.seek(0)
        return self.spooled

    @cached_property
    def companion(self) -> bytes | None:
        """The file that lies beside this one and belongs to it, decompressed (see `_COMPANIONS`).

        None where there is none, where this one has no name of its own, or where it is larger than such files are.
        """
        for ending, other in _COMPANIONS.items():
            if self.location.endswith(ending):
                try:
                    with open_stream(self.location.removesuffix(ending) + other) as stream:
                        content = stream.read(_COMPANION_LIMIT + 1)
                except (UnreadableExport, OSError):
                    return None
                return content if len(content) <= _COMPANION_LIMIT else None
        return None

    @property
    def accompanies(self) -> bool:
        """Whether this is such a file beside another, and that other is there."""
        for ending, other in _COMPANIONS.items():
            if self.location.endswith(other):
                try:
                    with open_stream(self.location.removesuffix(other) + ending) as stream:
                        return bool(stream.peek(1))
                except (UnreadableExport, OSError):
                    return False
        return False

    def close(self) -> None:
        """Close the file behind it, unless that is standard input."""
        # What reads for it refers to it: let go, so that no bytes wait for the collector of circles.
        self._next = bytes
        self._ahead.clear()
        if self.spooled is not None:
            self.spooled.close()
        if self._raw is not getattr(sys.stdin, "buffer", None):
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _from_raw(self) -> bytes:
        chunk = self._raw.read(_CHUNK)
        self._compressed += len(chunk)
        return chunk

    def _unwrap(self) -> None:
        """Take off compressions and a byte-order mark, seen in the first bytes."""
        while True:
            head = self.peek(4)
            kind = "gzip" if head.startswith(GZIP) else "zstd" if head.startswith(ZSTD) else ""
            if not kind:
                break
            if len(self.layers) == LAYERS:
                raise UnreadableExport(
                    self.name,
                    f"compressed more than {LAYERS} times ({', '.join((*self.layers, kind))})",
                    "Decompress it first",
                )
            self.layers += (kind,)
            inner, first = self._next, bytes(self._ahead)
            self._ahead.clear()
            take_off = gunzipped if kind == "gzip" else unzstd
            self._next = self._bounded(take_off(with_first(first, inner), self._end_early))
        if head.startswith(_UTF8):
            del self._ahead[:3]
        elif head[:2] in _UTF16:
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            first, inner = bytes(self._ahead), self._next
            self._ahead.clear()
            self._next = transcoded(decoder, with_first(first, inner))

    def _end_early(self, why: str) -> None:
        self.damage = why

    def _bounded(self, layer: Next) -> Next:
        delivered = 0

        def read() -> bytes:
            nonlocal delivered
            chunk = layer()
            delivered += len(chunk)
            ratio = delivered // max(self._compressed, 1)
            if delivered > SIZE_LIMIT or (delivered > RATIO_GRACE and ratio > RATIO_LIMIT):
                raise UnreadableExport(
                    self.name,
                    f"{self._compressed:,} compressed bytes hold more than {delivered:,}: the limits are"
                    f" {SIZE_LIMIT >> 40} TiB in all and {RATIO_LIMIT}-fold beyond {RATIO_GRACE >> 20} MiB",
                    "If this is no mistake, decompress it first and hand in the parts",
                )
            return chunk

        return read


def open_stream(path_or_file: str | PathLike[str] | IO[bytes], name: str = "") -> ExportStream:
    """Open an export and take off gzip and zstd, which are found by content, up to two layers.

    Parameters
    ----------
    path_or_file
        A path or URL that fsspec knows, "-" for standard input, or an open binary file.
    name
        How messages call it; by default as given.

    Raises
    ------
    UnreadableExport
        There is no such file, it cannot be opened, or it is compressed beyond the limits.
    """
    if isinstance(path_or_file, str | PathLike):
        path = fspath(path_or_file)
        name, location = name or path, "" if path == "-" else path
        try:
            raw = sys.stdin.buffer if path == "-" else _opened(path)
        except (OSError, ValueError, ImportError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UnreadableExport(name, f"it cannot be opened ({reason})", "Check the path") from error
    else:
        raw = path_or_file
        opened = getattr(raw, "name", "")
        name, location = (
            name or str(opened or "standard input"),
            fspath(opened) if isinstance(opened, str | PathLike) else "",
        )
    try:
        return ExportStream(raw, name, location)
    except OSError as error:
        raise UnreadableExport(
            name, f"it cannot be read ({error.strerror or error})", "Check that it is a file, and yours to read"
        ) from error


def _opened(path: str) -> IO[bytes]:
    return open_address(path) if "://" in path else Path(path).open("rb")
