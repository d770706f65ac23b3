"""Spans of exemplar traces: corrected, complete, and without values."""

from __future__ import annotations

import analysis as an
from analysis.exemplars import VALUES, as_dataset
from analysis.schema import SPAN_SCHEMA, SPANS
from tests.shop import shop_file


def test_every_column_that_holds_values_is_emptied(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")))
    spans = result.exemplar_spans
    assert spans.schema.equals(SPAN_SCHEMA)
    assert spans.num_rows == 12 * len({item.trace_id for one in result.finding_objects for item in one.exemplars})
    for name in VALUES:
        assert spans[name].null_count == spans.num_rows, name
    assert spans["name"].to_pylist() == spans["operation"].to_pylist()
    holding = {column.name for column in SPANS if "holds values" in column.meaning}
    assert holding <= set(VALUES)


def test_no_finding_needs_no_span(tmp_path):
    from tests.exports import otlp, span

    path = tmp_path / "one.json"
    path.write_bytes(otlp([span(1, 1)]))
    result = an.review(an.open_export(path), only=["shared_table"])
    assert result.exemplar_spans.num_rows == 0
    assert as_dataset(result.exemplar_spans).totals.traces == 0
    assert len(result.traces.spans()) == 0
