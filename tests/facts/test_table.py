"""Gathering and merging: whatever the partitions, the same table; and each number as a slow count has it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import facts
from analysis._histogram import bucket
from analysis.facts import Field, Occurrences, gather, merge, to_frame
from analysis.facts._grouping import group_by, number_of
from analysis.facts._table import EXEMPLARS, HISTOGRAM
from analysis.forest import Codes, Forest, plant
from tests.benchmarks.generate import generate
from tests.facts.rows import span
from tests.forests import span_table

LARGEST = (1 << 63) - 1
FIELDS = (
    Field("service", pa.string(), "key", "", "text"),
    Field("lost", pa.bool_(), "key", "", "mark"),
    Field("size", pa.int64(), "key", "", "number"),
    Field("spans", pa.int64(), "sum", "spans", "sum of numbers"),
    Field("failed", pa.int64(), "sum", "spans", "sum of marks"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("shortest", pa.int64(), "min", "ns", "smallest"),
    Field("longest", pa.int64(), "max", "ns", "largest"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "span and parent"),
)


def scan(forest: Forest) -> pa.Table:
    """Return a fact with a column of each role."""
    rows = np.arange(forest.size)
    has_parent = forest.parent >= 0
    count = 1 + has_parent.astype(np.int64)
    pairs = np.stack([rows, forest.parent], axis=1).ravel()
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"service": forest.service, "lost": forest.orphan, "size": forest.array("response_size", -7)},
            trace=forest.trace_of,
            sums={
                "spans": forest.multiplicity,
                "failed": forest.error,
                "shortest": forest.duration,
                "longest": forest.duration,
            },
            histograms={"latency": (np.where(forest.has_time, forest.duration, -1), forest.multiplicity)},
            exemplar_value=forest.duration,
            span_offset=np.concatenate([[0], np.cumsum(count)]),
            span_rows=pairs[pairs >= 0],
        ),
    )


durations = st.one_of(st.none(), st.integers(-5, 5), st.integers(0, 10_000), st.sampled_from([LARGEST, 1 << 40]))
spans = st.fixed_dictionaries(
    {
        "service": st.sampled_from([None, "", "a", "b", "é"]),
        "parent_span_id": st.integers(0, 9),
        "start_ns": st.one_of(st.none(), st.integers(0, 3), st.integers(0, 10**18)),
        "duration_ns": durations,
        "status": st.sampled_from(["unset", "error", None]),
        "multiplicity": st.sampled_from([None, 0, 1, 3]),
        "response_size": st.sampled_from([None, -(1 << 62), 0, 1, 1 << 62]),
    }
)
traces = st.lists(st.lists(spans, min_size=1, max_size=6), max_size=9)


def table_of(some: Sequence[tuple[int, Sequence[Mapping[str, Any]]]]) -> pa.Table:
    return span_table(
        {**row, "span_id": number + 1, "trace_id_high": trace % 2 * (1 << 63), "trace_id_low": trace + 1}
        for trace, rows in some
        for number, row in enumerate(rows)
    )


@settings(max_examples=60)
@given(traces, st.randoms(use_true_random=False))
def test_partitions_make_no_difference(found, random):
    numbered = list(enumerate(found))
    whole = merge(FIELDS, [scan(plant(table_of(numbered)))])
    assert scan(plant(table_of(numbered))).equals(whole)
    for count in (3, 7):
        homes = [random.randrange(count) for _ in numbered]
        parts = [
            scan(plant(table_of([one for one, home in zip(numbered, homes, strict=True) if home == number])))
            for number in range(count)
        ]
        assert merge(FIELDS, parts).equals(whole)
        random.shuffle(parts)
        assert merge(FIELDS, parts).equals(whole)
        nested = merge(FIELDS, [merge(FIELDS, parts[:2]), parts[2], merge(FIELDS, parts[3:])])
        assert nested.equals(whole)


@settings(max_examples=60)
@given(traces)
def test_keys_of_combinations_are_keys_of_occurrences(found):
    forest = plant(table_of(list(enumerate(found))))
    size = forest.array("response_size", -7)
    combination, first = number_of((forest.service, forest.orphan, size), forest.size)
    plain = Occurrences(
        keys={"service": forest.service, "lost": forest.orphan},
        trace=forest.trace_of,
        sums={"spans": forest.multiplicity},
        histograms={},
    )
    keys = {"service": Codes(forest.service.codes[first], forest.service.values), "lost": forest.orphan[first]}
    fields = [field for field in FIELDS if field.name in ("service", "lost", "spans", "traces")]
    assert gather(fields, forest, replace(plain, keys=keys, combination=combination)).equals(
        gather(fields, forest, plain)
    )


@settings(max_examples=60)
@given(traces)
def test_numbers_are_those_of_a_slow_count(found):
    forest = plant(table_of(list(enumerate(found))))
    members: dict[tuple[str, bool, int], list[int]] = defaultdict(list)
    for row in range(forest.size):
        service = forest.service.codes[row]
        name = forest.service.values[service] if service >= 0 else ""
        members[name, bool(forest.orphan[row]), int(forest.array("response_size", -7)[row])].append(row)
    frame = to_frame(FIELDS, scan(forest))
    assert list(zip(frame.service, frame.lost, frame["size"], strict=True)) == sorted(members)
    for group, key in enumerate(sorted(members)):
        rows, cells = members[key], frame.iloc[group]
        lasts = [int(forest.duration[row]) for row in rows]
        assert cells.spans == sum(int(forest.multiplicity[row]) for row in rows)
        assert cells.failed == sum(bool(forest.error[row]) for row in rows)
        assert cells.traces == len({int(forest.trace_of[row]) for row in rows})
        assert (cells.shortest, cells.longest) == (min(lasts), max(lasts))
        counted: dict[int, int] = defaultdict(int)
        for row, last in zip(rows, lasts, strict=True):
            if forest.has_time[row] and last >= 0:
                counted[bucket(last)] += int(forest.multiplicity[row])
        assert dict(zip(cells.latency.buckets.tolist(), cells.latency.counts.tolist(), strict=True)) == counted
        assert [example.span_ids[0] for example in cells.exemplars] == [
            forest.span_id(row) for row in slowly_chosen(forest, rows)
        ]


def slowly_chosen(forest: Forest, rows: list[int]) -> list[int]:
    """Return the worst, the latest and the first of each half octave; among equals the first by trace, value, span."""

    def order(row: int) -> tuple[Any, ...]:
        return forest.trace_id(int(forest.trace_of[row])), int(forest.duration[row]), forest.span_id(row), row

    ordered = sorted(rows, key=order)
    steps: dict[int, int] = {}
    for row in ordered:
        value = int(forest.duration[row]) + 1
        # Twice the logarithm, rounded down, is the logarithm of the square.
        steps.setdefault((value * value).bit_length() - 1, row)
    worst = max(ordered, key=lambda row: int(forest.duration[row]))
    latest = max(ordered, key=lambda row: int(forest.trace_start_ns[forest.trace_of[row]]))
    return sorted({*steps.values(), worst, latest}, key=order)


#: What generated spans do not do: go back, poll a table, write several stores in one request. For these facts the
#: recordings of the shop, partitioned too (tests/samples/test_partitions.py), say what the generated spans cannot.
UNSEEN = {"polls", "request_writes", "revisits"}


def _connecting(table: pa.Table) -> pa.Table:
    """Let the calls of stores take a connection, which generated spans do not."""
    made = {"operation": pa.array(["connect"] * table.num_rows).dictionary_encode()}
    for column in ("db_statement", "db_collection"):
        made[column] = pa.nulls(table.num_rows, pa.string()).dictionary_encode()
    for column, values in made.items():
        if column in table.column_names:
            place = table.column_names.index(column)
            table = table.set_column(place, column, values.cast(table.schema.field(column).type))
    return table


@pytest.mark.parametrize("name", facts.discover())
def test_partitions_make_no_difference_to_any_fact(name):
    fact = facts.discover()[name]
    table = generate(5_000, seed=5)
    if name == "pool_waits":
        table = _connecting(table)
    forest = plant(table)
    whole = fact.scan(forest)
    assert merge(fact.FIELDS, [whole]).equals(whole)
    # No logs are generated: what is made of them is held on recordings, in one partition and in seven.
    assert whole.num_rows or name in UNSEEN or getattr(fact, "LOG_COLUMNS", ())
    for count in (3, 7):
        cuts = [int(forest.trace_offset[forest.trace_count * part // count]) for part in range(count + 1)]
        parts = [fact.scan(plant(table.slice(first, last - first))) for first, last in pairwise(cuts)]
        assert merge(fact.FIELDS, parts[::-1]).equals(whole)


def test_nothing_merges_to_nothing():
    assert merge(FIELDS, []).num_rows == 0
    empty = scan(plant(span_table([])))
    assert empty.num_rows == 0
    assert merge(FIELDS, [empty, empty]).equals(empty)
    assert list(to_frame(FIELDS, empty).columns) == [item.name for item in FIELDS]


def test_sums_are_held_at_the_largest_integer():
    rows = [{"span_id": number, "start_ns": 0, "duration_ns": 1, "multiplicity": LARGEST} for number in (1, 2, 3)]
    table = scan(plant(span_table(rows)))
    assert table["spans"].to_pylist() == [LARGEST]
    assert merge(FIELDS, [table, table])["spans"].to_pylist() == [LARGEST]
    assert to_frame(FIELDS, table).latency[0].counts.tolist() == [LARGEST]


def test_no_service_and_a_service_without_a_name_are_one():
    table = scan(plant(span_table([span(1, service=None), span(2, service=""), span(3)])))
    assert table["service"].to_pylist() == ["", "shop"]
    assert table["spans"].to_pylist() == [2, 1]


def test_a_fact_with_exemplars_says_what_it_lacks():
    forest = plant(span_table([span(1)]))
    seen = Occurrences(keys={"service": forest.service}, trace=forest.trace_of, sums={}, histograms={})
    with pytest.raises(ValueError, match="exemplar_value"):
        gather([FIELDS[0], FIELDS[-1]], forest, seen)


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.integers(-1, 40)] * 12), max_size=40))
def test_any_number_of_columns_is_combined(rows):
    # Twelve columns of 100,001 codes each are more combinations than an integer can number.
    values = tuple(f"{number:06}" for number in range(100_000))
    columns = np.array(rows, np.int32).reshape(-1, 12)
    keys = {str(index): Codes(columns[:, index], values) for index in range(12)}
    number, first = number_of(tuple(keys.values()), len(rows))
    assert [rows[place] for place in first] == list(dict.fromkeys(rows))
    assert [rows[first[place]] for place in number] == rows
    groups = group_by(keys, len(rows))
    distinct = sorted(set(rows))
    assert [distinct[place] for place in groups.of_row] == rows
    assert groups.count == len(distinct)


@given(st.lists(st.integers(-(1 << 63), LARGEST), max_size=50))
def test_any_integers_are_keys(values):
    groups = group_by({"value": np.array(values, np.int64)}, len(values))
    assert groups.keys["value"].to_pylist() == sorted(set(values))
    assert [groups.keys["value"].to_pylist()[place] for place in groups.of_row] == values


def test_colliding_keys_stay_near_linear():
    # Multiples of the inverse of the hash's factor would all fall into few slots, were only its lowest bits taken.
    inverse = pow(0x9E3779B97F4A7C15, -1, 1 << 64)
    values = np.array([(step << 40) * inverse % (1 << 64) for step in range(20_000)], np.uint64).view(np.int64)
    assert group_by({"value": values}, len(values)).count == 20_000


def test_scaled_and_separated_columns_are_shown_so():
    fields = (
        Field("path", pa.string(), "key", "", "parts", separator="/"),
        Field("share", pa.int64(), "max", "0..1", "hundredths", scale=0.01),
    )
    frame = to_frame(fields, pa.table({"path": ["a/b", "c"], "share": [50, 100]}))
    assert frame.path.tolist() == [("a", "b"), ("c",)]
    assert [math.isclose(value, expected) for value, expected in zip(frame["share"], (0.5, 1.0), strict=True)] == [
        True,
        True,
    ]
