"""Loops over failing spans: where failures began, how far they got, and what the path would be without them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis._kernels.critical_path import first_above, happens_before, sort_ascending

__all__ = ["count_failures", "mark_waited", "number_call_paths", "reach_roots", "save_time"]


@kernel
def count_failures(
    order: NDArray[np.int32],
    parent: NDArray[np.int32],
    error: NDArray[np.bool_],
    on_path: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    passed_on: NDArray[np.bool_],
) -> None:
    """Mark the failing spans that concern the path, and the spans below which one of them is (``passed_on``).

    They are those on the path, and those joined to one on it by an unbroken chain of failing spans (CRISP's full
    errors).
    """
    for place in range(len(order)):
        row = order[place]
        above = parent[row]
        if error[row] and (on_path[row] or (above >= 0 and counted[above])):
            counted[row] = True
            if above >= 0:
                passed_on[above] = True


@kernel
def mark_waited(
    by_depth: NDArray[np.int32], parent: NDArray[np.int32], blocking: NDArray[np.bool_], waited: NDArray[np.bool_]
) -> None:
    """Mark the rows that are waited for all the way up to their root."""
    for place in range(len(by_depth)):
        row = by_depth[place]
        waited[row] = parent[row] < 0 or (blocking[row] and waited[parent[row]])


@kernel
def reach_roots(
    order: NDArray[np.int32],
    parent: NDArray[np.int32],
    service: NDArray[np.int32],
    remote: NDArray[np.bool_],
    error: NDArray[np.bool_],
    reached: NDArray[np.bool_],
) -> None:
    """Mark the failing spans whose failure every span up to the root passed on, and that have none below them that did.

    A span that is neither client nor server and did not fail is passed through, within its service
    (CRISP, ``computePropToRootGraph``).
    """
    size = len(parent)
    looked_at = np.zeros(size, np.bool_)
    for place in range(len(order)):
        row = order[place]
        above = parent[row]
        looked_at[row] = above < 0 or (
            looked_at[above] and (error[above] or (not remote[above] and service[above] == service[row]))
        )
    reports = np.zeros(size, np.bool_)
    below_reports = np.zeros(size, np.bool_)
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        if not looked_at[row]:
            continue
        reports[row] = error[row] or (not remote[row] and below_reports[row])
        reached[row] = error[row] and not below_reports[row]
        if reports[row] and parent[row] >= 0:
            below_reports[parent[row]] = True


@kernel
def number_call_paths(
    order: NDArray[np.int32],
    parent: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    operation: NDArray[np.int64],
    number: NDArray[np.int32],
    example: NDArray[np.int32],
) -> int:
    """Give each sequence of operations from a root to a wanted row a number; return how many there are.

    ``wanted`` marks the rows on entry, and their ancestors too on return. Numbers ascend from a path to those it
    continues in; ``example`` has a row for each.
    """
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        if wanted[row] and parent[row] >= 0:
            wanted[parent[row]] = True
    rows = 0
    for place in range(len(order)):
        rows += wanted[order[place]]
    capacity = 16
    while capacity < 2 * rows:
        capacity *= 2
    mask = np.uint64(capacity - 1)
    table = np.full(capacity, -1, np.int32)
    count = 0
    for index in range(len(order)):
        row = order[index]
        if not wanted[row]:
            continue
        above = number[parent[row]] if parent[row] >= 0 else np.int32(-1)
        mixed = np.uint64(above + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(operation[row])
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        slot = (mixed ^ (mixed >> np.uint64(31))) & mask
        while table[slot] >= 0:
            other = example[table[slot]]
            other_above = number[parent[other]] if parent[other] >= 0 else np.int32(-1)
            if other_above == above and operation[other] == operation[row]:
                break
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            table[slot] = count
            example[count] = row
            count += 1
        number[row] = table[slot]
    return count


@kernel
def _raise_tree(tree: NDArray[np.int64], leaves: int, place: int, value: int) -> None:
    """Set one leaf of a tree of maxima."""
    node = leaves + place
    tree[node] = value
    node >>= 1
    while node >= 1:
        tree[node] = max(tree[2 * node], tree[2 * node + 1])
        node >>= 1


@kernel
def _most(tree: NDArray[np.int64], leaves: int, first: int, last: int) -> int:
    """Return the largest leaf from first to last, both included."""
    left, right = first + leaves, last + leaves + 1
    most = tree[left]
    while left < right:
        if left & 1:
            most = max(most, tree[left])
            left += 1
        if right & 1:
            right -= 1
            most = max(most, tree[right])
        left >>= 1
        right >>= 1
    return int(most)


@kernel
def _block_saves(
    low: int,
    high: int,
    overlap: int,
    whole: int,
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    saved: NDArray[np.int64],
    begin_tree: NDArray[np.int64],
    end_tree: NDArray[np.int64],
) -> int:
    """Return by how much siblings, sorted by end, are done sooner when each saves its part and keeps its order."""
    leaves = high - low + 1
    begin_tree[leaves : 2 * leaves] = begins[low : high + 1]
    for node in range(leaves - 1, 0, -1):
        begin_tree[node] = max(begin_tree[2 * node], begin_tree[2 * node + 1])
    end_tree[: 2 * leaves] = np.iinfo(np.int64).min
    first = begins[low]
    for place in range(low, high + 1):
        first = min(first, begins[place])
    block_ends = ends[low : high + 1]
    for place in range(leaves):
        begin, end = begins[low + place], block_ends[place]
        duration = end - begin - saved[low + place]
        latest = min(first_above(block_ends, begin), place) - 1
        if latest < 0:
            new_end = begin + duration
        else:
            # Predecessors are those that end latest before the span begins, as far back as they overlap one another.
            earliest, stop = 0, latest
            while earliest < stop:
                middle = (earliest + stop) >> 1
                if block_ends[middle] > _most(begin_tree, leaves, middle + 1, latest):
                    stop = middle
                else:
                    earliest = middle + 1
            before = max(first, _most(end_tree, leaves, earliest, latest))
            new_end = before + max(0, begin - block_ends[latest]) + duration
        _raise_tree(end_tree, leaves, place, new_end)
    sorted_begins = np.sort(begins[low : high + 1])
    earliest = leaves - 1
    while earliest > 0 and not happens_before(
        begins[low + earliest - 1],
        block_ends[earliest - 1],
        begins[high],
        block_ends[leaves - 1],
        whole,
        sorted_begins,
        block_ends,
    ):
        earliest -= 1
    return int(max(0, block_ends[leaves - 1] - _most(end_tree, leaves, earliest, leaves - 1) - overlap))


@kernel
def save_time(
    order: NDArray[np.int32],
    parent: NDArray[np.int32],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    kept: NDArray[np.bool_],
    error: NDArray[np.bool_],
    saved: NDArray[np.int64],
) -> None:
    """Fill by how much every span would be shorter without failing calls: a failing one by all of it.

    Siblings keep their order: one that followed others still does, at the same distance (CRISP,
    ``ComputeAllSeriesTimeSaved``). What is below a failing span saves nothing of its own.
    """
    widest = 0
    for row in range(len(child_offset) - 1):
        widest = max(widest, child_offset[row + 1] - child_offset[row])
    rows, places = np.empty(widest, np.int32), np.empty(widest, np.int64)
    begins, ends, child_saved = np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    begin_tree, end_tree = np.empty(2 * widest + 2, np.int64), np.empty(2 * widest + 2, np.int64)
    for index in range(len(order) - 1, -1, -1):
        row = order[index]
        if error[row]:
            saved[row] = finish[row] - begin[row]
            continue
        count, any_saved = 0, False
        # Of those that end together the first to start is looked at first, and looking goes from the end: list them
        # from the last.
        for position in range(child_offset[row + 1] - 1, child_offset[row] - 1, -1):
            below = child[position]
            if kept[below]:
                rows[count] = below
                count += 1
                any_saved = any_saved or saved[below] > 0
        if not any_saved:
            continue
        sort_ascending(finish, rows, places, count)
        for place in range(count):
            below = rows[places[place]]
            begins[place], ends[place], child_saved[place] = begin[below], finish[below], saved[below]
        sorted_begins = np.sort(begins[:count])
        whole = finish[row] - begin[row]
        total = 0
        high, first, overlap = count - 1, count - 1, 0
        for place in range(count - 2, -2, -1):
            # A block goes on while its first span to start does not come after the next one back.
            if place >= 0 and not happens_before(
                begins[place], ends[place], begins[first], ends[first], whole, sorted_begins, ends[:count]
            ):
                if begins[place] < begins[first]:
                    first = place
                continue
            total += _block_saves(place + 1, high, overlap, whole, begins, ends, child_saved, begin_tree, end_tree)
            if place >= 0:
                overlap = int(max(0, ends[place] - begins[first]))
                high, first = place, place
        saved[row] = min(total, whole)
    below_failing = np.zeros(len(parent), np.bool_)
    for index in range(len(order)):
        row = order[index]
        above = parent[row]
        if above >= 0 and (error[above] or below_failing[above]):
            below_failing[row] = True
            saved[row] = 0
