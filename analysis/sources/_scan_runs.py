"""Runs of attributes as they stood last in spans of a name: what is the same again is taken by comparing bytes.

Spans of one name mostly have the same attributes in the same order, most with the same values. Their bytes are kept,
with where each attribute begins and which text it is: a span that has the same bytes has its attributes taken together.
Whatever differs is walked over as if nothing were kept, and where that one has the same name, what follows it is
compared again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import PADDING, alike, first_bit, word

__all__ = [
    "empty_runs",
    "follow",
    "forget_run",
    "forget_runs",
    "goes_on",
    "head_at",
    "learn",
    "lost",
    "run_of",
    "settle",
    "total_of",
]

#: Names whose runs are kept; each has room for two, and shares it with others that come to the same place.
_NAMES: Final = 4096
#: The most attributes of a run, and the most bytes. What goes beyond is walked over.
_MOST: Final = 24
_LONGEST: Final = 1536
#: What is kept of a run: whose it is, one more than what tells the name; how many attributes it has; which of two runs
#: was the last, and how often neither went on to the end; then for each attribute where it begins, the number of its
#: text, and that of how it begins.
_OWNER, _TOTAL, _LATEST, _LOST, _STEPS = range(5)
_BEGIN, _NUMBER, _HEAD = range(3)
_BYTES: Final = _STEPS + 3 * (_MOST + 1)
_ROOM: Final = _BYTES + (_LONGEST + PADDING) // 8
_OFTEN: Final = 8
_WIDTH: Final = 32
_ALL: Final = np.uint64((1 << _WIDTH) - 1)

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


def empty_runs() -> Int64s:
    """Return room for runs."""
    return np.zeros(2 * _NAMES * _ROOM, np.int64)


def forget_runs(runs: Int64s) -> None:
    """Forget all runs."""
    runs[::_ROOM] = 0


@walker
def run_of(runs: Int64s, name: int, other: bool) -> tuple[int, bool]:
    """Return where the run stands that spans of a name had last, or the other one, and whether there is one."""
    pair = (name & (_NAMES - 1)) * 2 * _ROOM
    if other:
        runs[pair + _LATEST] ^= 1
    run = pair + runs[pair + _LATEST] * _ROOM
    return int(run), bool(runs[run + _OWNER] == name + 1)


@walker
def lost(runs: Int64s, name: int) -> None:
    """Take the other run first next time; where that helps too seldom it gives room to a new one."""
    run, _ = run_of(runs, name, True)
    pair = (name & (_NAMES - 1)) * 2 * _ROOM
    runs[pair + _LOST] += 1
    if runs[pair + _LOST] > _OFTEN:
        runs[pair + _LOST] = 0
        forget_run(runs, run)


@walker
def forget_run(runs: Int64s, run: int) -> None:
    """Forget a run."""
    runs[run + _OWNER] = 0


@walker
def total_of(runs: Int64s, run: int) -> int:
    """Return how many attributes a run has."""
    return int(runs[run + _TOTAL])


@walker
def head_at(runs: Int64s, run: int, step: int) -> int:
    """Return how an attribute of a run begins, -1 where that is not told."""
    return int(runs[run + _STEPS + 3 * step + _HEAD])


@walker
def goes_on(runs: Int64s, run: int, step: int, head: int, tag: int, texts: Int64s) -> bool:
    """Return whether an attribute that begins so, of that tag, is the one that a run has there."""
    if step >= runs[run + _TOTAL]:
        return False
    place = run + _STEPS + 3 * step
    if head >= 0 or runs[place + _HEAD] >= 0:
        return bool(head == runs[place + _HEAD])
    # Names that mean nothing are all the same here.
    number = runs[place + _NUMBER]
    return bool(tag == (texts[number, 2] & ~1 if number >= 0 else -1))


@walker
def follow(
    data: Bytes, at: int, runs: Int64s, run: int, step: int, attributes: NDArray[np.int32], count: int
) -> tuple[int, int, int]:
    """Take the attributes that are the same as in a run, from one of it on.

    Return where the first stands that is not, which it is, and how many attributes there are then. All but the last of
    a run are taken together with what stands between them and the next; behind the last it is where that one ends.
    """
    steps = run + _STEPS
    total = runs[run + _TOTAL]
    first = runs[steps + 3 * step + _BEGIN]
    last = runs[steps + 3 * total + _BEGIN]
    text = 8 * (run + _BYTES)
    same = first
    while same < last:
        found = alike(data, at + same - first, runs, text + same)
        if found != _ALL:
            same += first_bit(found ^ _ALL)
            break
        same += _WIDTH
    same = min(same, last)
    if count + total > len(attributes):
        return at, step, count
    while step < total and runs[steps + 3 * step + 3 + _BEGIN] <= same:
        number = runs[steps + 3 * step + _NUMBER]
        attributes[count] = number
        count += number >= 0
        step += 1
    return int(at + runs[steps + 3 * step + _BEGIN] - first), step, count


@walker
def learn(runs: Int64s, run: int, step: int, begin: int, end: int, number: int, head: int) -> bool:
    """Put down an attribute of a run that is not settled yet; return whether there was room."""
    if step >= _MOST or end > _LONGEST:
        return False
    place = run + _STEPS + 3 * step
    runs[place + _BEGIN], runs[place + _NUMBER], runs[place + _HEAD] = begin, number, head
    # Where it ends, until it is known where the next one begins.
    runs[place + 3 + _BEGIN] = end
    runs[run + _TOTAL] = step + 1
    return True


@walker
def settle(data: Bytes, at: int, runs: Int64s, run: int, name: int) -> None:
    """Keep the bytes of a run whose attributes have been put down."""
    last = runs[run + _STEPS + 3 * runs[run + _TOTAL] + _BEGIN]
    for index in range((last + 7) >> 3):
        runs[run + _BYTES + index] = np.int64(word(data, at + 8 * index))
    runs[run + _OWNER] = name + 1
