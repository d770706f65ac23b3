from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.forest import plant
from analysis.planting import iter_forests
from analysis.skew import HostPair, Offsets, estimate, gather, merge, solve
from analysis.skew.evidence import _buckets, bucket_values
from tests.benchmarks.generate import generate
from tests.forests import TableDataset, TablePartition, span_table

MS = 1_000_000


def half(host: str, start: int, duration: int) -> dict[str, Any]:
    return {"host": host, "start_ns": start, "duration_ns": duration}


def call(
    trace: int, client: tuple[str, int, int], server: tuple[str, int, int], **of_server: Any
) -> list[dict[str, Any]]:
    """Return a call between two hosts: (host, start, duration) of both halves."""
    common = {"trace_id_low": trace}
    return [
        {**common, "span_id": 1, "kind": "client", **half(*client)},
        {**common, "span_id": 2, "parent_span_id": 1, "kind": "server", **half(*server), **of_server},
    ]


def solved(*calls: list[dict[str, Any]], max_skew_ns: int | None = None) -> Offsets:
    return solve(merge([gather(plant(span_table([row for rows in calls for row in rows])))]), max_skew_ns)


def test_a_known_offset_is_recovered_exactly():
    # In truth the server works from 10 after the client's start to 10 before its end; its clock is 65 ms behind.
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 10 - 65 * MS, 80)) for n in range(1, 6)]
    offsets = solved(*calls)
    assert offsets.offsets == {"b": 65 * MS}
    assert offsets.corrected_hosts == ("b",)
    assert offsets.pairs == (HostPair("a", "b", 5, 5, 65 * MS - 10, 65 * MS + 10, 20, 65 * MS, "interval"),)


def test_corrected_spans_lie_where_they_were():
    table = span_table(call(1, ("a", 1000, 100), ("b", 1010 - 65 * MS, 80)))
    dataset = TableDataset((TablePartition(table),))
    (forest,) = iter_forests(dataset)
    row = {int(span): at for at, span in enumerate(forest.array("span_id"))}
    assert forest.start[[row[1], row[2]]].tolist() == [0, 10]
    assert forest.trace_start_ns.tolist() == [1000]
    (untouched,) = iter_forests(TableDataset(dataset.partitions, skew="off"))
    assert untouched.start[[row[1], row[2]]].tolist() == [65 * MS - 10, 0]


def test_clocks_in_step_are_left_alone():
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + n % 20, 80)) for n in range(1, 30)]
    offsets = solved(*calls)
    assert offsets.offsets == {}
    assert [pair.how for pair in offsets.pairs] == ["in step"]


def test_less_than_half_out_of_place_is_no_skew():
    within = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 10, 80)) for n in range(1, 5)]
    outside = [call(n, ("a", n * 1000, 100), ("b", n * 1000 - 10, 80)) for n in range(5, 8)]
    assert solved(*within, *outside).pairs[0].how == "in step"
    assert solved(*within[:3], *outside).pairs[0].how != "in step"


def test_two_late_ends_are_too_few_three_are_not():
    # The server starts after its client and ends after it: a client that gave up, or a clock ahead.
    late = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 50, 80)) for n in range(1, 4)]
    assert solved(*late[:2]).pairs[0].how == "too few calls"
    # Shifts from -50 to -30 put it inside.
    assert solved(*late).offsets == {"b": -40}


def test_one_server_before_its_client_is_evidence():
    assert solved(call(1, ("a", 1000, 100), ("b", 900, 80))).offsets == {"b": 110}


def test_one_late_server_as_long_as_its_client_is_evidence():
    # Late by 320 to 330 with 10 to spare: the durations are equal to a 32nd. By 319 they are not.
    assert solved(call(1, ("a", 10_000, 100), ("b", 10_330, 90))).offsets == {"b": -325}
    assert solved(call(1, ("a", 10_000, 100), ("b", 10_329, 90))).pairs[0].how == "too few calls"


def test_two_calls_that_contradict_each_other_give_no_shift():
    there = call(1, ("a", 1000 * MS, 10 * MS), ("b", 900 * MS, 9 * MS))
    calls = [there, call(2, ("a", 2000 * MS, 10 * MS), ("b", 1700 * MS, 9 * MS))]
    assert solved(*calls).pairs[0].how == "no single shift"


def test_pairs_that_could_not_be_judged_join_nothing():
    # b and c are 5 ms ahead of a and in step; d, whose calls with b say too little, is on its own clock.
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 10 + 5 * MS, 80)) for n in range(1, 5)]
    calls += [call(n + 20, ("b", n * 1000, 100), ("c", n * 1000 + 10, 80)) for n in range(1, 5)]
    calls += [call(41, ("b", 1000, 100), ("d", 1050, 80)), call(42, ("a", 1000, 100), ("d", 1050, 80))]
    offsets = solved(*calls)
    assert offsets.offsets == {"a": 5 * MS}
    assert [pair.how for pair in offsets.pairs] == ["interval", "too few calls", "in step", "too few calls"]


def test_calls_both_ways_narrow_the_shift_as_in_ntp():
    # b is 1000 behind. Towards b the request takes 1 and the response 9; towards a likewise. Each direction alone is
    # off by 4, the two together are not: shifts 999 to 1009 and 991 to 1001 leave 999 to 1001.
    there = [call(n, ("a", n * 10_000, 100), ("b", n * 10_000 + 1 - 1000, 90)) for n in range(1, 4)]
    back = [call(n, ("b", n * 10_000 - 1000, 100), ("a", n * 10_000 + 1, 90)) for n in range(4, 7)]
    assert solved(*there).offsets == {"b": 1004}
    offsets = solved(*there, *back)
    assert offsets.offsets == {"b": 1000}
    assert (offsets.pairs[0].low_ns, offsets.pairs[0].high_ns) == (999, 1001)
    assert offsets.pairs[0].calls == 6


def test_drift_gives_the_median():
    # The clock of b loses a second in each call; calls leave 10 ms on both sides, so that no shift suits all.
    calls = [
        call(n, ("a", n * 10**12, 100 * MS), ("b", n * 10**12 + 10 * MS - behind, 80 * MS))
        for n, behind in enumerate([100 * MS, 101 * MS, 102 * MS, 103 * MS, 150 * MS], 1)
    ]
    offsets = solved(*calls)
    (pair,) = offsets.pairs
    assert pair.how == "median"
    assert pair.low_ns > pair.high_ns
    # Known to a bucket of 4.1 µs.
    assert offsets.offsets["b"] == pytest.approx(102 * MS, abs=2**12)


def test_servers_that_go_on_at_will_are_not_shifted():
    # Work that the client does not wait for, without a mark that says so: any shift would suit one call only.
    calls = [
        call(n, ("a", n * 10**12, 10 * MS), ("b", n * 10**12 + lag * MS, 9 * MS))
        for n, lag in enumerate([5, 50, 500, 5000], 1)
    ]
    offsets = solved(*calls)
    assert offsets.offsets == {}
    assert offsets.pairs[0].how == "no single shift"


@pytest.mark.parametrize(
    "mark", [{"asynchronous": True}, {"kind": "consumer"}, {"duration_ns": 101}, {"duration_ns": None}]
)
def test_calls_that_need_not_lie_inside_say_nothing(mark: dict[str, Any]):
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 - 500, 80), **mark) for n in range(1, 5)]
    assert solved(*calls) == Offsets()


def test_rounded_times_are_not_skew():
    # In whole milliseconds the server of a call may seem to start and end 2 ms outside.
    rounded = {"time_resolution_ns": MS}
    calls = [
        call(n, ("a", n * 1000 * MS, 10 * MS), ("b", (n * 1000 + 2) * MS, 10 * MS), **rounded) for n in range(1, 5)
    ]
    assert solved(*calls).pairs[0].how == "in step"
    calls = [
        call(n, ("a", n * 1000 * MS, 10 * MS), ("b", (n * 1000 + 3) * MS, 10 * MS), **rounded) for n in range(1, 5)
    ]
    assert solved(*calls).offsets == {"b": -3 * MS}


def test_a_limit_leaves_larger_shifts_alone():
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 10 - 65 * MS, 80)) for n in range(1, 6)]
    assert solved(*calls, max_skew_ns=65 * MS).offsets == {"b": 65 * MS}
    beyond = solved(*calls, max_skew_ns=65 * MS - 1)
    assert beyond.offsets == {}
    assert beyond.pairs[0].how == "beyond the limit"


def test_offsets_go_from_host_to_host():
    # b is 1000 behind a, c is 300 ahead of b; c never meets a. d and e are in step with c, so theirs is the reference.
    calls = []
    for n in range(1, 5):
        at = n * 10_000
        calls.append(call(n, ("a", at, 100), ("b", at + 10 - 1000, 80)))
        calls.append(call(n + 10, ("b", at, 100), ("c", at + 10 + 300, 80)))
        calls.append(call(n + 20, ("c", at, 100), ("d", at + 10, 80)))
        calls.append(call(n + 30, ("e", at, 100), ("c", at + 10, 80)))
    assert solved(*calls).offsets == {"a": 300 - 1000, "b": 300}


def test_the_closest_evidence_joins_hosts():
    # b is 2 ms behind a, as short calls show. Calls from both to c leave so much room that all seem in step with it.
    calls = []
    for n in range(1, 5):
        at = n * 10**12
        calls.append(call(n, ("a", at, MS), ("b", at + 1000 - 2 * MS, MS - 2000)))
        calls.append(call(n + 10, ("b", at, 100 * MS), ("c", at + 40 * MS, 20 * MS)))
        calls.append(call(n + 20, ("a", at, 100 * MS), ("c", at + 40 * MS, 20 * MS)))
        calls.append(call(n + 30, ("a", at, 100 * MS), ("c", at + 40 * MS, 20 * MS)))
    assert [pair.how for pair in solved(*calls).pairs] == ["interval", "in step", "in step"]
    assert solved(*calls).offsets == {"b": 2 * MS}


def test_hosts_in_step_stay_so_beside_one_that_is_not():
    # a calls b most, whose clock is 5 ms behind; the shift is known to 20 ns only. c is in step with a, as good as.
    calls = [call(n, ("a", n * 1000, 100), ("b", n * 1000 + 10 - 5 * MS, 80)) for n in range(1, 9)]
    calls += [call(n + 20, ("c", n * 1000, 100), ("b", n * 1000 + 13 - 5 * MS, 80)) for n in range(1, 8)]
    calls += [call(n + 40, ("a", n * 1000, 400), ("c", n * 1000 + 99, 80)) for n in range(1, 4)]
    assert solved(*calls).offsets == {"b": 5 * MS}


def test_services_stand_in_for_hosts_that_are_not_named():
    rows = [
        {"span_id": 1, "service": "front", "start_ns": 1000, "duration_ns": 100},
        {"span_id": 2, "parent_span_id": 1, "service": "back", "start_ns": 900, "duration_ns": 80},
        {"span_id": 3, "parent_span_id": 2, "start_ns": 0, "duration_ns": 1},
    ]
    # Both have one call and one host: the first by name is the reference.
    assert solved(rows).offsets == {"front": -110}
    assert [(pair.first, pair.second) for pair in solved(rows).pairs] == [("back", "front")]


def test_one_clock_needs_no_estimate():
    class Unread(TablePartition):
        def read(self, columns: Any = None) -> Any:
            assert columns == ("host", "service")
            return super().read(columns)

    partition = Unread(span_table(call(1, ("a", 1000, 100), ("a", 900, 80))))
    assert estimate(TableDataset((partition, partition))) == Offsets()


SPAN = st.fixed_dictionaries(
    {
        "trace_id_low": st.integers(1, 4),
        "span_id": st.integers(1, 5),
        "parent_span_id": st.integers(0, 5),
        "host": st.sampled_from(["a", "b", "c"]),
        "start_ns": st.integers(-(2**40), 2**40),
        "duration_ns": st.integers(0, 2**36),
    }
)


@given(st.lists(SPAN, max_size=24), st.permutations(range(1, 5)))
def test_evidence_does_not_depend_on_how_traces_are_partitioned(spans: list[dict[str, Any]], order: list[int]):
    whole = merge([gather(plant(span_table(spans)))])
    parts = [gather(plant(span_table([span for span in spans if span["trace_id_low"] == trace]))) for trace in order]
    left = merge([merge(parts[:2]), merge(parts[2:])])
    one_by_one = merge([part for part in parts for part in (part,)])
    for merged in (left, one_by_one):
        assert merged.pairs.equals(whole.pairs)
        assert merged.buckets.equals(whole.buckets)
    assert solve(left) == solve(whole)


def test_many_partitions_are_merged_as_they_come():
    parts = [gather(plant(span_table(call(n, ("a", n * 1000, 100), ("b", n * 1000 - 50, 80))))) for n in range(1, 71)]
    merged = merge(parts)
    assert merged.pairs.to_pylist()[0]["calls"] == 70
    assert merged.buckets.column("calls").to_numpy().sum() == 3 * 70


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1))
def test_buckets_keep_order_and_lie_near_their_values(numbers: list[int]):
    values = np.array(sorted(numbers), np.int64)
    buckets = _buckets(values)
    assert (np.diff(buckets) >= 0).all()
    for value, middle in zip(values.tolist(), bucket_values(buckets).tolist(), strict=True):
        assert abs(value - middle) <= max(2**11, abs(value) / 2**20)


def test_a_skewed_host_is_found_among_others():
    table = generate(20_000, skew_ns={"node-3": 50 * MS, "node-8": -7_200_000 * MS})
    offsets = estimate(TableDataset((TablePartition(table),)))
    assert offsets.corrected_hosts == ("node-3", "node-8")
    assert offsets.offsets["node-3"] == pytest.approx(-50 * MS, abs=5 * MS)
    assert offsets.offsets["node-8"] == pytest.approx(7_200_000 * MS, abs=5 * MS)
    assert estimate(TableDataset((TablePartition(generate(20_000)),))).offsets == {}


def test_zipkins_skewed_trace(shared_exports: Path):
    # servicea calls at 1470150004.074202 for 94.539 ms; serviceb serves from 1470150004.008761 for 93.577 ms. The
    # middle of the shifts that put it inside: 65.441 ms and half of the 0.962 ms by which it is shorter.
    spans = json.loads((shared_exports / "zipkin" / "zipkin_v2_skew.json").read_text())
    table = span_table(
        {
            "span_id": int(span["id"], 16),
            "parent_span_id": int(span.get("parentId", "0"), 16),
            "shared": span.get("shared", False),
            "kind": span.get("kind", "unspecified").lower(),
            "service": span["localEndpoint"]["serviceName"],
            "host": span["localEndpoint"]["ipv4"],
            "start_ns": span["timestamp"] * 1000,
            "duration_ns": span["duration"] * 1000,
            "time_resolution_ns": 1000,
        }
        for span in spans
    )
    dataset = TableDataset((TablePartition(table),))
    offsets = estimate(dataset)
    assert offsets.offsets == {"192.0.0.0": 65_922_000}
    (forest,) = iter_forests(dataset)
    assert forest.trace_count == 1
    for row in np.flatnonzero(forest.parent >= 0):
        assert forest.start[forest.parent[row]] <= forest.start[row]
        assert forest.end[row] <= forest.end[forest.parent[row]]


# Jaeger's adjuster: the cases of jaegertracing/jaeger, model/adjuster/clockskew_test.go.
# Each: (id, parent, start, duration, host, adjusted start).
JAEGER = {
    "single span with bad parent": [(1, 99, 0, 100, "a", 0)],
    "parent-child on the same host": [(1, 0, 0, 100, "a", 0), (2, 1, 10, 50, "a", 10)],
    "do not adjust parent-child on the same host": [(1, 0, 10, 100, "a", 10), (2, 1, 0, 50, "a", 0)],
    "do not adjust child that fits inside parent": [(1, 0, 10, 100, "a", 10), (2, 1, 20, 50, "b", 20)],
    "do not adjust child that is longer than parent": [(1, 0, 10, 100, "a", 10), (2, 1, 20, 150, "b", 20)],
    "adjust child starting before parent": [(1, 0, 10, 100, "a", 10), (2, 1, 0, 50, "b", 35)],
    "adjust child starting before parent even if it is longer": [(1, 0, 10, 100, "a", 10), (2, 1, 0, 150, "b", 10)],
    "adjust child ending after parent but being shorter": [
        (1, 0, 10, 100, "a", 10),
        (2, 1, 50, 70, "b", 25),
        (3, 2, 60, 20, "b", 35),
    ],
}


@pytest.mark.parametrize("name", JAEGER)
def test_adjusted_within_a_trace_as_by_jaeger(name: str):
    spans = JAEGER[name]
    table = span_table(
        {"span_id": span, "parent_span_id": parent, "start_ns": start, "duration_ns": duration, "host": host}
        for span, parent, start, duration, host, _ in spans
    )
    forest = plant(table, adjust_within_ns=1000)
    starts = forest.start + forest.trace_start_ns[0]
    found = dict(zip(forest.array("span_id").tolist(), starts.tolist(), strict=True))
    assert found == {span: adjusted for span, *_, adjusted in spans}


def test_jaeger_does_not_adjust_beyond_its_limit():
    # As in the adjuster of later versions: the shift of 35 is not made, and its host's other spans do not move either.
    spans = [(1, 0, 10, 100, "a"), (2, 1, 0, 50, "b"), (3, 2, 5, 10, "b")]
    table = span_table(
        {"span_id": span, "parent_span_id": parent, "start_ns": start, "duration_ns": duration, "host": host}
        for span, parent, start, duration, host in spans
    )
    raw = plant(table)
    assert plant(table, adjust_within_ns=34).start.tolist() == raw.start.tolist()
    assert sorted(plant(table, adjust_within_ns=35).start.tolist()) == [0, 25, 30]


def test_jaeger_takes_unknown_clocks_for_different_ones():
    table = span_table(
        [
            {"span_id": 1, "start_ns": 10, "duration_ns": 100},
            {"span_id": 2, "parent_span_id": 1, "start_ns": 0, "duration_ns": 50},
        ]
    )
    assert sorted(plant(table, adjust_within_ns=1000).start.tolist()) == [0, 25]


def test_jaeger_mode_of_a_dataset():
    table = span_table(call(1, ("a", 10, 100), ("b", 0, 50)))
    (forest,) = iter_forests(TableDataset((TablePartition(table),), skew="jaeger"))
    assert sorted(forest.start.tolist()) == [0, 25]
