"""What a scan of a bulk export finds: spans as arrays, their attributes as numbers of distinct texts.

A scanner walks over the bytes of records and writes here; :mod:`analysis.sources._scan_rows` makes columns of it. A
span that holds anything unusual is only marked: the readable reader takes it from its bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.interning import Names, names_of, slots_for
from analysis.semconv import KEYS

__all__ = [
    "ESCAPED",
    "EVENT_KEYS",
    "EVENT_NAMES",
    "EVENT_TAGS",
    "KEYS",
    "NAMES",
    "PLAIN",
    "RESOURCE",
    "SCOPE_TAG",
    "TAGS",
    "Found",
    "clear",
    "found_for",
]

#: Attributes of exception events whose values are kept; their numbers follow those of :data:`KEYS`.
EVENT_KEYS: Final = ("exception.type", "exception.message")
NAMES: Final[Names] = names_of(KEYS)
EVENT_NAMES: Final[Names] = names_of(EVENT_KEYS)

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
#: Places in ``counts``.
SPANS, ATTRIBUTES, SCOPES, BLOCKS, TEXTS, LINKS = range(6)


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
    counts
        How many spans, attributes, scopes, blocks, texts and links.
    last_seen
        For each attribute the last span that had it.
    links
        For each link to another span its own span, the halves of the other's trace id, and its id.
    slots, texts
        The table of texts (:mod:`analysis._kernels.interning`).
    """

    spans: Int64s
    attributes: NDArray[np.int32]
    scopes: Int64s
    blocks: Int64s
    counts: Int64s
    last_seen: Int64s
    links: Int64s
    slots: NDArray[np.uint32]
    texts: Int64s


def found_for(spans: int, attributes: int, scopes: int, blocks: int, links: int) -> Found:
    """Return arrays for at most so many."""
    texts = attributes + 3 * spans + scopes + blocks
    return Found(
        spans=np.zeros((spans, 20), np.int64),
        attributes=np.empty(attributes, np.int32),
        scopes=np.empty((scopes, 3), np.int64),
        blocks=np.empty((blocks, 3), np.int64),
        counts=np.zeros(6, np.int64),
        last_seen=np.full(len(KEYS) + len(EVENT_KEYS), -1, np.int64),
        links=np.empty((links, 4), np.int64),
        slots=slots_for(texts),
        texts=np.empty((texts, 4), np.int64),
    )


def clear(found: Found) -> None:
    """Make arrays ready for the next scan, touching only what the last one wrote."""
    found.slots[found.texts[: found.counts[TEXTS], 3]] = 0
    found.counts[:] = 0
    found.last_seen[:] = -1
