"""Trust: what the telemetry lacks lowers confidence, and is said."""

from __future__ import annotations

import pandas as pd
import pytest

import analysis as an
from analysis.trust import DOUBTS, LOW_SUPPORT_TRACES, NO_CROSSING, Doubt, Trust
from tests.exports import otlp, span
from tests.shop import shop_file

HALF = Doubt(0.5, 0.8, "half of it is lost")


def reviewed(tmp_path, spans):
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans))
    return an.review(an.open_export(path))


def test_a_doubt_costs_its_weight_where_all_is_affected():
    assert HALF.factor == pytest.approx(0.6)
    assert Doubt(2.0, 0.8, "").factor == pytest.approx(0.2)
    assert Doubt(-1.0, 0.8, "").factor == 1


def test_confidence_falls_with_every_doubt_and_with_low_support():
    trust = Trust({}, {"orphans": HALF, "skew": Doubt(1.0, 0.1, "a clock was set")})
    many = LOW_SUPPORT_TRACES
    assert trust.confidence(0.9, (), many) == 0.9
    assert trust.confidence(0.9, ("orphans",), many) == pytest.approx(0.54)
    assert trust.confidence(0.9, ("orphans", "orphans", "skew"), many) == pytest.approx(0.486)
    assert trust.confidence(0.9, (), many - 1) == pytest.approx(0.54)
    assert trust.confidence(0.9, ("no such doubt",), many) == 0.9


def test_reasons_are_told_once_and_in_order():
    trust = Trust({}, {"skew": Doubt(1.0, 0.1, "a clock was set"), "orphans": HALF})
    assert trust.sentences(("skew", "orphans", "skew"), 100) == ("half of it is lost", "a clock was set")
    assert trust.sentences((), 1) == ("low support: seen in 1 trace, fewer than 20",)


def test_whole_telemetry_raises_no_doubt_but_of_what_is_not_said(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")))
    assert result.trust["orphan_share"] == 0
    assert result.trust["skew_corrected_hosts"] == []
    assert result.trust["sampled"] is False
    assert result.trust["attribute_coverage"]["kind"] == 1
    assert set(result.trust_report.doubts) == set()


def test_orphans_are_counted_and_doubted(tmp_path):
    # Of four traces one has lost the span in the middle; all are long before the end of the export.
    minute = 60_000_000_000
    spans = []
    for trace in range(1, 5):
        at = trace * 10 * minute
        spans += [span(trace, 1, start=at, length=5_000), span(trace, 2, 1, kind=1, start=at + 1, length=4_000)]
        parent = 99 if trace == 2 else 2
        spans.append(span(trace, 3, parent, service="cart", start=at + 2, length=3_000))
    result = reviewed(tmp_path, spans)
    # Eight spans name a parent.
    assert result.trust["orphan_spans"] == 1
    assert result.trust["orphan_share"] == 0.125
    doubt = result.trust_report.doubts["orphans"]
    assert doubt.sentence == "12% of the spans that name a parent have lost it: counts are lower bounds"
    assert doubt.factor == pytest.approx(0.9)


def test_spans_that_say_no_kind_are_doubted(tmp_path):
    result = reviewed(tmp_path, [span(1, 1), *(span(1, number, 1, kind=0) for number in range(2, 5))])
    assert result.trust["attribute_coverage"]["kind"] == 0.25
    assert result.trust_report.doubts["kinds"].sentence == "75% of the spans do not say their kind"


def test_services_that_share_no_trace_are_doubted(tmp_path):
    result = reviewed(tmp_path, [span(1, 1), span(2, 2, service="cart")])
    assert result.trust["calls_between_services"] == 0
    assert result.trust_report.doubts["propagation"].sentence == NO_CROSSING


def test_coverage_is_told_for_each_service(tmp_path):
    result = reviewed(tmp_path, [span(1, 1), span(1, 2, 1, kind=0), span(1, 3, 1, service="cart")])
    assert result.coverage.loc["shop", "kind"] == 0.5
    assert result.coverage.loc["cart", "kind"] == 1
    assert pd.isna(result.coverage.loc["cart", "database_text"])


def test_times_in_milliseconds_weaken_what_compares_times():
    coarse = Trust({}, {"resolution": Doubt(1.0, 0.2, "coarse")})
    assert coarse.confidence(1.0, ("skew",), 100) == pytest.approx(0.8)
    assert coarse.confidence(1.0, ("orphans",), 100) == 1
    assert coarse.sentences(("skew",), 100) == ("coarse",)


def test_coarse_times_are_told(tmp_path):
    # Times of Jaeger are microseconds; here both are whole milliseconds, but the export could say more.
    result = reviewed(tmp_path, [span(1, 1, start=5_000_000, length=2_000_000)])
    assert result.trust["coarse_time_share"] == 0
    assert "resolution" not in result.trust_report.doubts
    assert {"propagation", "orphans", "skew", "resolution"} < set(DOUBTS)
