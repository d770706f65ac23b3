"""Every fact on forests that no program makes on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis import facts, schema
from analysis.facts import merge, to_frame, with_plain_texts
from analysis.forest import Forest, plant
from analysis.schema import SPAN_SCHEMA, empty_spans
from tests.benchmarks.generate import generate
from tests.facts.rows import query, span
from tests.forests import DEFAULTS, span_table

FACTS = facts.discover()
LARGEST = (1 << 63) - 1
KINDS = schema.KINDS


def shown(name: str, planted: Forest) -> Any:
    fact = FACTS[name]
    scanned = fact.scan(planted)
    merged = merge(fact.FIELDS, [scanned])
    plain = with_plain_texts(fact.FIELDS, scanned).schema
    assert plain == pa.schema([(item.name, item.type) for item in fact.FIELDS])
    assert scanned.schema == merged.schema
    assert merged.equals(scanned)
    return to_frame(fact.FIELDS, merged)


@pytest.mark.parametrize("name", FACTS)
def test_an_empty_partition_has_no_facts(name):
    assert len(shown(name, plant(empty_spans()))) == 0


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("row", [span(1), query(1, 0), span(1, parent=1), {"span_id": 1}], ids=repr)
def test_one_row_is_a_partition(name, row):
    frame = shown(name, plant(span_table([row])))
    assert (frame["traces"] == 1).all() if "traces" in frame else (frame.get("lines", frame) == 0).all(axis=None)


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_reads_the_columns_it_names(name):
    columns = (*facts.columns_of([FACTS[name]]), *plant_columns())
    table = generate(1_500, seed=4)
    assert FACTS[name].scan(plant(table.select(list(dict.fromkeys(columns))))).equals(FACTS[name].scan(plant(table)))


def plant_columns() -> tuple[str, ...]:
    from analysis.forest import COLUMNS

    return COLUMNS


@pytest.mark.parametrize("name", FACTS)
def test_columns_without_values_are_no_obstacle(name, without_a_column):
    for planted in without_a_column:
        shown(name, planted)


# One forest is for all facts, as in a review.
@pytest.fixture(scope="module")
def without_a_column() -> list[Forest]:
    table = generate(400, seed=9)
    planted = []
    for column in SPAN_SCHEMA.names:
        if column not in (*DEFAULTS, "span_id", "trace_id_low"):
            place = table.schema.get_field_index(column)
            nothing = pa.nulls(table.num_rows, SPAN_SCHEMA.field(column).type)
            planted.append(plant(table.set_column(place, SPAN_SCHEMA.field(column), nothing)))
    return planted


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("duration_ns", [-LARGEST - 1, -1, 0, None, LARGEST])
def test_sums_of_hostile_times_are_not_below_zero(name, duration_ns):
    starts = [None, 0, -LARGEST - 1, LARGEST, 1_767_225_600_000_000_000]
    rows = [
        {**make(10 * trace + number, parent), "trace_id_low": trace + 1, "start_ns": start, "duration_ns": duration_ns}
        for trace, start in enumerate(starts)
        for number, parent, make in hostile_tree(10 * trace)
    ]
    frame = shown(name, plant(span_table(rows)))
    for item in FACTS[name].FIELDS:
        if item.role == "sum":
            assert (frame[item.name] >= 0).all(), item.name


def hostile_tree(base: int) -> list[tuple[int, int, Any]]:
    """Return number, parent and maker of a few spans that fail, repeat and call elsewhere."""

    def failed_server(number: int, parent: int) -> dict[str, Any]:
        return span(number, parent, service="cart", status="error", multiplicity=LARGEST)

    def failed_query(number: int, parent: int) -> dict[str, Any]:
        return query(number, parent, service="cart", status="error", weight=1e300)

    servers = [(1, 0, span), (2, base + 1, failed_server)]
    return [*servers, *((3 + number, base + 2, failed_query) for number in range(5))]


def wide(count: int, **columns: np.ndarray) -> pa.Table:
    """Return a table of many spans of one trace, all of them failed."""
    texts = {"service": "shop", "kind": "server", "operation": "GET /cart", "category": "http", "status": "error"}
    arrays = []
    for field in SPAN_SCHEMA:
        text = pa.types.is_dictionary(field.type)
        if field.name in columns and text:
            values = pa.array([f"{field.name}-{number}" for number in range(int(columns[field.name].max()) + 1)])
            arrays.append(pa.DictionaryArray.from_arrays(pa.array(columns[field.name].astype(np.int32)), values))
        elif field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif field.name in texts:
            arrays.append(pa.repeat(pa.scalar(texts[field.name]), count).dictionary_encode())
        elif field.name in DEFAULTS:
            arrays.append(pa.repeat(pa.scalar(DEFAULTS[field.name], field.type), count))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.table(arrays, schema=SPAN_SCHEMA)


def numbered(count: int) -> dict[str, np.ndarray]:
    place = np.arange(count)
    return {"span_id": place + 1, "start_ns": place, "duration_ns": np.full(count, 2 * count) - place}


# None of these is timed: a loop that is quadratic in one of them would run for hours.


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTS)
def test_a_span_may_have_a_million_children(name, a_million_children):
    shown(name, a_million_children)


@pytest.fixture(scope="module")
def a_million_children() -> Forest:
    count = 1_000_000
    parents = np.minimum(np.arange(count), 1)
    services = np.arange(count) % 3
    return plant(wide(count, **numbered(count), parent_span_id=parents, service=services))


@pytest.mark.parametrize("name", FACTS)
def test_a_trace_may_be_a_hundred_thousand_deep(name, a_hundred_thousand_deep):
    shown(name, a_hundred_thousand_deep)


@pytest.fixture(scope="module", params=[1, 2, 40], ids="{}-services".format)
def a_hundred_thousand_deep(request: pytest.FixtureRequest) -> Forest:
    count, services = 100_000, request.param
    return plant(wide(count, **numbered(count), parent_span_id=np.arange(count), service=np.arange(count) % services))


@pytest.mark.parametrize("name", FACTS)
def test_many_spans_may_hang_below_a_deep_visit(name, many_below_a_deep_visit):
    shown(name, many_below_a_deep_visit)


@pytest.fixture(scope="module")
def many_below_a_deep_visit() -> Forest:
    count = 100_000
    parents = np.minimum(np.arange(count), count // 2)
    services = (np.arange(count) > count // 2).astype(np.int64) * (1 + np.arange(count) % 5)
    kinds = np.zeros(count)
    return plant(wide(count, **numbered(count), parent_span_id=parents, service=services, kind=kinds))
