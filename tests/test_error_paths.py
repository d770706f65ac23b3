"""Failures along the critical path, counted by hand, and time saved against a slow replay."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis._critical_path import Paths, find_paths
from analysis.error_paths import ErrorPath, add_up, error_paths
from analysis.forest import Forest, plant
from tests.forests import span_table
from tests.test_critical_path import Drawn, drawn_traces, span


def planted(*rows: dict[str, Any]) -> Forest:
    return plant(span_table(rows))


def counts(forest: Forest) -> dict[tuple[str, ...], tuple[int, int, int, int, int]]:
    return {
        entry.path: (entry.origins, entry.propagated, entry.absorbed, entry.reached_root, entry.time_saved_ns)
        for entry in error_paths(forest).paths
    }


def test_nothing_failed() -> None:
    assert error_paths(planted(span(1, 0, 10))).paths == ()


def test_a_failure_off_the_path_counts_where_failing_spans_join_it_to_the_path() -> None:
    # 2 ends last and did not fail; 3 failed beside it, and so did the root.
    forest = planted(
        span(1, 0, 100, status="error"), span(2, 10, 80, 1), span(3, 20, 30, 1, status="error", service="stock")
    )
    assert counts(forest) == {("shop O1",): (0, 1, 0, 0, 100), ("shop O1", "stock O3"): (1, 0, 0, 1, 0)}


def test_local_spans_pass_a_failure_on_within_their_service() -> None:
    rows = (
        span(1, 0, 100, status="error", kind="server"),
        span(2, 10, 80, 1),
        span(3, 20, 60, 2, status="error", kind="client"),
        span(4, 30, 20, 3, service="stock", kind="server"),
        span(5, 35, 10, 4, service="stock", kind="client", status="error"),
    )
    # The root's failure came from 3 through 2, which counts as absorbing it; 4 answered well, so 5 stayed below it.
    assert counts(planted(*rows)) == {
        ("shop O1",): (1, 0, 0, 0, 100),
        ("shop O1", "shop O2"): (0, 0, 1, 0, 0),
        ("shop O1", "shop O2", "shop O3"): (1, 0, 0, 1, 0),
        ("shop O1", "shop O2", "shop O3", "stock O4"): (0, 0, 1, 0, 0),
        ("shop O1", "shop O2", "shop O3", "stock O4", "stock O5"): (1, 0, 0, 0, 0),
    }


def test_call_paths_of_one_name_are_one_entry() -> None:
    rows = [span(1, 0, 100), *(span(place, 10 * place, 5, 1, status="error", operation="buy") for place in (2, 3, 4))]
    # The root is a local span that did not fail: it passes the failures of its service on.
    assert counts(planted(*rows)) == {("shop O1",): (0, 0, 1, 0, 0), ("shop O1", "shop buy"): (3, 0, 0, 3, 15)}


def test_a_span_without_a_service_is_named_by_its_operation() -> None:
    assert counts(planted(span(1, 0, 10, status="error", service=None))) == {("O1",): (1, 0, 0, 1, 10)}


def test_siblings_keep_their_order_when_time_is_saved() -> None:
    # Without 2, which failed, 3 would begin 10 after its end, now 0, and end at 60; 5, beside both, still ends at 70.
    rows = (span(1, 0, 100), span(2, 0, 40, 1, status="error"), span(3, 50, 50, 1), span(5, 20, 50, 1))
    forest = planted(*rows)
    saved = dict(zip(forest.array("span_id").tolist(), error_paths(forest).saved.tolist(), strict=True))
    assert saved == {1: 30, 2: 40, 3: 0, 5: 0}


def test_long_paths_show_both_ends() -> None:
    depth = 300
    rows = [
        span(number + 1, number, 2 * depth - 2 * number, number, status="error", operation=f"O{number}")
        for number in range(depth)
    ]
    longest = next(path for path in counts(planted(*rows)) if path[-1] == "shop O299")
    assert longest == (
        *(f"shop O{number}" for number in range(50)),
        "…",
        *(f"shop O{number}" for number in range(250, 300)),
    )


def test_partitions_add_up_in_any_order() -> None:
    one = ErrorPath(("a",), origins=1, time_saved_ns=5)
    other = ErrorPath(("a",), absorbed=2), ErrorPath(("A", "b"), propagated=1, reached_root=1)
    expected = [
        ErrorPath(("A", "b"), propagated=1, reached_root=1),
        ErrorPath(("a",), origins=1, absorbed=2, time_saved_ns=5),
    ]
    assert add_up([[one], other]) == add_up([other, [one]]) == expected


Child = tuple[int, int, int, int]


def slow_saving(forest: Forest, paths: Paths, row: int) -> int:
    """Return what a span saves: block by block of overlapping children, each keeping whom it followed."""
    begin, end = int(paths.begin[row]), int(paths.finish[row])
    if forest.error[row]:
        return end - begin
    below = paths.child[paths.child_offset[row] : paths.child_offset[row + 1]].tolist()
    children: list[Child] = [
        (int(paths.begin[child]), int(paths.finish[child]), slow_saving(forest, paths, child), child)
        for child in below
        if paths.kept[child]
    ]
    children.sort(key=lambda one: (-one[1], one[0], one[3]))
    blocks: list[tuple[list[Child], int]] = []
    for child in children:
        if blocks:
            first = min(blocks[-1][0], key=lambda one: one[0])
            if not before(child, first, end - begin, children):
                blocks[-1][0].append(child)
                continue
            blocks.append(([child], max(0, child[1] - first[0])))
        else:
            blocks.append(([child], 0))
    total = sum(saving_of_block(block, overlap, end - begin) for block, overlap in blocks)
    return min(total, end - begin)


def before(one: Child, other: Child, whole: int, siblings: list[Child]) -> bool:
    if one[1] < other[0]:
        return True
    if one[1] >= other[1] or one[0] >= other[0] or 100 * (one[1] - other[0]) >= whole:
        return False
    events = [time for sibling in siblings for time in sibling[:2]]
    return sum(other[0] <= time <= one[1] for time in events) == 2


def saving_of_block(block: list[Child], overlap: int, whole: int) -> int:
    start = min(child[0] for child in block)
    ends: list[int] = [0] * len(block)
    for place in range(len(block) - 1, -1, -1):
        child = block[place]
        followed: list[int] = []
        for other in range(place + 1, len(block)):
            if block[other][1] <= child[0] and not any(block[other][1] <= block[one][0] for one in followed):
                followed.append(other)
        gap = min([child[0] - start, *(max(0, child[0] - block[other][1]) for other in followed)])
        ready = max([start, *(ends[other] for other in followed)])
        ends[place] = ready + gap + child[1] - child[0] - child[2]
    last = ends[0]
    for place in range(1, len(block)):
        if before(block[place], block[0], whole, block):
            break
        last = max(last, ends[place])
    return max(0, block[0][1] - last - overlap)


@given(drawn_traces(), st.data())
def test_time_saved_is_that_of_a_slow_replay(trace: Drawn, data: st.DataObject) -> None:
    size = len(trace.parent)
    failed = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    rows = [
        span(place + 1, trace.start[place], trace.duration[place], trace.parent[place] + 1, status=status)
        for place, status in enumerate("error" if one else "unset" for one in failed)
    ]
    forest = planted(*rows)
    paths = find_paths(forest)
    saved = error_paths(forest, paths).saved
    for root in np.flatnonzero(forest.parent < 0).tolist():
        assert int(saved[root]) == slow_saving(forest, paths, root)


def test_answers_and_recorded_errors_count_where_the_status_says_nothing() -> None:
    rows = (
        span(1, 0, 100),
        span(2, 0, 10, 1, http_status=404),
        span(3, 20, 10, 1, http_status=399),
        span(4, 40, 10, 1, rpc_status="DEADLINE_EXCEEDED"),
        span(5, 60, 10, 1, rpc_status="0", error_type="TimeoutError"),
        span(6, 80, 10, 1, status="ok", http_status=500),
    )
    assert sorted(path[-1] for path, count in counts(planted(*rows)).items() if count[0]) == [
        "shop O2",
        "shop O4",
        "shop O5",
    ]
