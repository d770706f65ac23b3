"""Where a JSON format keeps its records, and what a record is when it is taken apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from analysis.sources._json import loads

__all__ = ["CUT_OFF", "LINE", "LINES", "NOT_JSON", "NO_RECORD", "RUN", "SEPARATORS", "TOO_LARGE", "Layout", "Unit"]

CUT_OFF: Final = "the document is cut off"
NOT_JSON: Final = "not JSON"
NO_RECORD: Final = "text that is no record"
TOO_LARGE: Final = "record is too large"
#: The key of a raw line: no other text can be one, for a key holds no line feed as it stands.
LINE: Final = "\n"
#: The key of several raw elements of an array together, as an array of their own.
RUN: Final = "\n\n"
#: The key of a piece of a file of raw lines, as it was read.
LINES: Final = "\n\n\n"

#: What stands between records.
SEPARATORS: Final = b" \t\r\n,\x1e"


def _plain(key: str, content: bytes) -> Any:
    del key
    return loads(content)


@dataclass(frozen=True)
class Layout:
    """Where a format keeps its records.

    Attributes
    ----------
    records
        Keys of outer objects whose arrays hold records one by one: "resourceSpans", "data".
    wrappers
        Keys of outer objects whose value is an object with such keys: "trace". A key may be both: "hits".
    salvage
        Keys of arrays inside a record whose complete elements are kept when the record itself is cut off: "spans".
    remarks
        Bytes that may stand after the records of an outer object, and the note to make of them.
    decode
        Decodes a record, given the key it was found under; raises NotJson where it is not JSON.
    raw
        Records stay bytes; of lines come pieces under the key :data:`LINES`: the first as bytes, then what reads the
        following ones (:class:`analysis.sources._filling.Filling`).
    runs
        Raw elements of an array that stand together are given together, under the key :data:`RUN`.
    """

    records: Collection[str] = ()
    wrappers: Collection[str] = ()
    salvage: Collection[str] = ()
    remarks: Mapping[bytes, str] = field(default_factory=dict)
    decode: Callable[[str, bytes], Any] = _plain
    raw: bool = False
    runs: bool = False


class Unit(NamedTuple):
    """One record, decoded.

    Attributes
    ----------
    key
        The key it was found under: "resourceSpans"; "" for a line, an element of the outermost array, or a text of
        its own.
    value
        The decoded value.
    position
        Where it stands: "line 3", "resourceSpans[4]".
    first
        Of elements given together the place of the first in its array, whose position is that of the unit.
    """

    key: str
    value: Any
    position: str
    first: int = 0
