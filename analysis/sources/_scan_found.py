"""What a scan of a bulk export finds: spans as arrays, their attributes as numbers of distinct texts.

A scanner walks over the bytes of records and writes here; :mod:`analysis.sources._scan_rows` makes columns of it. A
span that holds anything unusual is only marked: the readable reader takes it from its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import FETCHED, KEPT, TEXTS, Names, empty_table, forget_texts, intern_all, names_of
from analysis.semconv import KEYS
from analysis.sources._ledger import Rejects
from analysis.sources._scan_runs import empty_runs, forget_runs

__all__ = [
    "ESCAPED",
    "EVENT_KEYS",
    "EVENT_NAMES",
    "EVENT_TAGS",
    "HEAD",
    "KEYS",
    "NAMES",
    "PLAIN",
    "RESOURCE",
    "SCOPE_TAG",
    "TAGS",
    "TEXTS",
    "Decoders",
    "Found",
    "Unit",
    "clear",
    "forget",
    "found_for",
    "later",
    "look_up",
    "remember",
]

#: Attributes of exception events whose values are kept; their numbers follow those of :data:`KEYS`.
EVENT_KEYS: Final = ("exception.type", "exception.message")
NAMES: Final[Names] = names_of(KEYS)
EVENT_NAMES: Final[Names] = names_of(EVENT_KEYS)

#: Texts, and bytes of them, that are remembered from one scan to the next: those of a fleet, and few enough for the
#: processor's cache. Values that never come again are forgotten with them.
MOST_TEXTS: Final = 1 << 16
MOST_KEPT: Final = 4 << 20

#: Tags of texts that are no attribute: as they stand, and with JSON's escapes.
PLAIN, ESCAPED = 0, 1
#: The tag of attribute number k is ``TAGS + 2 * k`` where its value is a text that stands as it is, and one more where
#: it is an encoded value of any type.
TAGS: Final = 2
EVENT_TAGS: Final = TAGS + 2 * len(KEYS)
#: The tag of a resource, whose bytes are left as they are.
RESOURCE: Final = EVENT_TAGS + 2 * len(EVENT_KEYS) + 1
#: The tag of an encoded scope.
SCOPE_TAG: Final = RESOURCE + 2
#: Tags from here on are those of how attributes begin: twice the number of the name and one, one more for a number.
HEAD: Final = SCOPE_TAG + 1
#: Columns of ``texts`` for such: how the attributes began that stood after it last.
NEXT, OTHER = 3, 4

Int64s = NDArray[np.int64]


#: Columns of ``spans``: halves of the trace id, the span's id and its parent's (as bits of signed numbers); start and
#: end, ns since the epoch; indexes into :data:`analysis.schema.KINDS` and :data:`analysis.schema.STATUSES`; numbers of
#: name, status message and trace state, -1 for none; scope, and place among the scope's spans; where its bytes begin
#: and end; whether it is left to the readable reader; where its attributes end in ``attributes``; whether its parent
#: does not wait, whether it is remarked upon, and whether it is the server's half of a span with one id, which a format
#: that knows none of them leaves at 0.
(
    HIGH, LOW, ID, PARENT, START, END, KIND, STATUS, NAME, MESSAGE, STATE, SCOPE, PLACE, FIRST_BYTE, LAST_BYTE, ODD,
    ATTRIBUTES_END, ASYNCHRONOUS, REMARKED, SHARED,
) = range(20)  # fmt: skip
#: Places in ``counts`` behind those of the table of texts: how many spans, attributes, scopes, blocks and links.
SPANS, ATTRIBUTES, SCOPES, BLOCKS, LINKS = range(FETCHED + 1, FETCHED + 6)
_COUNTED: Final = 5
#: Where they are kept while a unit is scanned that may turn out to be none.
_BEFORE: Final = SPANS + _COUNTED
#: How attributes began that were the first of their span, the last two ways.
HEADS: Final = _BEFORE + _COUNTED
#: How many texts wait to be looked up (see :func:`later`).
WAITING: Final = HEADS + 2
#: The number of the last resource.
LAST_RESOURCE: Final = WAITING + 1
#: From here on stands for each attribute the last span that had it.
LAST_SEEN: Final = LAST_RESOURCE + 1
#: From here on stands of each text that waits where it begins, its length, its tag, its number, and where that goes.
LATER: Final = LAST_SEEN + len(KEYS) + len(EVENT_KEYS)
#: So many may wait before a span, which adds few; there is room for more.
ENOUGH: Final = 256
MOST_LATER: Final = 1024


class Unit(NamedTuple):
    """Bytes that are scanned as one: a line, an element of an outer array, a message.

    ``base`` is where they begin in the export, where positions are told in bytes.
    """

    key: str
    content: bytes
    position: str
    base: int = 0


@dataclass(frozen=True)
class Decoders:
    """How the parts of a format are decoded that a scan leaves as bytes.

    Attributes
    ----------
    value
        An attribute's value.
    escaped
        A text with escapes.
    resource
        A resource, as the row that its spans begin as; notes what it assumes.
    span
        A span; raises where it has not the shape that its format says.
    place
        Where a span stands, for messages: its unit, its place among blocks, scopes and spans, and where in the unit it
        begins.
    scope
        A scope that is encoded, to its name.
    resolution_ns
        The smallest step of the format's times.
    remark
        The note to make of each span that is remarked upon.
    beside
        Columns that a resource feeds beside those that every resource does.
    """

    value: Callable[[bytes], Any]
    escaped: Callable[[bytes], str]
    resource: Callable[[bytes, Rejects], Mapping[str, Any]]
    span: Callable[[bytes], Any]
    place: Callable[[Unit, int, int, int, int], str]
    scope: Callable[[bytes], str | None] = bytes.decode
    resolution_ns: int = 1
    remark: str = ""
    beside: tuple[str, ...] = ()


class Found(NamedTuple):
    """Arrays of a scan, longer than what is found; few, because compiled functions are handed each by its parts.

    Attributes
    ----------
    spans
        A row a span.
    attributes
        Numbers of attributes with their values, those of a span together.
    scopes
        For each scope its block, its place in it, and the number of its name; -1 is none.
    blocks
        For each block of one resource its unit, its place in it, and the number of the resource; -1 is none.
    links
        For each link to another span its own span, the halves of the other's trace id, and its id.
    counts
        What is used of all these, and more (see above).
    slots, texts, kept
        The table of texts (:mod:`analysis._kernels.interning`), which outlives a scan.
    runs
        Attributes as they stood last (:mod:`analysis.sources._scan_runs`), for formats that look there.
    """

    spans: Int64s
    attributes: NDArray[np.int32]
    scopes: Int64s
    blocks: Int64s
    links: Int64s
    counts: Int64s
    slots: NDArray[np.uint64]
    texts: Int64s
    kept: NDArray[np.uint64]
    runs: Int64s


def found_for(size: int, least: tuple[int, int, int, int, int]) -> Found:
    """Return arrays for so many bytes, of which a span, an attribute, a scope, a block and a link take at least some.

    Beside the texts of these bytes there is room for :data:`MOST_TEXTS`, and for :data:`MOST_KEPT` bytes of them.
    """
    spans, attributes, scopes, blocks, links = (size // few + 16 for few in least)
    counts = np.zeros(LATER + 5 * MOST_LATER, np.int64)
    counts[HEADS:] = -1
    counts[WAITING] = 0
    slots, texts, kept = empty_table(attributes + 3 * spans + scopes + blocks + MOST_TEXTS, size + MOST_KEPT, counts)
    return Found(
        spans=np.zeros((spans, 20), np.int64),
        attributes=np.empty(attributes, np.int32),
        scopes=np.empty((scopes, 3), np.int64),
        blocks=np.empty((blocks, 3), np.int64),
        links=np.empty((links, 4), np.int64),
        counts=counts,
        slots=slots,
        texts=texts,
        kept=kept,
        runs=empty_runs(),
    )


def clear(found: Found) -> bool:
    """Make arrays ready for the next scan; return whether texts are forgotten, which have become too many."""
    counts = found.counts
    counts[SPANS : LINKS + 1] = 0
    counts[WAITING] = 0
    counts[LAST_SEEN:LATER] = -1
    if counts[TEXTS] <= MOST_TEXTS and 8 * counts[KEPT] <= MOST_KEPT:
        return False
    forget_texts(found.slots, counts)
    counts[HEADS : HEADS + 2] = counts[LAST_RESOURCE] = -1
    forget_runs(found.runs)
    return True


@walker
def remember(counts: Int64s) -> None:
    """Remember what is found so far, to be able to forget what is found from here on."""
    for place in range(SPANS, SPANS + _COUNTED):
        counts[place + _COUNTED] = counts[place]


@walker
def later(counts: Int64s, start: int, length: int, tag: int, place: int) -> bool:
    """Note a text that is to be looked up with others, and where its number goes; return whether there was room.

    Looking up waits for memory: many at once wait together. The number goes to a place among the attributes, or, where
    that is negative, is that of the name of span ``-1 - place``.
    """
    waiting = counts[WAITING]
    if waiting >= MOST_LATER:
        return False
    at = LATER + 5 * waiting
    counts[at], counts[at + 1], counts[at + 2], counts[at + 4] = start, length, tag, place
    counts[WAITING] = waiting + 1
    return True


@walker
def look_up(
    data: NDArray[np.uint8],
    spans: Int64s,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> bool:
    """Look up the texts that wait; return whether all have a number."""
    rows = counts[LATER : LATER + 5 * counts[WAITING]].reshape(-1, 5)
    whole = intern_all(data, rows, slots, texts, kept, counts)
    for row in range(len(rows)):
        number, place = rows[row, 3], rows[row, 4]
        if place < 0:
            spans[-1 - place, NAME] = number
        else:
            attributes[place] = number
    counts[WAITING] = 0
    return whole


@walker
def forget(counts: Int64s) -> None:
    """Forget what was found since :func:`remember`, but for texts."""
    for place in range(SPANS, SPANS + _COUNTED):
        counts[place] = counts[place + _COUNTED]
