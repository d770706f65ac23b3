"""Loops of the critical path: fit children into their parents, choose who is on the path, walk it backwards.

No recursion: a trace may be a chain of a hundred thousand spans. Children are sorted once a parent, so a parent with
a million children costs n log n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = [
    "choose_paths",
    "first_above",
    "first_at_least",
    "fit_children",
    "happens_before",
    "nearest_above",
    "slack_of_spans",
    "sort_ascending",
    "walk_paths",
]


@kernel
def nearest_above(parent: NDArray[np.int32], accepted: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return for every row its nearest ancestor that is accepted; -1 where there is none. There must be no cycles."""
    size = len(parent)
    found = np.full(size, -2, np.int32)
    for row in range(size):
        above = parent[row]
        while above >= 0 and not accepted[above] and found[above] == -2:
            above = parent[above]
        answer = above
        if above >= 0 and not accepted[above]:
            answer = found[above]
        found[row] = answer
        below = parent[row]
        while below >= 0 and not accepted[below] and found[below] == -2:
            found[below] = answer
            below = parent[below]
    return found


@kernel
def fit_children(
    parent: NDArray[np.int32],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    has_time: NDArray[np.bool_],
    blocking: NDArray[np.bool_],
    strict: bool,
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    kept: NDArray[np.bool_],
    order: NDArray[np.int32],
) -> int:
    """Cut children to their parents, top down; return how many spans are left, listed in ``order``, parents first.

    ``begin`` and ``finish`` hold the times of spans on entry and the cut times on return.
    """
    count = 0
    place = 0
    # Tree by tree: what is read of one lies together.
    for root in range(len(parent)):
        if parent[root] >= 0 or not has_time[root]:
            continue
        kept[root] = True
        order[count] = root
        count += 1
        while place < count:
            row = order[place]
            place += 1
            first, last = begin[row], finish[row]
            for position in range(child_offset[row], child_offset[row + 1]):
                below = child[position]
                if not has_time[below] or not blocking[below]:
                    continue
                starts, ends = start[below], end[below]
                if starts < first:
                    outside = ends <= first
                elif strict:
                    outside = starts >= last
                else:
                    outside = starts >= last and ends > last
                if outside:
                    continue
                begin[below] = max(starts, first)
                finish[below] = min(ends, last)
                kept[below] = True
                order[count] = below
                count += 1
    return count


@kernel
def first_at_least(values: NDArray[np.int64], wanted: int) -> int:
    """Return the first place of an ascending array whose value is at least the one wanted."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def first_above(values: NDArray[np.int64], wanted: int) -> int:
    """Return the first place of an ascending array whose value is above the one given."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def sort_ascending(values: NDArray[np.int64], rows: NDArray[np.int32], places: NDArray[np.int64], count: int) -> None:
    """Fill ``places`` with the order of the first rows by value, equal values in the order given."""
    if count > 48:
        keys = np.empty(count, np.int64)
        for place in range(count):
            keys[place] = values[rows[place]]
        in_order = np.argsort(keys, kind="mergesort")
        for place in range(count):
            places[place] = in_order[place]
        return
    for place in range(count):
        key = values[rows[place]]
        free = place
        while free > 0 and values[rows[places[free - 1]]] > key:
            places[free] = places[free - 1]
            free -= 1
        places[free] = place


@kernel
def happens_before(
    earlier_begin: int,
    earlier_end: int,
    later_begin: int,
    later_end: int,
    whole: int,
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> bool:
    """Tell whether one sibling ran before another; they may overlap by less than 1 % of the parent's duration (CRISP).

    ``begins`` and ``ends`` are those of all siblings, ascending; within the overlap, borders included, no third event
    may lie.
    """
    if earlier_end < later_begin:
        return True
    if earlier_end >= later_end or earlier_begin >= later_begin:
        return False
    if whole <= 0 or earlier_end - later_begin > (whole - 1) // 100:
        return False
    events = first_above(begins, earlier_end) - first_at_least(begins, later_begin)
    events += first_above(ends, earlier_end) - first_at_least(ends, later_begin)
    return events == 2


@kernel
def choose_paths(
    roots: NDArray[np.int32],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    end: NDArray[np.int64],
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    kept: NDArray[np.bool_],
    strict: bool,
    on_path: NDArray[np.bool_],
    first_step: NDArray[np.int32],
    next_step: NDArray[np.int32],
    exclusive: NDArray[np.int64],
    drag: NDArray[np.int64],
) -> None:
    """Choose who is on the critical path below every root.

    ``first_step[row]`` is the child on the path that finishes last, ``next_step`` leads to the one before it; -1 ends
    the list. Equal ends: the last in order of start and row is taken first; when strict, the first. ``exclusive`` is
    the duration of every span on the path less that of its children on it, at least 0.
    """
    widest = 0
    for row in range(len(child_offset) - 1):
        widest = max(widest, child_offset[row + 1] - child_offset[row])
    rows = np.empty(widest, np.int32)
    places = np.empty(widest, np.int64)
    begins = np.empty(widest, np.int64)
    ends = np.empty(widest, np.int64)
    stack = np.empty(len(kept) + 1, np.int32)
    for index in range(len(roots)):
        root = roots[index]
        on_path[root] = True
        drag[root] = finish[root] - begin[root]
        stack[0] = root
        height = 1
        while height > 0:
            height -= 1
            row = stack[height]
            own = finish[row] - begin[row]
            count = 0
            for position in range(child_offset[row], child_offset[row + 1]):
                below = child[position]
                if kept[below]:
                    rows[count] = below
                    begins[count] = begin[below]
                    count += 1
            if count == 0:
                exclusive[row] = max(own, 0)
                continue
            # Cutting keeps the order of ends, so that by whole ends is also by cut ends.
            sort_ascending(end if strict else finish, rows, places, count)
            for place in range(count):
                ends[place] = finish[rows[places[place]]]
            chosen = np.int32(-1)
            place = count - 1
            while place >= 0:
                if strict:
                    # The first of those with one end: step down to the beginning of the run, and come back for nobody,
                    # because whoever ends where the chosen one ends does not end before it starts.
                    run = place
                    while run > 0 and end[rows[places[run - 1]]] == end[rows[places[place]]]:
                        run -= 1
                    below = rows[places[run]]
                    taken = chosen < 0 or finish[below] < begin[chosen]
                    after = run - 1
                else:
                    below = rows[places[place]]
                    taken = chosen < 0 or happens_before(
                        begin[below],
                        finish[below],
                        begin[chosen],
                        finish[chosen],
                        finish[row] - begin[row],
                        begins[:count],
                        ends[:count],
                    )
                    after = place - 1
                if taken:
                    if chosen < 0:
                        first_step[row] = below
                    else:
                        next_step[chosen] = below
                    chosen = below
                    on_path[below] = True
                    room = finish[below] - begin[below]
                    own -= room
                    if place > 0:
                        room = min(room, finish[below] - ends[place - 1])
                    drag[below] = max(room, 0)
                    stack[height] = below
                    height += 1
                place = after
            exclusive[row] = max(own, 0)


@kernel
def walk_paths(
    roots: NDArray[np.int32],
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    first_step: NDArray[np.int32],
    next_step: NDArray[np.int32],
    section_row: NDArray[np.int32],
    section_begin: NDArray[np.int64],
    section_end: NDArray[np.int64],
    visited: NDArray[np.int32],
) -> tuple[int, int]:
    """Walk every path from its end backwards; fill its sections, none of length zero, and its spans in order of visit.

    Return how many there are of each.
    """
    sections = 0
    visits = 0
    size = len(begin)
    stack = np.empty(size + 1, np.int32)
    # Where the walk stands in a span, and which of its children it takes next.
    until = np.empty(size, np.int64)
    following = np.empty(size, np.int32)
    for index in range(len(roots)):
        stack[0] = roots[index]
        height = 1
        until[roots[index]] = finish[roots[index]]
        following[roots[index]] = first_step[roots[index]]
        visited[visits] = roots[index]
        visits += 1
        while height > 0:
            row = stack[height - 1]
            below = following[row]
            since = finish[below] if below >= 0 else begin[row]
            if since < until[row]:
                section_row[sections] = row
                section_begin[sections] = since
                section_end[sections] = until[row]
                sections += 1
            if below < 0:
                height -= 1
                continue
            until[row] = min(until[row], begin[below])
            following[row] = next_step[below]
            until[below] = finish[below]
            following[below] = first_step[below]
            visited[visits] = below
            visits += 1
            stack[height] = below
            height += 1
    return sections, visits


@kernel
def slack_of_spans(
    parent: NDArray[np.int32],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    has_time: NDArray[np.bool_],
    blocking: NDArray[np.bool_],
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    kept: NDArray[np.bool_],
    on_path: NDArray[np.bool_],
    slack: NDArray[np.int64],
) -> None:
    """Fill how much later every span could have run without making its trace longer; 0 on the path and for roots.

    Earliest start: the end of the sibling that started last of those that ended before the span began, else the start
    of the first sibling. Latest end: that of the earliest-ending sibling on the path that ends after the span, else
    the parent's (CRISP's ``slack_drag``). Children of a span that was dropped are held against it as recorded.
    """
    widest = 0
    for row in range(len(parent)):
        widest = max(widest, child_offset[row + 1] - child_offset[row])
    rows = np.empty(widest, np.int32)
    places = np.empty(widest, np.int64)
    earliest = np.empty(widest, np.int64)
    for row in range(len(parent)):
        count = 0
        for position in range(child_offset[row], child_offset[row + 1]):
            below = child[position]
            if has_time[below] and blocking[below] and (kept[below] or not kept[row]):
                rows[count] = below
                count += 1
        if count == 0:
            continue
        sort_ascending(finish, rows, places, count)
        # Rows are in order of begin: the one that started last of those that ended is the largest place so far.
        ended, latest_started = 0, -1
        for place in range(count):
            while ended < count and finish[rows[places[ended]]] < begin[rows[place]]:
                latest_started = max(latest_started, places[ended])
                ended += 1
            earliest[place] = finish[rows[latest_started]] if latest_started >= 0 else begin[rows[0]]
        boundary = finish[row]
        place = count - 1
        while place >= 0:
            # Of those that end at one time, none lies before the others' end.
            run = place
            while run > 0 and finish[rows[places[run - 1]]] == finish[rows[places[place]]]:
                run -= 1
            path_ends_here = False
            for member in range(run, place + 1):
                below = rows[places[member]]
                if on_path[below]:
                    path_ends_here = True
                else:
                    room = boundary - (finish[below] - begin[below]) - earliest[places[member]]
                    slack[below] = max(room, 0)
            if path_ends_here:
                boundary = finish[rows[places[place]]]
            place = run - 1
