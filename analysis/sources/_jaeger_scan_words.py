"""Names of Jaeger JSON's members, tags and fields, as its compiled loops look for them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name, names_of
from analysis._kernels.json_bytes import key_end
from analysis.schema import KINDS
from analysis.sources import _otlp_scan_words as w
from analysis.sources._scan_found import KEYS

Bytes = NDArray[np.uint8]

#: Names of members, by number: of spans, references, logs, traces and responses.
MEMBERS: Final = (
    "traceID", "spanID", "operationName", "references", "startTime", "duration", "tags", "logs", "processID",
    "warnings", "parentSpanID", "process", "tag", "refType", "fields", "spans", "processes", "data",
)  # fmt: skip
(
    TRACE, SPAN, NAME, REFERENCES, START, DURATION, TAG_LIST, LOGS, PROCESS, WARNINGS, PARENT, OWN_PROCESS, FLAT_TAGS,
    TYPE, FIELDS, _, _, _,
) = range(len(MEMBERS))  # fmt: skip
SLOTS, BOUNDS, TEXT = names_of(MEMBERS)
NEEDED: Final = 1 << TRACE | 1 << SPAN | 1 << START | 1 << DURATION | 1 << PROCESS

#: Tags that say what OTLP has members for, and those of Jaeger's samplers.
SPECIAL: Final = (
    "span.kind", "error", "otel.status_code", "otel.status_description", "w3c.tracestate", "sampler.type",
    "sampler.param",
)  # fmt: skip
KIND, ERROR, STATUS, MESSAGE, STATE, SAMPLER, PARAMETER = range(len(SPECIAL))
#: Those first, then :data:`KEYS`; one that is among the first is spelled there as no tag can be.
TAG_NAMES: Final[Names] = names_of((*SPECIAL, *(f"{key}\0" if key in SPECIAL else key for key in KEYS)))
#: What these tags say; another spelling is odd.
SAID: Final = ("true", "false", "UNSET", "OK", "ERROR", *KINDS)
TRUE, FALSE, UNSET, _, FAILED, FIRST_KIND = range(6)
SAID_SLOTS, SAID_BOUNDS, SAID_TEXT = names_of(SAID)
REFERENCE_TYPES: Final = ("CHILD_OF", "FOLLOWS_FROM")
TYPE_SLOTS, TYPE_BOUNDS, TYPE_TEXT = names_of(REFERENCE_TYPES)
#: Fields of logs that make them exceptions, or say what went wrong; after the first three they are OpenTracing's.
LOG_FIELDS: Final = (
    "event", "exception.type", "exception.message", "error", "error.kind", "error.object", "message", "error.message",
)  # fmt: skip
EVENT, EXCEPTION_TYPE, EXCEPTION_MESSAGE = range(3)
FIRST_MESSAGE: Final = 6
FIELD_SLOTS, FIELD_BOUNDS, FIELD_TEXT = names_of(LOG_FIELDS)
EVENTS: Final = ("error", "exception")
EVENT_SLOTS, EVENT_BOUNDS, EVENT_TEXT = names_of(EVENTS)

FIVE, SIX, SEVEN = (np.uint64((1 << 8 * length) - 1) for length in (5, 6, 7))
#: How a tag with a text begins, and what stands between its name, its type and its value, a word at a time, where
#: nothing is written but what must be.
PAIR_START, TYPE_START, STRING, VALUE_START = (
    w.little_endian(text) for text in (b'{"key":"', b',"type":', b'"string"', b',"value"')
)
KEY_WORD, TYPE_WORD, VALUE_WORD = (w.little_endian(text) for text in (b'"key"', b'"type"', b'"value"'))
#: "probabilistic".
PROBABILISTIC_LENGTH: Final = 13
MOST_DIGITS: Final = 18
POINT, MINUS = 46, 45
#: Microseconds of which there are not too many nanoseconds.
LATEST: Final = ((1 << 63) - 1) // 1000


@walker
def member_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the value of a member begins, -1 where the key is odd, and the number of its name."""
    close, value = key_end(data, at, end)
    if close < 0:
        return -1, -1
    return value, find_name(data, at + 1, close - at - 1, SLOTS, BOUNDS, TEXT)
