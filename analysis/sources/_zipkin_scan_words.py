"""Names of members and tags of Zipkin's JSON, as its compiled loops look for them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.interning import names_of
from analysis._kernels.wide_reads import PADDING
from analysis.schema import KINDS
from analysis.semconv import KEYS, RESOURCE_KEYS
from analysis.sources._jaeger_scan_words import LATEST

__all__ = ["LATEST", "PADDING", "Tags"]

#: The place of a span in its unit where it is the unit.
ALONE: Final = -1
#: Bytes to write what stands for resources into.
SCRATCH: Final = 2 << 20
#: Places for what a scan notes of a span: how much of the scratch area is used, where its two endpoints begin and end,
#: how many places its tags of a process take, and these.
NOTED: Final = 6 + 2 * 24

MEMBERS: Final = (
    "traceId", "id", "parentId", "kind", "name", "timestamp", "duration", "localEndpoint", "remoteEndpoint", "tags",
    "annotations", "shared",
)  # fmt: skip
TRACE, SPAN, PARENT, KIND, NAME, START, DURATION, LOCAL, REMOTE, TAG_OBJECT, ANNOTATIONS, SHARED = range(len(MEMBERS))
SLOTS, BOUNDS, TEXT = names_of(MEMBERS)
NEEDED: Final = 1 << TRACE | 1 << SPAN | 1 << START | 1 << DURATION
#: What a tag means beside its column: that it describes the process, or that the span failed.
PROCESS, ERROR = 1, 2


class Tags(NamedTuple):
    """Tags whose values are kept: a table of their names, and by number what they mean.

    It is handed to the compiled code, which is not made anew when names of attributes change.
    """

    slots: NDArray[np.int32]
    bounds: NDArray[np.int64]
    text: NDArray[np.uint8]
    meaning: NDArray[np.int8]


_MEANING: Final = [PROCESS if key in RESOURCE_KEYS else ERROR if key == "error" else 0 for key in KEYS]
TAGS: Final = Tags(*names_of(KEYS), np.array(_MEANING, np.int8))
KIND_SLOTS, KIND_BOUNDS, KIND_TEXT = names_of([kind.upper() for kind in KINDS])
CALLERS: Final = (KINDS.index("client"), KINDS.index("producer"))
FAILED: Final = 2
#: Values of the tag ``error`` that are no message, and what another spelling of them begins with.
SAID_SLOTS, SAID_BOUNDS, SAID_TEXT = names_of(
    ("", "0", "1", *(form for word in ("true", "false", "yes", "no") for form in (word, word.upper(), word.title())))
)
LONGEST_TRUTH: Final = 6
TRUTHS: Final = tuple(b"tfyn")
SMALL_E, SMALL_T, SMALL_U, SMALL_X, SMALL_C, BACKSLASH = b"etuxc\\"


def _text(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(bytearray(content), np.uint8)


LEFT, COMMA, NOTHING, ONE, NONE, RIGHT = map(_text, (b"[", b",", b"null", b"1,{", b"0,{", b"}]"))
