"""Tables of log lines as text: their header, and their physical lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import count

from analysis.sources._ledger import Rejects
from analysis.sources._streams import Readable

__all__ = ["cells_of", "header_of", "rows_of"]

_CHUNK = 1 << 20
_LONGEST = 16 << 20
NO_ROW = "a line ends within a cell without quotes, or a cell is too long"
TOO_LONG = "lines of a table longer than 16 MiB were cut"


def header_of(lines: list[str]) -> list[str]:
    """Return the names in the first line of a table, whatever separates them; Excel's ``sep=`` line is passed over."""
    named = [line for line in lines[:2] if not line.startswith("sep=")][:1]
    if not named or len(named[0]) > 20_000:
        return []
    delimiter = "\t" if "\t" in named[0] else ";" if ";" in named[0] and "," not in named[0] else ","
    try:
        return next(csv.reader([named[0]], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def cells_of(lines: Iterable[str], delimiter: str, rejects: Rejects, first: int = 1) -> Iterator[list[str]]:
    """Yield the cells of each row of a table; one that is none is refused, and yielded without cells.

    ``first`` is the number of the first row, as rejects tell it.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    for number in count(first):
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            rejects.add(NO_ROW, f"row {number}")
            cells = []
        yield cells


def rows_of(stream: Readable, rejects: Rejects) -> Iterator[str]:
    """Yield the physical lines of a text, blank ones too: a cell in quotes may hold them."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r").replace("\0", "")
        if len(rest) > _LONGEST:
            rejects.note(TOO_LONG)
            yield rest.decode("utf-8", "replace").replace("\0", "")
            rest = b""
    if rest:
        yield rest.decode("utf-8", "replace").rstrip("\r").replace("\0", "")
