"""Rows of a fact as arrays: the same as pandas makes of them, group by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis._histogram import Histogram
from analysis.detectors._rows import Rows
from analysis.facts import Exemplar, Field, to_frame
from analysis.facts._table import EXEMPLARS, HISTOGRAM

FIELDS = (
    Field("service", pa.string(), "key", "", "a text"),
    Field("minute", pa.int64(), "key", "min", "a number"),
    Field("slow", pa.bool_(), "key", "", "a mark"),
    Field("calls", pa.int64(), "sum", "calls", "a sum"),
    Field("latency", HISTOGRAM, "histogram", "ns", "a histogram"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "exemplars"),
)
#: Service, minute, slow, calls, and the buckets of the latency with their counts.
ROWS = (
    ("cart", 1, False, 3, {4: 1, 6: 2}),
    ("cart", 2, True, 5, {}),
    ("auth", 1, False, 7, {6: 3}),
    ("cart", 1, True, 11, {5: 1}),
)


@pytest.fixture
def frame():
    example = {"trace_id_high": 0, "trace_id_low": 1, "start_ns": 0, "span_ids": []}
    columns = {
        "service": [row[0] for row in ROWS],
        "minute": [row[1] for row in ROWS],
        "slow": [row[2] for row in ROWS],
        "calls": [row[3] for row in ROWS],
        "latency": pa.array(
            [[{"bucket": one, "count": many} for one, many in row[4].items()] for row in ROWS], HISTOGRAM
        ),
        "exemplars": pa.array([[example | {"value": row[3]}] for row in ROWS], EXEMPLARS),
    }
    return to_frame(FIELDS, pa.table(columns, schema=pa.schema([(item.name, item.type) for item in FIELDS])))


def held(histogram):
    return dict(zip(histogram.buckets.tolist(), histogram.counts.tolist(), strict=True))


def test_columns_are_arrays_and_rows_are_chosen_by_marks_places_and_values(frame):
    rows = Rows(frame)
    assert len(rows) == 4
    assert "calls" in rows
    assert "nobody" not in rows
    assert rows["calls"].tolist() == [3, 5, 7, 11]
    few = rows.only(rows["calls"] > 3)
    assert few["service"].tolist() == ["cart", "auth", "cart"]
    assert few.only(np.array([2, 0]))["calls"].tolist() == [11, 5]
    assert rows.where(service="cart", minute=1)["calls"].tolist() == [3, 11]
    assert few.among("service", ["auth", "nobody"]).tolist() == [False, True, False]
    assert few.only(few["calls"] > 100).total("calls") == 0


def test_groups_ascend_by_their_keys_and_keep_the_order_of_rows(frame):
    groups = [(key, group["calls"].tolist()) for key, group in Rows(frame).groups("service", "minute")]
    assert groups == [(("auth", 1), [7]), (("cart", 1), [3, 11]), (("cart", 2), [5])]
    slow = Rows(frame).where(slow=True)
    assert [(key, group["calls"].tolist()) for key, group in slow.groups("minute")] == [((1,), [11]), ((2,), [5])]
    assert list(slow.where(service="auth").groups("service")) == []


@pytest.mark.parametrize("names", [("service",), ("minute", "slow"), ("slow", "service", "minute")])
def test_groups_are_those_of_pandas(frame, names):
    expected = {key: group["calls"].tolist() for key, group in frame.groupby(list(names), sort=True)}
    found = {key: group["calls"].tolist() for key, group in Rows(frame).groups(*names)}
    assert list(found.items()) == list(expected.items())


def test_histograms_add_up_and_exemplars_follow_their_rows(frame):
    rows = Rows(frame)
    assert held(rows.histogram("latency")) == {4: 1, 5: 1, 6: 5}
    assert held(rows.where(service="cart", minute=2).histogram("latency")) == {}
    trace = "0" * 31 + "1"
    assert rows.where(minute=1).only(np.array([2, 1])).exemplars == (
        Exemplar(11, trace, 0, ()),
        Exemplar(7, trace, 0, ()),
    )


def test_entries_of_histograms_are_the_same_however_the_column_was_made(frame):
    column = frame["latency"].array
    made = type(column).of([Histogram.from_buckets(np.array([5, 4]), np.array([2, 1])), Histogram()])
    assert [part.tolist() for part in made.entries()] == [[0, 0], [4, 5], [1, 2]]
    assert [part.tolist() for part in column.take([2, 0]).entries()] == [[0, 1, 1], [6, 4, 6], [3, 1, 2]]
    missing = column.take([1, -1], allow_fill=True)
    assert [part.tolist() for part in missing.entries()] == [[], [], []]


def test_of_no_rows_nothing_is_told():
    rows = Rows(pd.DataFrame({"service": pd.Series([], dtype="str"), "calls": np.zeros(0, np.int64)}))
    assert list(rows.groups("service")) == []
    assert rows.total("calls") == 0
