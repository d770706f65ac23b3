"""Histograms and exemplars in DataFrames: the same cells, whatever pandas does with their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis._histogram import Histogram
from analysis.facts import Exemplar, Field, to_frame
from analysis.facts._table import EXEMPLARS, HISTOGRAM

FIELDS = (
    Field("name", pa.string(), "key", "", "a key"),
    Field("latency", HISTOGRAM, "histogram", "ns", "a histogram"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "exemplars"),
)
CELLS = [[(3, 2)], [], [(1, 5), (9, 1)]]


@pytest.fixture
def frame():
    example = {"value": 7, "trace_id_high": 1, "trace_id_low": 255, "start_ns": 42, "span_ids": [16, 17]}
    columns = {
        "name": ["a", "b", "c"],
        "latency": pa.array([[{"bucket": one, "count": many} for one, many in cell] for cell in CELLS], HISTOGRAM),
        "exemplars": pa.array([[example], [], [example | {"span_ids": []}, example]], EXEMPLARS),
    }
    table = pa.table(columns)
    # Cells of a slice are those of the slice.
    return to_frame(FIELDS, pa.concat_tables([table, table]).slice(3))


def seen(cells):
    return [list(zip(cell.buckets.tolist(), cell.counts.tolist(), strict=True)) for cell in cells]


EXAMPLE = Exemplar(7, "0000000000000001" + "00000000000000ff", 42, ("0000000000000010", "0000000000000011"))
BARE = Exemplar(7, EXAMPLE.trace_id, 42, ())


def test_cells_are_those_of_the_table(frame):
    assert seen(frame["latency"]) == CELLS
    assert frame["exemplars"].tolist() == [(EXAMPLE,), (), (BARE, EXAMPLE)]
    assert frame["latency"][0] == Histogram(np.array([3], np.int32), np.array([2]))
    assert frame["latency"].iloc[2].counts.flags.writeable


def test_rows_are_chosen_sorted_and_put_together(frame):
    assert seen(frame[frame["name"] != "b"]["latency"]) == [CELLS[0], CELLS[2]]
    assert seen(frame.sort_values("name", ascending=False)["latency"]) == CELLS[::-1]
    assert seen(frame.iloc[1:]["latency"]) == CELLS[1:]
    assert seen(pd.concat([frame, frame.iloc[:1]])["latency"]) == [*CELLS, CELLS[0]]
    other = frame.assign(latency=[Histogram()] * 3)
    assert seen(pd.concat([frame, other])["latency"]) == [*CELLS, [], [], []]
    parts = {key: seen(part["latency"]) for key, part in frame.groupby("name")}
    assert parts == {"a": CELLS[:1], "b": CELLS[1:2], "c": CELLS[2:]}
    assert [seen([row.latency])[0] for row in frame.itertuples()] == CELLS
    assert [seen([row["latency"]])[0] for row in frame.to_dict("records")] == CELLS


def test_what_is_made_of_cells_has_its_own_type(frame):
    assert frame["latency"].map(lambda cell: cell.count).tolist() == [2, 0, 6]
    assert frame["exemplars"].map(len).sum() == 3
    assert frame.groupby("name")["latency"].agg(lambda cells: Histogram.merged(cells).count).tolist() == [2, 0, 6]
    assert frame["exemplars"].to_numpy().tolist() == [(EXAMPLE,), (), (BARE, EXAMPLE)]
    assert frame["exemplars"][:1].to_numpy().shape == (1,)
    assert frame["exemplars"].astype(object).tolist() == frame["exemplars"].tolist()


def test_rows_without_a_partner_have_no_cell(frame):
    joined = pd.DataFrame({"name": ["c", "z"]}).merge(frame, on="name", how="left")
    assert joined["latency"].isna().tolist() == [False, True]
    assert seen(joined["latency"][:1]) == [CELLS[2]]


def test_equal_cells_are_equal(frame):
    assert (frame["latency"] == frame["latency"].iloc[0]).tolist() == [True, False, False]
    pd.testing.assert_frame_equal(frame, frame.copy())


def test_as_an_array_each_cell_is_one_object(frame):
    plain = frame["exemplars"].to_numpy()
    assert (plain.dtype, plain.shape) == (np.dtype(object), (3,))
    assert plain.tolist() == [(EXAMPLE,), (), (BARE, EXAMPLE)]
