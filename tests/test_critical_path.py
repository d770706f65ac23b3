"""Critical paths of forests written by hand, and against a slow search that looks at every pair of siblings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis._critical_path import exclusive_times, find_paths, find_sections, find_slack
from analysis.critical_path import critical_path, report_forests
from analysis.forest import Forest, plant
from tests.forests import TableDataset, TablePartition, span_table


def span(number: int, start: int | None, duration: int | None, parent: int = 0, **more: Any) -> dict[str, Any]:
    row = {"span_id": number, "parent_span_id": parent, "start_ns": start, "duration_ns": duration}
    return {"service": "shop", "operation": f"O{number}", "kind": "internal", "status": "unset", **row, **more}


def planted(*rows: dict[str, Any]) -> Forest:
    return plant(span_table(rows))


def sections(forest: Forest, *, strict: bool = False) -> list[tuple[int, int, int]]:
    """Return (span id, begin, end), in ns since the start of the trace."""
    found = find_sections(find_paths(forest, strict=strict))
    ids = forest.array("span_id")[found.row]
    return list(zip(ids.tolist(), found.begin.tolist(), found.end.tolist(), strict=True))


def test_walks_from_the_end_backwards() -> None:
    forest = planted(span(1, 0, 100), span(2, 10, 20, 1), span(3, 40, 30, 1), span(4, 45, 5, 3))
    assert sections(forest) == [
        (1, 70, 100),
        (3, 50, 70),
        (4, 45, 50),
        (3, 40, 45),
        (1, 30, 40),
        (2, 10, 30),
        (1, 0, 10),
    ]


def test_of_equal_ends_the_last_to_start_is_taken_and_when_strict_the_first() -> None:
    forest = planted(span(1, 0, 100), span(2, 10, 40, 1), span(3, 20, 30, 1))
    assert [row[0] for row in sections(forest)] == [1, 3, 1]
    assert [row[0] for row in sections(forest, strict=True)] == [1, 2, 1]


def test_of_equal_times_the_larger_id_is_taken_and_when_strict_the_smaller() -> None:
    forest = planted(span(1, 0, 100), span(2, 10, 40, 1), span(3, 10, 40, 1))
    assert [row[0] for row in sections(forest)] == [1, 3, 1]
    assert [row[0] for row in sections(forest, strict=True)] == [1, 2, 1]


def test_a_third_sibling_in_the_overlap_forbids_it() -> None:
    # 2 and 3 overlap by 5 of 1000, but 4 ends meanwhile; 4 and 3 overlap by 2, and nothing happens in these.
    forest = planted(span(1, 0, 1000), span(2, 0, 505, 1), span(3, 500, 400, 1), span(4, 100, 402, 1))
    assert [row[0] for row in sections(forest)] == [1, 3, 4, 1]


def test_every_root_has_a_path_the_last_to_end_first() -> None:
    forest = planted(span(1, 0, 10), span(2, 50, 30), span(3, 20, 10, 99))
    assert sections(forest) == [(2, 50, 80), (3, 20, 30), (1, 0, 10)]


def test_spans_without_a_time_are_passed_over() -> None:
    forest = planted(span(1, 0, 100), span(2, None, None, 1), span(3, 20, 30, 2), span(4, 25, None, 3))
    assert sections(forest) == [(1, 50, 100), (3, 20, 50), (1, 0, 20)]


def test_a_trace_without_times_has_no_path() -> None:
    forest = planted(span(1, None, None), span(2, None, None, 1))
    assert sections(forest) == []
    assert report_forests([forest])["traces"] == []


def test_children_of_producers_do_not_block() -> None:
    forest = planted(span(1, 0, 100, kind="producer"), span(2, 10, 80, 1))
    assert sections(forest) == [(1, 0, 100)]


def test_spans_of_no_duration_have_no_section() -> None:
    forest = planted(span(1, 5, 0), span(2, 5, 0, 1))
    assert sections(forest) == []
    assert find_sections(find_paths(forest)).visited.tolist() == [0, 1]


def test_slack_ends_where_the_path_goes_on() -> None:
    # 3 ends the path at 90. 2 could end as late as that; it began when 4 had ended, so not before 20: 90 - 30 - 20.
    forest = planted(span(1, 0, 100), span(4, 10, 10, 1), span(2, 40, 30, 1), span(3, 25, 65, 1))
    paths = find_paths(forest)
    slack = dict(zip(forest.array("span_id").tolist(), find_slack(forest, paths).tolist(), strict=True))
    assert slack == {1: 0, 2: 40, 3: 0, 4: 0}


def test_table_is_in_order_of_trace_whatever_the_partitions() -> None:
    first = span_table([span(1, 1000, 10, trace_id_low=7), span(2, 1002, 4, 1, trace_id_low=7, service=None)])
    second = span_table([span(3, 2000, 10, trace_id_low=5)])
    expected = [
        (f"{5:032x}", f"{3:016x}", "shop", "O3", 2000, 2010),
        (f"{7:032x}", f"{1:016x}", "shop", "O1", 1006, 1010),
        (f"{7:032x}", f"{2:016x}", None, "O2", 1002, 1006),
        (f"{7:032x}", f"{1:016x}", "shop", "O1", 1000, 1002),
    ]
    for tables in ((first, second), (second, first)):
        table = critical_path(TableDataset(tuple(TablePartition(one) for one in tables), skew="off"))
        found = table.astype(object).where(table.notna(), None)
        assert list(found.itertuples(index=False, name=None)) == expected


def test_table_of_nothing_has_its_columns() -> None:
    table = critical_path(TableDataset((), skew="off"))
    assert list(table.columns) == ["trace_id", "span_id", "service", "operation", "start_ns", "end_ns"]
    assert table.empty


def test_report_adds_operations_up_over_traces() -> None:
    rows = [span(1, 0, 100), span(2, 0, 30, 1), span(3, 0, 50, trace_id_low=2, operation="O1")]
    operations = report_forests([planted(*rows)])["operations"]
    assert operations == [
        {"service": "shop", "operation": "O1", "exclusive_ns": 120, "traces": 2},
        {"service": "shop", "operation": "O2", "exclusive_ns": 30, "traces": 1},
    ]


def test_a_long_chain_and_a_wide_parent_are_walked() -> None:
    depth = 30_000
    chain = [span(number + 1, number, 2 * depth - 2 * number, number) for number in range(depth)]
    forest = planted(*chain)
    assert exclusive_times(forest).tolist() == [2] * (depth - 1) + [2]
    wide = [span(1, 0, depth), *(span(number + 2, number, 1, 1) for number in range(depth))]
    paths = find_paths(planted(*wide))
    assert int(paths.exclusive.sum()) == depth
    assert paths.on_path.all()


@dataclass(frozen=True)
class Drawn:
    """A trace drawn at random: parent (an earlier place, -1 for none), start, duration of every span."""

    parent: Sequence[int]
    start: Sequence[int]
    duration: Sequence[int]

    def planted(self) -> Forest:
        return planted(
            *(
                span(place + 1, start, duration, parent + 1)
                for place, (parent, start, duration) in enumerate(
                    zip(self.parent, self.start, self.duration, strict=True)
                )
            )
        )


@st.composite
def drawn_traces(draw: st.DrawFn) -> Drawn:
    size = draw(st.integers(1, 14))
    times = st.lists(st.integers(0, 300), min_size=size, max_size=size)
    parent = [-1] + [draw(st.integers(0, place - 1)) for place in range(1, size)]
    return Drawn(parent, draw(times), draw(times))


def slow_path(forest: Forest) -> dict[int, tuple[int, int]]:
    """Return the spans on the path and their fitted times, as CRISP's paper words it."""
    found: dict[int, tuple[int, int]] = {}

    def visit(row: int, begin: int, end: int) -> None:
        found[row] = (begin, end)
        children = []
        for child in forest.child[forest.child_offset[row] : forest.child_offset[row + 1]].tolist():
            first, last = int(forest.start[child]), int(forest.end[child])
            inside = begin <= first and last <= end
            if inside or (first < end and last > begin):
                children.append((min(last, end), max(first, begin), child))
        later: tuple[int, int, int] | None = None
        for last, first, child in sorted(children, key=lambda one: one[0])[::-1]:
            if later is None or before((first, last), (later[1], later[0]), end - begin, children):
                visit(child, first, last)
                later = (last, first, child)

    def before(one: tuple[int, int], other: tuple[int, int], whole: int, siblings: list[tuple[int, int, int]]) -> bool:
        if one[1] < other[0]:
            return True
        if one[1] >= other[1] or one[0] >= other[0] or 100 * (one[1] - other[0]) >= whole:
            return False
        events = [time for last, first, _ in siblings for time in (first, last)]
        return sum(other[0] <= time <= one[1] for time in events) == 2

    visit(0, int(forest.start[0]), int(forest.end[0]))
    return found


def rooted(trace: Drawn) -> Forest | None:
    """Return the forest if its root comes first in it: a child may start before the root and stand before it."""
    forest = trace.planted()
    return forest if forest.parent[0] < 0 else None


@given(drawn_traces())
def test_path_is_that_of_a_slow_search(trace: Drawn) -> None:
    forest = rooted(trace)
    if forest is None:
        return
    paths = find_paths(forest)
    on_path = np.flatnonzero(paths.on_path).tolist()
    assert {row: (int(paths.begin[row]), int(paths.finish[row])) for row in on_path} == slow_path(forest)


@given(drawn_traces())
def test_strict_sections_cover_the_root_without_overlap(trace: Drawn) -> None:
    forest = trace.planted()
    found = find_sections(find_paths(forest, strict=True))
    root = int(np.flatnonzero(forest.parent < 0)[0])
    border = int(forest.end[root])
    for begin, end in zip(found.begin.tolist(), found.end.tolist(), strict=True):
        assert begin < end == border
        border = begin
    assert border == int(forest.start[root])


@pytest.mark.parametrize("strict", [False, True])
@given(trace=drawn_traces())
def test_exclusive_times_are_what_the_path_is_made_of(trace: Drawn, strict: bool) -> None:
    forest = trace.planted()
    paths = find_paths(forest, strict=strict)
    root = int(np.flatnonzero(forest.parent < 0)[0])
    # Overlapping siblings are counted twice, and their parent's share is never negative.
    total = int(paths.exclusive.sum())
    assert total == int(forest.duration[root]) if strict else total >= int(forest.duration[root])
    assert (paths.exclusive[~paths.on_path] == 0).all()
    if not strict:
        assert exclusive_times(forest).tolist() == paths.exclusive.tolist()
    assert (paths.drag >= 0).all()
    assert (paths.drag <= np.where(paths.on_path, paths.finish - paths.begin, 0)).all()
    slack = find_slack(forest, paths)
    assert (slack[paths.on_path] == 0).all()
    assert (slack >= 0).all()
