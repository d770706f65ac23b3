from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import schema
from analysis.forest import COLUMNS, plant
from analysis.planting import Planting, iter_forests, plant_partition, planting
from tests.forests import TableDataset, TablePartition, span_table

SECOND = 1_000_000_000


def timed(span_id: int, parent: int, start: int, duration: int, **more: Any) -> dict[str, Any]:
    return {"span_id": span_id, "parent_span_id": parent, "start_ns": start, "duration_ns": duration, **more}


def rows_by_id(forest: Any) -> dict[int, int]:
    return {int(span): row for row, span in enumerate(forest.array("span_id"))}


def parents_by_id(forest: Any) -> dict[int, int | None]:
    ids = [int(span) for span in forest.array("span_id")]
    return {ids[row]: None if above < 0 else ids[above] for row, above in enumerate(forest.parent)}


def test_a_small_tree():
    # 1 [100, 200) calls 2 [110, 140) and 3 [150, 190), which calls 4 [155, 160).
    forest = plant(
        span_table(
            [timed(1, 0, 100, 100), timed(2, 1, 110, 30), timed(3, 1, 150, 40), timed(4, 3, 155, 5, status="error")]
        )
    )
    assert forest.parent.tolist() == [-1, 0, 0, 2]
    assert forest.child_offset.tolist() == [0, 2, 2, 3, 3]
    assert forest.child.tolist() == [1, 2, 3]
    assert forest.depth.tolist() == [0, 1, 1, 2]
    assert forest.root.tolist() == [0, 0, 0, 0]
    assert forest.start.tolist() == [0, 10, 50, 55]
    assert forest.end.tolist() == [100, 40, 90, 60]
    assert forest.trace_start_ns.tolist() == [100]
    assert forest.self_time.tolist() == [30, 30, 35, 5]
    assert forest.error.tolist() == [False, False, False, True]
    assert not forest.orphan.any()
    assert forest.cycles_broken == 0


def test_traces_do_not_mix():
    forest = plant(
        span_table(
            [
                timed(1, 0, 10, 5, trace_id_low=7),
                timed(2, 1, 11, 1, trace_id_low=7),
                timed(2, 1, 500, 1, trace_id_low=8),
                timed(1, 0, 500, 9, trace_id_high=1, trace_id_low=7),
            ]
        )
    )
    assert forest.trace_offset.tolist() == [0, 2, 3, 4]
    assert forest.trace_of.tolist() == [0, 0, 1, 2]
    assert forest.parent.tolist() == [-1, 0, -1, -1]
    assert forest.orphan.tolist() == [False, False, True, False]
    assert forest.trace_start_ns.tolist() == [10, 500, 500]
    assert forest.trace_id(2) == "00000000000000010000000000000007"
    assert forest.span_id(1) == "0000000000000002"


def test_no_spans():
    forest = plant(schema.empty_spans(), window=(0, 1))
    assert (forest.size, forest.trace_count) == (0, 0)
    assert forest.trace_offset.tolist() == [0]
    for array in (forest.blocking, forest.self_time, forest.error, forest.kind, forest.cut, forest.weight_millis):
        assert len(array) == 0


def test_types_are_those_that_kernels_are_compiled_for():
    forest = plant(span_table([timed(1, 0, 0, 1, service="a")]))
    expected = {
        "trace_offset": np.int64, "trace_of": np.int32, "parent": np.int32, "orphan": np.bool_, "cut": np.bool_,
        "child_offset": np.int32, "child": np.int32, "depth": np.int32, "root": np.int32, "start": np.int64,
        "end": np.int64, "duration": np.int64, "has_time": np.bool_, "trace_start_ns": np.int64, "error": np.bool_,
        "kind": np.int8, "blocking": np.bool_, "multiplicity": np.int64, "weight_millis": np.int64,
        "self_time": np.int64,
    }  # fmt: skip
    for name, dtype in expected.items():
        array = getattr(forest, name)
        assert array.dtype == dtype, name
        assert array.flags.c_contiguous, name
        assert array.flags.writeable, name
    assert forest.service.codes.dtype == np.int32


# Shared spans. The trees of the first three are those of openzipkin/zipkin, SpanNodeTest: constructsTraceTree_sharedId,
# constructsTraceTree_sharedRootId, constructsTraceTree_qualifiesChildrenOfDuplicateServerSpans.


def test_a_server_half_hangs_under_its_client_half():
    forest = plant(
        span_table([timed(1, 0, 0, 9), timed(2, 1, 1, 7), timed(2, 1, 2, 5, shared=True), timed(3, 2, 3, 1)])
    )
    assert forest.parent.tolist() == [-1, 0, 1, 2]


def test_halves_of_a_root():
    forest = plant(
        span_table([timed(1, 0, 0, 9), timed(1, 0, 1, 7, shared=True), timed(2, 1, 2, 5), timed(3, 2, 3, 1)])
    )
    assert forest.parent.tolist() == [-1, 0, 1, 2]


def test_children_of_two_server_halves_go_by_service():
    forest = plant(
        span_table(
            [
                timed(1, 0, 0, 99),
                timed(2, 1, 1, 90),
                timed(2, 1, 2, 30, shared=True, service="foo"),
                timed(2, 1, 3, 30, shared=True, service="bar"),
                timed(3, 2, 4, 1, service="bar"),
                timed(4, 2, 5, 1, service="foo"),
            ]
        )
    )
    assert forest.parent.tolist() == [-1, 0, 1, 1, 3, 2]


def test_of_halves_of_one_service_the_host_decides():
    forest = plant(
        span_table(
            [
                timed(2, 0, 0, 90, service="pusher", host="10.0.0.1"),
                timed(2, 0, 2, 30, shared=True, service="paperboy", host="10.0.0.2"),
                timed(2, 0, 3, 30, shared=True, service="paperboy", host="10.0.0.3"),
                timed(3, 2, 4, 1, service="paperboy", host="10.0.0.3"),
                timed(4, 2, 5, 1, service="paperboy", host="10.0.0.9"),
                timed(5, 2, 6, 1, service="pusher", host="10.0.0.1"),
                timed(6, 2, 7, 1, service="other"),
                timed(7, 2, 8, 1),
            ]
        )
    )
    # 4: no such host, so the first half of its service. 5: the client's own. 6, 7: the server half, which propagates.
    assert forest.parent.tolist() == [-1, 0, 0, 2, 1, 0, 1, 1]


def test_a_server_half_without_its_client_half():
    forest = plant(
        span_table(
            [
                timed(1, 0, 0, 9),
                timed(2, 1, 1, 5, shared=True),
                timed(3, 7, 2, 1, shared=True),
                timed(4, 0, 3, 1, shared=True),
            ]
        )
    )
    assert forest.parent.tolist() == [-1, 0, -1, -1]
    assert forest.orphan.tolist() == [False, False, True, False]


def test_colliding_ids_resolve_to_the_lowest_row():
    forest = plant(
        span_table([timed(5, 0, 0, 9, service="a"), timed(5, 0, 1, 9, service="b"), timed(6, 5, 2, 1, service="b")])
    )
    assert forest.parent.tolist() == [-1, -1, 0]


def test_orphans_are_kept_and_marked():
    forest = plant(span_table([timed(1, 0, 0, 9), timed(2, 99, 1, 5), timed(3, 2, 2, 1)]))
    assert forest.orphan.tolist() == [False, True, False]
    assert forest.parent.tolist() == [-1, -1, 1]
    assert forest.root.tolist() == [0, 1, 1]


def test_a_span_that_names_itself_becomes_a_root():
    forest = plant(span_table([timed(1, 1, 0, 9), timed(2, 1, 1, 5), timed(3, 3, 2, 1, shared=True)]))
    assert parents_by_id(forest) == {1: None, 2: 1, 3: None}
    assert forest.cycles_broken == 2
    assert not forest.orphan.any()


def test_a_cycle_is_broken_where_it_starts_first():
    forest = plant(span_table([timed(1, 3, 30, 9), timed(2, 1, 10, 5), timed(3, 2, 20, 1), timed(4, 3, 5, 1)]))
    assert parents_by_id(forest) == {2: None, 3: 2, 1: 3, 4: 3}
    assert forest.cycles_broken == 1


def test_a_cycle_is_broken_at_a_span_with_a_time_if_there_is_one():
    timeless = {"span_id": 1, "parent_span_id": 2}
    forest = plant(span_table([timeless, timed(2, 1, 50, 5)]))
    assert parents_by_id(forest) == {1: 2, 2: None}
    without = plant(span_table([timeless, {"span_id": 2, "parent_span_id": 1}]))
    assert parents_by_id(without) == {1: None, 2: 1}


def test_spans_without_times_count_in_links_and_nowhere_in_times():
    forest = plant(span_table([timed(1, 0, 100, 50), {"span_id": 2, "parent_span_id": 1}, timed(3, 2, 110, 10)]))
    row = rows_by_id(forest)
    assert parents_by_id(forest) == {1: None, 2: 1, 3: 2}
    assert not forest.has_time[row[2]]
    assert (forest.start[row[2]], forest.end[row[2]], forest.duration[row[2]]) == (0, 0, 0)
    assert forest.trace_start_ns.tolist() == [100]
    assert forest.self_time[row[1]] == 50
    assert plant(span_table([{"span_id": 2}])).trace_start_ns.tolist() == [0]


def test_time_zero_is_a_time():
    forest = plant(span_table([timed(1, 0, 0, 0)]))
    assert forest.has_time.tolist() == [True]


@pytest.mark.parametrize("first", [-(2**63), -1, 0, 2**63 - 1])
@pytest.mark.parametrize("second", [-(2**63), 0, 2**62, 2**63 - 1])
@pytest.mark.parametrize("duration", [-(2**63), 0, 2**63 - 1])
def test_extreme_times_do_not_overflow(first: int, second: int, duration: int):
    forest = plant(
        span_table([timed(1, 0, first, duration, host="a"), timed(2, 1, second, duration, host="b")]),
        offsets={"a": 2**70, "b": -(2**70)},
        window=(min(first, second), 2**63 - 1),
    )
    assert forest.start.min() == 0
    assert (forest.duration >= 0).all()
    assert (forest.end >= forest.start).all()
    assert (forest.self_time >= 0).all()
    assert (forest.trace_start_ns[0].astype(object) + forest.end.astype(object) < 2**63).all()


def test_times_beyond_the_limit_are_held_there():
    before = 4_607_000_000_000_000_000  # the end of 2115
    forest = plant(span_table([timed(1, 0, before, 100), timed(2, 1, before + 10, 20)]))
    assert forest.end.tolist() == [100, 30]
    after = 9_223_000_000_000_000_000  # the year 2262, held at the limit
    forest = plant(span_table([timed(1, 0, after, 100), timed(2, 1, after + 10, 20)]))
    assert forest.end.tolist() == [100, 20]


def test_offsets_move_hosts_and_the_start_of_the_trace():
    table = span_table(
        [timed(1, 0, 100, 50, host="a", service="x"), timed(2, 1, 95, 20, service="b"), timed(3, 1, 120, 5, host="a")]
    )
    forest = plant(table, offsets={"b": 30, "nobody": 5})
    row = rows_by_id(forest)
    assert forest.start[[row[1], row[2], row[3]]].tolist() == [0, 25, 20]
    assert forest.trace_start_ns.tolist() == [100]
    # Children are in the order of corrected starts: the third before the second.
    assert forest.child.tolist() == [row[3], row[2]]
    assert forest.self_time[row[1]] == 50 - 25
    assert plant(table).trace_start_ns.tolist() == [95]


def test_orphans_near_the_ends_of_the_window_are_cut():
    # The window lasts 100 s, so a tenth is 10 s. The longest span of trace 1 lasts 3 s: its margin. Trace 2: a second.
    window = (0, 100 * SECOND)
    rows = [
        timed(1, 0, 50 * SECOND, 3 * SECOND),
        timed(2, 9, 2 * SECOND, 1),
        timed(3, 9, 3 * SECOND, 1),
        timed(4, 9, 96 * SECOND, 1),
        timed(5, 9, 96 * SECOND, 2 * SECOND),
        {"span_id": 6, "parent_span_id": 9},
        timed(1, 0, 1, 1, trace_id_low=2),
        timed(2, 9, SECOND - 1, 1, trace_id_low=2),
        timed(3, 9, SECOND, 1, trace_id_low=2),
    ]
    forest = plant(span_table(rows), window=window)
    cut = np.stack([forest.array(name)[forest.cut] for name in ("trace_id_low", "span_id")], axis=1)
    assert set(map(tuple, cut.tolist())) == {(1, 2), (1, 5), (2, 2)}
    assert not plant(span_table(rows)).cut.any()


def test_the_margin_is_at_most_a_tenth_of_the_window():
    rows = [timed(1, 0, 0, 1000), timed(2, 9, 99, 1), timed(3, 9, 100, 1), timed(4, 9, 899, 1), timed(5, 9, 900, 1)]
    forest = plant(span_table(rows), window=(0, 1000))
    assert forest.array("span_id")[forest.cut].tolist() == [2, 5]


def test_who_is_waited_for():
    forest = plant(
        span_table(
            [
                timed(1, 0, 0, 99, kind="server"),
                timed(2, 1, 1, 9, kind="client"),
                timed(3, 1, 2, 9, kind="producer"),
                timed(4, 3, 3, 9, kind="server"),
                timed(5, 1, 4, 9, kind="consumer"),
                timed(6, 1, 5, 9, asynchronous=True),
                timed(7, 1, 6, 9),
            ]
        )
    )
    assert forest.blocking.tolist() == [True, True, True, False, False, False, True]
    assert forest.kind.tolist() == [
        schema.KINDS.index(k) for k in ("server", "client", "producer", "server", "consumer")
    ] + [0, 0]


def test_weights_and_multiplicity():
    rows = [
        timed(1, 0, 0, 1, weight=1.0, multiplicity=3),
        timed(2, 0, 1, 1, weight=2.5, multiplicity=None),
        timed(3, 0, 2, 1, weight=None, multiplicity=0),
        timed(4, 0, 3, 1, weight=float("nan")),
        timed(5, 0, 4, 1, weight=float("inf")),
        timed(6, 0, 5, 1, weight=-1.0),
        timed(7, 0, 6, 1, weight=1e300),
    ]
    forest = plant(span_table(rows))
    assert forest.weight_millis.tolist() == [1000, 2500, 1000, 1000, 1000, 1000, 10**12]
    assert forest.multiplicity.tolist() == [3, 1, 1, 1, 1, 1, 1]


def test_codes():
    forest = plant(span_table([timed(1, 0, 0, 1, service="b"), timed(2, 0, 1, 1), timed(3, 0, 2, 1, service="a")]))
    codes = forest.codes("service")
    assert codes.codes.tolist() == [0, -1, 1]
    assert codes.values == ("b", "a")
    assert codes.code("a") == 1
    assert codes.code("c") == -1
    assert codes.equal("b").tolist() == [True, False, False]
    assert not codes.equal("c").any()
    assert forest.codes("service") is codes
    assert forest.clock.codes.tolist() == [0, -1, 1]


def test_codes_of_dictionaries_that_hold_nulls_repeat_or_come_in_chunks():
    base = span_table([timed(1, 0, 0, 1), timed(2, 0, 1, 1), timed(3, 0, 2, 1), timed(4, 0, 3, 1)])
    first = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["x", None], pa.string()))
    second = pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int32()), pa.array(["y", "x"], pa.string()))
    place = base.schema.get_field_index("name")
    chunked = base.set_column(place, base.schema.field("name"), pa.chunked_array([first, second]))
    read = plant(chunked).codes("name")
    assert [None if code < 0 else read.values[code] for code in read.codes] == ["x", None, "x", "y"]
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 1], pa.int32()), pa.array(["x", "x", "y"], pa.string()))
    read = plant(base.set_column(place, base.schema.field("name"), twice)).codes("name")
    assert read.codes.tolist() == [0, 0, 1, 0]
    plain = base.set_column(place, "name", pa.array(["q", None, "q", "r"]))
    assert plant(plain).codes("name").codes.tolist() == [0, -1, 0, 1]


def test_arrays_fill_nulls():
    forest = plant(span_table([timed(1, 0, 0, 1, http_status=404), timed(2, 0, 1, 1)]))
    assert forest.array("http_status").tolist() == [404, 0]
    assert forest.array("http_status", -1).tolist() == [404, -1]
    with pytest.raises(KeyError, match="db_rows"):
        plant(span_table([timed(1, 0, 0, 1)]).select(COLUMNS)).array("db_rows")


def test_a_dataset_is_planted_partition_by_partition():
    tables = [span_table([timed(1, 0, 100 + low, 50, trace_id_low=low)]) for low in (1, 2)]
    dataset = TableDataset(tuple(map(TablePartition, tables)), window=(101, 152))
    forests = list(iter_forests(dataset, columns=("http_status",)))
    assert [forest.trace_start_ns.tolist() for forest in forests] == [[101], [102]]
    assert set(forests[0].table.column_names) == {*COLUMNS, "http_status"}
    assert planting(TableDataset((), skew="off", window=(1, 2))) == Planting((1, 2))
    assert planting(TableDataset((), skew="jaeger", max_skew_ns=7)).adjust_within_ns == 7
    whole = plant_partition(dataset.partitions[0], planting(dataset))
    assert whole.table.num_columns == len(schema.SPANS)


# Against a slow and simple reading of the same rules.

SPAN = st.fixed_dictionaries(
    {
        "trace_id_low": st.integers(1, 2),
        "span_id": st.integers(1, 6),
        "parent_span_id": st.integers(0, 7),
        "shared": st.sampled_from([False, False, False, True]),
        "service": st.sampled_from([None, "a", "b"]),
        "host": st.sampled_from([None, None, "h", "k"]),
        "kind": st.sampled_from([None, "client", "server", "producer", "consumer"]),
        "start_ns": st.none() | st.integers(0, 20),
        "duration_ns": st.none() | st.integers(0, 20),
    }
)


def reference_parents(rows: list[dict[str, Any]]) -> tuple[list[int], list[bool]]:
    parent, orphan = [-1] * len(rows), [False] * len(rows)
    for at, row in enumerate(rows):
        mates = [other for other, it in enumerate(rows) if it["trace_id_low"] == row["trace_id_low"]]
        halves = any(rows[other]["shared"] for other in mates)

        def first(span: int, mates: list[int] = mates, **like: Any) -> int | None:
            named = (other for other in mates if rows[other]["span_id"] == span)
            return next(
                (other for other in named if all(rows[other][key] == value for key, value in like.items())), None
            )

        if row["shared"] and (client := first(row["span_id"], shared=False)) is not None:
            parent[at] = client
            continue
        wanted = row["parent_span_id"]
        if wanted in (0, row["span_id"]):
            continue
        choices = []
        if halves and row["service"] is not None:
            choices += [{"shared": True, "service": row["service"], "clock": row["clock"]}]
            choices += [{"shared": True, "service": row["service"]}, {"shared": False, "service": row["service"]}]
        found = [first(wanted, **like) for like in (*choices, {"shared": True}, {"shared": False})]
        chosen = next((other for other in found if other is not None), None)
        orphan[at] = chosen is None
        parent[at] = -1 if chosen is None else chosen
    return parent, orphan


def reference_break(rows: list[dict[str, Any]], parent: list[int]) -> list[int]:
    parent = list(parent)
    for at in range(len(rows)):
        chain = []
        above = at
        while above >= 0 and above not in chain:
            chain.append(above)
            above = parent[above]
        if above >= 0:
            cycle = chain[chain.index(above) :]
            parent[
                min(
                    cycle,
                    key=lambda row: (not rows[row]["timed"], rows[row]["start_ns"] if rows[row]["timed"] else 0, row),
                )
            ] = -1
    return parent


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    rows = table.to_pylist()
    for row in rows:
        row["clock"] = row["host"] if row["host"] is not None else row["service"]
        row["timed"] = row["start_ns"] is not None and row["duration_ns"] is not None
    return rows


@given(st.lists(SPAN, max_size=14))
def test_parents_are_those_of_a_slow_reading(spans: list[Mapping[str, Any]]):
    table = span_table(spans)
    rows = rows_of(table)
    forest = plant(table)
    parent, orphan = reference_parents(rows)
    assert forest.orphan.tolist() == orphan
    assert forest.parent.tolist() == reference_break(rows, parent)


@given(st.lists(SPAN, max_size=14))
def test_any_graph_of_parents_becomes_a_forest(spans: list[Mapping[str, Any]]):
    forest = plant(span_table(spans), window=(0, 40))
    for row in range(forest.size):
        path = [row]
        while forest.parent[path[-1]] >= 0:
            path.append(int(forest.parent[path[-1]]))
            assert len(path) <= forest.size
        assert forest.depth[row] == len(path) - 1
        assert forest.root[row] == path[-1]
        assert len({int(forest.trace_of[other]) for other in path}) == 1
        children = forest.child[forest.child_offset[row] : forest.child_offset[row + 1]].tolist()
        below = [other for other in range(forest.size) if forest.parent[other] == row]
        assert children == sorted(below, key=lambda other: (forest.start[other], other))
    assert len(forest.child) == np.count_nonzero(forest.parent >= 0)
    assert not (forest.cut & ~forest.orphan).any()


@given(st.lists(SPAN, max_size=14))
def test_self_time_is_what_no_child_covers(spans: list[Mapping[str, Any]]):
    forest = plant(span_table(spans))
    for row in range(forest.size):
        instants = set(range(forest.start[row], forest.end[row]))
        for other in range(forest.size):
            if forest.parent[other] == row:
                instants -= set(range(forest.start[other], forest.end[other]))
        assert forest.self_time[row] == len(instants)


@given(st.lists(SPAN, max_size=14), st.randoms())
def test_the_order_of_rows_before_sorting_and_the_ids_themselves_do_not_matter(
    spans: list[dict[str, Any]], random: Any
):
    # Multiplied by an odd number, ids keep their order and come to stand elsewhere in the hash tables.
    factor = 0x0_1234_5678_9ABC_DEF1
    renamed = [{**span, **{key: span[key] * factor for key in ("span_id", "parent_span_id")}} for span in spans]
    random.shuffle(renamed)
    forest, other = plant(span_table(spans)), plant(span_table(renamed))
    for name in ("parent", "orphan", "child", "child_offset", "depth", "root", "start", "end", "self_time"):
        assert getattr(forest, name).tolist() == getattr(other, name).tolist(), name


@given(st.data())
def test_self_times_of_a_sequential_tree_add_up_to_the_duration_of_its_root(data: st.DataObject):
    rows: list[dict[str, Any]] = []

    def grow(parent: int, start: int, duration: int, depth: int) -> None:
        span = len(rows) + 1
        rows.append(timed(span, parent, start, duration))
        if depth == 4:
            return
        cuts = sorted(data.draw(st.lists(st.integers(0, duration), max_size=6)))
        for begins, ends in zip(cuts[::2], cuts[1::2], strict=False):
            grow(span, start + begins, ends - begins, depth + 1)

    duration = data.draw(st.integers(0, 1000))
    grow(0, data.draw(st.integers(-(10**18), 10**18)), duration, 0)
    forest = plant(span_table(rows))
    assert forest.self_time.sum() == duration
