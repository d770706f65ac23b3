from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis._columns import Columns

FILL = 7
PIECES = st.lists(st.lists(st.none() | st.integers(0, 99), max_size=20), max_size=3)
TYPES = [pa.int16(), pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.bool_()]


def chunked(pieces, kind, cut):
    """Return a column whose chunks begin somewhere inside the memory that they lie in."""
    chunks = []
    for piece in pieces:
        values = [None if one is None else one % 2 == 1 for one in piece] if kind == pa.bool_() else piece
        chunks.append(pa.array([*values[:cut], *values], kind).slice(len(values[:cut])))
    return pa.table({"column": pa.chunked_array(chunks, kind)})


@pytest.mark.parametrize("kind", TYPES, ids=str)
@given(pieces=PIECES, cut=st.integers(0, 9))
def test_nulls_are_filled_wherever_a_chunk_begins(kind, pieces, cut):
    table = chunked(pieces, kind, cut)
    found = Columns(table).array("column", FILL)
    fill = True if kind == pa.bool_() else FILL
    assert found.tolist() == [fill if value is None else value for value in table["column"].to_pylist()]
    assert found.flags.c_contiguous
    assert found.flags.writeable


@given(pieces=PIECES, cut=st.integers(0, 9))
@pytest.mark.parametrize("index", [pa.int8(), pa.int32()], ids=str)
def test_codes_stand_for_the_texts_wherever_a_chunk_begins(index, pieces, cut):
    kind = pa.dictionary(index, pa.string())
    chunks = []
    for piece in pieces:
        texts = [None if one is None else f"text {one % 5}" for one in piece]
        chunks.append(pa.array([*texts[:cut], *texts], pa.string()).dictionary_encode().cast(kind)[len(texts[:cut]) :])
    table = pa.table({"column": pa.chunked_array(chunks, kind)})
    codes = Columns(table).codes("column")
    told = [codes.values[code] if code >= 0 else None for code in codes.codes.tolist()]
    assert told == table["column"].to_pylist()
    assert tuple(Columns(table).texts("column").to_pylist()) == codes.values


def test_texts_are_those_of_the_codes_where_a_dictionary_holds_a_null_or_one_twice():
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3]), pa.array(["a", None, "b", "a"]))
    columns = Columns(pa.table({"column": dictionary}))
    assert columns.codes("column").codes.tolist() == [0, -1, 1, 0]
    assert columns.texts("column").to_pylist() == ["a", "b"]
