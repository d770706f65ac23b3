"""The span that each run of calls is under, found trace by trace, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel, walker

__all__ = ["find_nodes"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Stands for the span of a call that is not to be numbered.
_NOT: Final = np.iinfo(np.int64).min
_MANY: Final = 1 << 31


@kernel
def find_nodes(
    trace: Int64s,
    rows: Int64s,
    question: Int64s,
    parent: Int64s,
    service: Int32s,
    many: Int64s,
    above: Int32s,
    entry: Int32s,
    run: Int64s,
    node: Int64s,
    spread: Bools,
) -> int:
    """Find the runs among calls, those of a trace together; return how many there are.

    Of each call there are its row, what it asks, and the row it is under, a negative number of its own where that is
    missing. Of each row there are its service, how many spans it stands for, the row above that is no layer, and the
    one through which its service was entered. Fills for each call its run, -1 where it is in none; the row that the run
    is under; and whether this is above the one that the call is under.
    """
    size = len(rows)
    largest, begin = 0, 0
    while begin < size:
        end = _end(trace, begin)
        largest = max(largest, end - begin)
        begin = end
    slots = 4
    while slots < 2 * largest:
        slots *= 2
    table = np.empty(slots, np.int64)
    # Of each call of a trace: numbers of what it asks, of those under one span, and of those under an ancestor; the
    # ancestor; and the most calls, or branches, that are together so far. Of each number: its first call, and counts.
    asked, group, wider = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(largest, np.int64)
    caller, level, widest = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(largest, np.int64)
    first, total, inner = np.empty(largest, np.int64), np.empty(3 * largest, np.int64), np.empty(largest, np.int64)
    counted = np.empty(3 * largest, np.bool_)
    runs = 0
    begin = 0
    while begin < size:
        end = _end(trace, begin)
        length = end - begin
        for place in range(length):
            caller[place] = service[rows[begin + place]]
        count = _number(question[begin:end], caller, length, table, first, asked)
        # Only what several calls ask for can be a run.
        _count(rows[begin:end], asked, length, many, count, total)
        for place in range(length):
            node[begin + place] = parent[begin + place] if total[asked[place]] > 1 else _NOT
        groups = _number(node[begin:end], asked, length, table, first, group)
        _count(rows[begin:end], group, length, many, groups, total)
        for place in range(length):
            widest[place] = total[group[place]] if group[place] >= 0 else 0
            level[place] = node[begin + place]
            # The span above is of the call's service, or the run is under no other.
            if level[place] < 0 or service[level[place]] != caller[place]:
                level[place] = _NOT
        for _ in range(2):
            if not _climb(level, length, above, entry):
                break
            widers = _number(level, asked, length, table, first, wider)
            counted[:groups], total[:widers], inner[:widers] = False, 0, 0
            _choose(level, wider, group, widest, counted, total, inner, node[begin:end], spread[begin:end])
            for place in range(length):
                # Calls that have no ancestor at this level stay in groups of their own.
                if wider[place] >= 0:
                    group[place] = wider[place]
                elif group[place] >= 0:
                    group[place] += widers
            groups += widers
        count = _number(node[begin:end], asked, length, table, first, group)
        _count(rows[begin:end], group, length, many, count, total)
        # From numbers of all to those of runs.
        for number in range(count):
            if total[number] > 1:
                inner[number] = runs
                runs += 1
            else:
                inner[number] = -1
        for place in range(length):
            run[begin + place] = inner[group[place]] if group[place] >= 0 else -1
        begin = end
    return runs


@walker
def _end(trace: Int64s, begin: int) -> int:
    """Return where the calls of a trace end."""
    end = begin + 1
    while end < len(trace) and trace[end] == trace[begin]:
        end += 1
    return end


@walker
def _climb(level: Int64s, length: int, above: Int32s, entry: Int32s) -> bool:
    """Go one row up inside the service; return whether any could."""
    found = False
    for place in range(length):
        row = level[place]
        level[place] = above[row] if row >= 0 and entry[row] != row else _NOT
        if level[place] < 0:
            level[place] = _NOT
        else:
            found = True
    return found


@walker
def _choose(
    level: Int64s,
    wider: Int64s,
    group: Int64s,
    widest: Int64s,
    counted: Bools,
    branches: Int64s,
    inner: Int64s,
    node: Int64s,
    spread: Bools,
) -> None:
    """Put calls under the ancestor at a level where they come from more branches than are together at any below."""
    for place in range(len(node)):
        number = wider[place]
        if number >= 0:
            inner[number] = max(inner[number], widest[place])
            if not counted[group[place]]:
                counted[group[place]] = True
                branches[number] += 1
    for place in range(len(node)):
        number = wider[place]
        if number >= 0:
            if branches[number] > inner[number]:
                node[place] = level[place]
                spread[place] = True
            widest[place] = max(branches[number], inner[number])


@walker
def _number(one: Int64s, other: Int64s, length: int, table: Int64s, first: Int64s, number: Int64s) -> int:
    """Fill numbers of pairs, in order of appearance, -1 where ``one`` stands for nothing; return how many there are."""
    slots = 4
    while slots < 2 * length:
        slots *= 2
    for free in range(slots):
        table[free] = -1
    count = 0
    for place in range(length):
        a, b = one[place], other[place]
        if a == _NOT:
            number[place] = -1
            continue
        hashed = (np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(b)
        hashed *= np.uint64(0xBF58476D1CE4E5B9)
        slot = np.int64((hashed ^ (hashed >> np.uint64(32))) & np.uint64(slots - 1))
        while table[slot] >= 0 and (one[first[table[slot]]] != a or other[first[table[slot]]] != b):
            slot = (slot + 1) & (slots - 1)
        if table[slot] < 0:
            table[slot] = count
            first[count] = place
            count += 1
        number[place] = table[slot]
    return count


@walker
def _count(rows: Int64s, number: Int64s, length: int, many: Int64s, count: int, total: Int64s) -> None:
    """Fill how many spans the calls of each number stand for."""
    for which in range(count):
        total[which] = 0
    for place in range(length):
        if number[place] >= 0:
            # What one span can stand for has no end, but more than there are rows makes no difference.
            total[number[place]] += min(many[rows[place]], _MANY)
