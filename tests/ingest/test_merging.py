"""Duplicates, parts and contradictions of spans; repeated log records. Expected rows are worked out by hand."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.ingest.assembling import assemble
from analysis.ingest.columns import tidy
from analysis.ingest.merging import INPUT, Merged, merge_logs, merge_spans
from analysis.ingest.spool import travelling
from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA, empty_logs, empty_spans

SPAN = {
    "trace_id_high": 7,
    "trace_id_low": 1,
    "span_id": 1,
    "parent_span_id": 0,
    "shared": False,
    "asynchronous": False,
    "kind": "unspecified",
    "status": "unset",
    "multiplicity": 1,
    "weight": 1.0,
    "time_resolution_ns": 1,
    "old_conventions": False,
}
LOG = {"trace_id_high": 7, "trace_id_low": 1, "span_id": 0, "structured": False}


def table(schema: pa.Schema, defaults: dict[str, Any], rows, numbers=None) -> pa.Table:
    full = [{**defaults, **row} for row in rows]
    columns = []
    for column in schema:
        values = [row.get(column.name) for row in full]
        if pa.types.is_dictionary(column.type):
            columns.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            columns.append(pa.array(values, column.type))
    kind = "spans" if schema is SPAN_SCHEMA else "logs"
    whole = pa.table(columns, schema=schema)
    parts = [travelling(kind, whole.slice(place, 1), (numbers or [0] * len(full))[place]) for place in range(len(full))]
    return tidy(parts, travelling(kind, whole.slice(0, 0), 0).schema)


def spans(*rows, numbers=None) -> pa.Table:
    return table(SPAN_SCHEMA, SPAN, rows, numbers)


def logs(*rows, numbers=None) -> pa.Table:
    return table(LOG_SCHEMA, LOG, rows, numbers)


def shown(merged: Merged, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in merged.spans.to_pylist()]


def test_exact_duplicates_are_one_span():
    row = {"service": "cart", "start_ns": 5, "duration_ns": 2}
    merged = merge_spans(spans(row, row, row))
    assert shown(merged, "service", "start_ns") == [("cart", 5)]
    assert merged.conflicts == 0


def test_parts_fill_each_other_in():
    # A Zipkin server that reports its times first, its kind and tags later, and its name last.
    merged = merge_spans(
        spans(
            {"service": "cart", "start_ns": 5, "duration_ns": 2},
            {"service": "cart", "kind": "server", "parent_span_id": 9, "http_status": 500, "status": "error"},
            {"name": "get", "links": [{"trace_id_high": 0, "trace_id_low": 3, "span_id": 4, "kind": "link"}]},
        )
    )
    (row,) = merged.spans.to_pylist()
    assert merged.conflicts == 0
    assert (row["service"], row["start_ns"], row["duration_ns"], row["kind"]) == ("cart", 5, 2, "server")
    assert (row["parent_span_id"], row["http_status"], row["status"], row["name"]) == (9, 500, "error", "get")
    assert row["links"][0]["span_id"] == 4


def test_of_contradicting_spans_the_fuller_is_kept_whole():
    merged = merge_spans(
        spans(
            {"service": "cart", "name": "get", "start_ns": 5, "duration_ns": 2},
            {"service": "stock", "http_route": "/x"},
        )
    )
    assert shown(merged, "service", "name", "http_route") == [("cart", "get", None)]
    assert merged.conflicts == 1
    assert merged.conflict == f"span {1:016x} of trace {7:016x}{1:016x}"


def test_part_of_the_kept_span_still_fills_it_in():
    merged = merge_spans(
        spans(
            {"service": "cart", "name": "get", "start_ns": 5, "duration_ns": 2},
            {"service": "stock"},
            {"service": "cart", "http_route": "/x"},
        )
    )
    assert shown(merged, "service", "name", "http_route") == [("cart", "get", "/x")]
    assert merged.conflicts == 1


def test_of_equally_full_spans_the_first_by_content_is_kept():
    one, other = {"service": "a", "name": "x"}, {"service": "b", "name": "x"}
    for rows in ((one, other), (other, one), (one, other, other, one)):
        merged = merge_spans(spans(*rows))
        assert shown(merged, "service") == [("a",)]
        assert merged.conflicts == 1


def test_coarser_time_is_the_same_time_and_the_finer_is_kept():
    fine = {"name": "x", "start_ns": 1_234_567, "duration_ns": 2_345_678, "time_resolution_ns": 1}
    coarse = {
        "name": "x",
        "start_ns": 1_234_000,
        "duration_ns": 2_345_000,
        "time_resolution_ns": 1_000,
        "http_status": 200,
    }
    merged = merge_spans(spans(coarse, fine))
    assert shown(merged, "start_ns", "duration_ns", "time_resolution_ns", "http_status") == [
        (1_234_567, 2_345_678, 1, 200)
    ]
    assert merged.conflicts == 0
    # 1.3 ms against 1.234567 ms: further apart than a microsecond, which is the step of the coarser clock.
    assert merge_spans(spans({**coarse, "start_ns": 1_300_000}, fine)).conflicts == 1


def test_halves_of_a_shared_span_are_two():
    merged = merge_spans(spans({"shared": True, "service": "b", "start_ns": 6}, {"service": "a", "start_ns": 5}))
    assert shown(merged, "service", "shared") == [("a", False), ("b", True)]


def test_spans_of_one_id_in_two_traces_are_two():
    merged = merge_spans(spans({"trace_id_low": 2, "service": "b"}, {"trace_id_low": 1, "service": "a"}))
    assert shown(merged, "trace_id_low", "service") == [(1, "a"), (2, "b")]


def test_rows_are_sorted_by_trace_start_id_and_half():
    top = 2**64 - 1
    merged = merge_spans(
        spans(
            {"trace_id_high": top, "span_id": 1, "start_ns": 0},
            {"span_id": top, "start_ns": 5},
            {"span_id": 3, "start_ns": -2},
            {"span_id": 2, "start_ns": 5, "shared": True},
            {"span_id": 2, "start_ns": 5},
            {"span_id": 9},
        )
    )
    assert shown(merged, "trace_id_high", "start_ns", "span_id", "shared") == [
        (7, None, 9, False),
        (7, -2, 3, False),
        (7, 5, 2, False),
        (7, 5, 2, True),
        (7, 5, top, False),
        (top, 0, 1, False),
    ]


def test_nothing_is_merged_of_nothing():
    assert merge_spans(spans()).spans.num_rows == 0
    assert merge_logs(logs()).num_rows == 0


TEXT = st.sampled_from([None, "a", "b"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id_low": st.integers(1, 2),
            "span_id": st.integers(1, 3),
            "shared": st.booleans(),
            "service": TEXT,
            "name": TEXT,
            "kind": st.sampled_from(["unspecified", "client", None]),
            "start_ns": st.sampled_from([None, 1_000, 1_001, 2_000]),
            "duration_ns": st.sampled_from([None, 0, 5]),
            "time_resolution_ns": st.sampled_from([1, 1_000]),
            "parent_span_id": st.sampled_from([0, 3]),
            "http_status": st.sampled_from([None, 200]),
            "dropped_children": st.sampled_from([None, 0]),
            "links": st.sampled_from(
                [None, [], [{"trace_id_high": 0, "trace_id_low": 3, "span_id": 4, "kind": "link"}]]
            ),
        }
    ),
    max_size=12,
)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_decides_nothing(rows: list[dict[str, Any]], shuffler: random.Random):
    merged = merge_spans(spans(*rows))
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    again = merge_spans(spans(*shuffled))
    assert again.spans.equals(merged.spans)
    assert (again.conflicts, again.conflict) == (merged.conflicts, merged.conflict)


@given(ROWS)
def test_every_key_has_exactly_one_row_of_what_was_there(rows: list[dict[str, Any]]):
    keys = {(row["trace_id_low"], row["span_id"], row["shared"]) for row in rows}
    merged = merge_spans(spans(*rows)).spans.to_pylist()
    assert sorted((row["trace_id_low"], row["span_id"], row["shared"]) for row in merged) == sorted(keys)
    for row in merged:
        given_rows = [
            one for one in rows if all(one[name] == row[name] for name in ("trace_id_low", "span_id", "shared"))
        ]
        for name in ("service", "name", "http_status", "duration_ns", "start_ns"):
            assert row[name] in {one[name] for one in given_rows}


@given(ROWS)
def test_merging_again_changes_nothing(rows: list[dict[str, Any]]):
    once = merge_spans(spans(*rows))
    twice = merge_spans(tidy([once.spans], once.spans.schema))
    assert twice.spans.equals(tidy([once.spans], once.spans.schema))
    assert twice.conflicts == 0


def test_lines_logged_twice_stay_and_lines_read_twice_go():
    line, other = {"body": "retrying", "time_ns": 5}, {"body": "done", "time_ns": 6}
    # Input 0 has the line twice and one more, input 1 has it once: it was logged twice.
    merged = merge_logs(logs(line, line, other, line, numbers=[0, 0, 0, 1]))
    assert merged["body"].to_pylist() == ["retrying", "retrying", "done"]
    assert merge_logs(logs(line, line)).num_rows == 2
    assert merge_logs(logs(line, line, numbers=[0, 1])).num_rows == 1


def test_log_rows_are_sorted_by_trace_and_time_with_none_first():
    merged = merge_logs(
        logs(
            {"body": "c", "time_ns": 2},
            {"body": "b", "time_ns": -1},
            {"body": "a"},
            {"body": "z", "trace_id_high": 2**64 - 1},
            {"body": "y", "trace_id_high": 0},
            numbers=[0, 1, 0, 1, 0],
        )
    )
    assert merged["body"].to_pylist() == ["y", "a", "b", "c", "z"]


def test_trace_cut_to_64_bits_joins_the_only_whole_id():
    done = assemble(
        spans(
            {"span_id": 1}, {"span_id": 2, "trace_id_high": 0}, {"span_id": 3, "trace_id_high": 0, "trace_id_low": 2}
        ),
        logs({"trace_id_high": 0, "body": "x"}),
    )
    ids = [(row["trace_id_high"], row["trace_id_low"], row["span_id"]) for row in done.spans.to_pylist()]
    assert ids == [(0, 2, 3), (7, 1, 1), (7, 1, 2)]
    assert done.logs["trace_id_high"].to_pylist() == [7]
    assert (done.whole.traces, done.whole.joined) == (2, 2)


def test_trace_cut_to_64_bits_joins_none_of_two():
    done = assemble(
        spans({"span_id": 1}, {"span_id": 1, "trace_id_high": 8}, {"span_id": 2, "trace_id_high": 0}), logs()
    )
    assert (done.whole.traces, done.whole.joined) == (3, 0)


def test_join_finds_exact_duplicates():
    # The same span, once with the whole id and once with half of it, from two inputs.
    done = assemble(spans({"service": "a"}, {"service": "a", "trace_id_high": 0}, numbers=[0, 1]), logs())
    assert (done.whole.spans, done.of_input[0].spans, done.of_input[1].spans) == (1, 1, 1)


def test_counts_are_of_spans_not_of_rows():
    done = assemble(
        spans(
            {"status": "error", "service": "a", "start_ns": 100, "duration_ns": 50},
            {"status": "error", "service": "a", "start_ns": 100, "duration_ns": 50},
            {"span_id": 2, "parent_span_id": 1, "service": "b", "start_ns": 90, "duration_ns": None},
            {"span_id": 3, "trace_id_low": 2, "service": "c"},
            numbers=[0, 1, 1, 1],
        ),
        logs({"body": "x", "service": "d", "time_ns": 3}, numbers=[1]),
    )
    first, second = done.of_input[0], done.of_input[1]
    assert (first.spans, first.traces, first.root_spans, first.error_spans) == (1, 1, 1, 1)
    assert (second.spans, second.traces, second.root_spans, second.error_spans) == (3, 2, 2, 1)
    assert (second.first_ns, second.last_ns, second.first_log_ns) == (90, 150, 3)
    assert second.services == {"a", "b", "c", "d"}
    assert (done.whole.spans, done.whole.traces, done.whole.root_spans, done.whole.error_spans) == (3, 2, 2, 1)
    assert done.whole.logs == 1


def test_conflict_inside_an_input_is_counted_there_and_once_in_all():
    rows = [{"service": "a", "name": "x"}, {"service": "b"}]
    done = assemble(spans(*rows, *rows, numbers=[0, 0, 1, 1]), logs())
    assert [done.of_input[number].conflicts for number in (0, 1)] == [1, 1]
    assert done.whole.conflicts == 1


def test_server_half_of_a_shared_root_is_no_root_unless_alone():
    rows = [{"shared": True, "service": "b"}, {"service": "a"}, {"span_id": 2, "shared": True, "service": "b"}]
    assert assemble(spans(*rows), logs()).whole.root_spans == 2


@pytest.mark.parametrize(("start", "length"), [(2**63 - 5, 100), (-(2**63), 2**63 - 1), (0, 0)])
def test_end_of_huge_times_stays_within_64_bits(start: int, length: int):
    whole = assemble(spans({"start_ns": start, "duration_ns": length}), logs()).whole
    assert whole.last_ns == min(start + length, 2**63 - 1)


def test_tables_without_rows_are_whole():
    done = assemble(travelling("spans", empty_spans(), 0), travelling("logs", empty_logs(), 0))
    assert done.spans.schema.equals(SPAN_SCHEMA)
    assert done.logs.schema.equals(LOG_SCHEMA)
    assert done.of_input == {}


def test_tidy_sorts_dictionaries_and_drops_what_is_not_used():
    one = pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.int32()), pa.array(["z", "unused", "b"]))
    two = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["a", None]))
    schema = pa.schema([("text", pa.dictionary(pa.int32(), pa.string()))])
    column = tidy([pa.table([one], schema=schema), pa.table([two], schema=schema)], schema)["text"]
    assert column.num_chunks == 1
    assert column.chunk(0).dictionary.to_pylist() == ["a", "b", "z"]
    assert column.to_pylist() == ["b", "z", None, "a", None]
    assert np.array_equal(column.chunk(0).indices.fill_null(-1), [1, 2, -1, 0, -1])


def test_number_of_the_input_travels_with_the_row():
    assert spans({}, {"span_id": 2}, numbers=[4, 5])[INPUT].to_pylist() == [4, 5]


def test_a_server_span_with_the_id_of_a_client_span_is_its_half() -> None:
    merged = merge_spans(
        spans(
            {"kind": "client", "service": "shop"},
            {"kind": "server", "service": "cart"},
            {"span_id": 2, "kind": "server", "service": "cart"},
            {"span_id": 2, "kind": "consumer", "service": "mail"},
        )
    )
    # Nobody shares an id with a consumer: one of these two is dropped.
    assert shown(merged, "span_id", "kind", "shared")[:2] == [(1, "client", False), (1, "server", True)]
    assert (merged.spans.num_rows, merged.conflicts) == (3, 1)
