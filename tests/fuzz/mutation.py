"""Bytes changed at random: flipped, cut, repeated, mixed with pieces of other inputs and with what breaks readers."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["mutated"]

#: What readers stumble over.
TOKENS = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800",
    b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"-0", b"99999999999999999999", b"9" * 400,
    b"18446744073709551615",
    b"9223372036854775808", b'"":', b",", b":", b"\n", b"\r\n", b"\xef\xbb\xbf", b"[" * 500, b"{\"a\":" * 500,
    b"&a *a", b"!!python/object:x", b"<script>", b"\x1b[2J", b"\xe2\x80\xae", b"=1+1", b"../../", b"${7*7}",
)  # fmt: skip
#: A mutant is no larger.
LARGEST = 200_000


def mutated(random_: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return a mutant of one of the inputs."""
    data = bytearray(random_.choice(corpus))
    for _ in range(random_.choice((1, 1, 2, 3, 8))):
        place = random_.randrange(len(data) + 1)
        length = min(random_.choice((1, 2, 4, 16, 64, 1_000)), len(data) - place)
        kind = random_.randrange(7)
        if kind == 0 and data:
            data[min(place, len(data) - 1)] ^= 1 << random_.randrange(8)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length] * random_.choice((1, 2, 50))
        elif kind == 3:
            data[place : place + random_.choice((0, length))] = random_.choice(TOKENS)
        elif kind == 4:
            other = random_.choice(corpus)
            begin = random_.randrange(len(other) + 1)
            data[place:place] = other[begin : begin + random_.choice((4, 64, 2_000))]
        elif kind == 5:
            del data[place:]
        else:
            data[place : place + length] = random_.randbytes(length)
    return bytes(data[:LARGEST])
