"""What a scan and the readable reader of the same format make of some bytes, to be compared."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from typing import Any

from analysis.sources import Batch, Rejects

Read = Callable[[Any, Rejects], Iterator[Batch]]

#: What mutations put in: bytes that mean something to JSON, and some that mean nothing anywhere.
_SIGNS = b'{}[]",:\\u0e-+. \n\t\x00\x7f\xff\xc3'


def told(read: Read, content: bytes) -> dict[str, Any]:
    """Return all that a reader says of a content; rows in an order of their own."""
    rejects = Rejects()
    batches = list(read(io.BytesIO(content), rejects))
    spans = [row for batch in batches if batch.spans is not None for row in batch.spans.to_pylist()]
    logs = [row for batch in batches if batch.logs is not None for row in batch.logs.to_pylist()]
    return {
        "spans": sorted(map(repr, spans)),
        "logs": sorted(map(repr, logs)),
        "rejects": rejects.rows(),
        "notes": rejects.notes,
    }


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return the content with a few bytes changed, taken out, put in, repeated or cut off."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not changed:
            break
        at = chance.randrange(len(changed))
        way = chance.randrange(7)
        if way == 0:
            changed[at] = chance.randrange(256)
        elif way == 1:
            del changed[at : at + chance.randint(1, 12)]
        elif way == 2:
            changed.insert(at, chance.choice(_SIGNS))
        elif way == 3:
            piece = changed[at : at + chance.randint(1, 60)]
            changed[at:at] = piece
        elif way == 4:
            other = chance.randrange(len(changed))
            changed[at : at + 8] = changed[other : other + 8]
        elif way == 5:
            digits = [place for place, byte in enumerate(changed) if 48 <= byte <= 57]
            if digits:
                changed[chance.choice(digits)] = chance.choice(b"0123456789-.eE")
        else:
            del changed[at:]
    return bytes(changed)
