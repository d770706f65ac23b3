"""Trust: what the telemetry lacks lowers confidence, and is said."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import analysis as an
from analysis.doubts import weighed
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
    # Its failed calls say a status code, and there are no log records.
    assert set(result.trust_report.doubts) == {"error_types", "logs"}


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


def counts(**some):
    """Counts of a service without a blemish, but for some; every spans-like count is 100."""
    whole = ("spans", "with_kind", "with_parent", "clients", "with_peer", "data_calls", "with_statement", "lines")
    whole += ("joined", "http_servers", "with_route", "messages", "with_destination", "errors", "with_error_type")
    none = ("lost", "weighted", "compressed", "dropped", "truncated", "old_conventions", "coarse")
    none += ("corrected_clocks", "uncrossed")
    return dict.fromkeys(whole, 100) | dict.fromkeys(none, 0) | some


def test_the_guide_says_what_each_doubt_costs():
    page = (Path(__file__).parent.parent / "notebooks" / "guide" / "trust.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (\d+) % \|$", page, re.MULTILINE)
    blemishes = {"uncrossed": 1, "corrected_clocks": 1}
    blemishes |= dict.fromkeys(("lost", "weighted", "compressed", "truncated", "old_conventions", "coarse"), 100)
    blemishes |= dict.fromkeys(("with_statement", "with_kind", "with_peer", "with_route"), 0)
    blemishes |= dict.fromkeys(("with_destination", "with_error_type", "joined"), 0)
    worst = counts(**blemishes)
    costs = {name: round(100 * doubt.weight) for name, doubt in weighed(worst).items()}
    assert [(name, int(cost)) for name, cost in rows] == [(name, costs[name]) for name in DOUBTS]


def test_a_count_without_a_blemish_raises_no_doubt():
    assert weighed(counts()) == {}


@pytest.mark.parametrize(
    ("name", "some", "share", "factor"),
    [
        ("propagation", {"uncrossed": 1}, 1.0, 0.5),
        ("orphans", {"lost": 25}, 0.25, 0.8),
        ("sampling", {"weighted": 50}, 0.5, 0.85),
        ("compressed", {"compressed": 50}, 0.5, 0.75),
        ("truncated_statements", {"truncated": 20}, 0.2, 0.9),
        ("statements", {"with_statement": 75}, 0.25, 0.9),
        ("kinds", {"with_kind": 50}, 0.5, 0.7),
        ("peers", {"with_peer": 50}, 0.5, 0.8),
        ("routes", {"with_route": 50}, 0.5, 0.9),
        ("destinations", {"with_destination": 50}, 0.5, 0.8),
        ("error_types", {"with_error_type": 50}, 0.5, 0.9),
        ("conventions", {"old_conventions": 100}, 1.0, 0.95),
        ("logs", {"joined": 50}, 0.5, 0.95),
        ("logs", {"lines": 0, "joined": 0}, 1.0, 0.9),
        ("skew", {"corrected_clocks": 2}, 1.0, 0.9),
        ("resolution", {"coarse": 50}, 0.5, 0.9),
    ],
)
def test_each_doubt_is_weighed_by_what_was_counted(name, some, share, factor):
    found = weighed(counts(**some))
    assert list(found) == [name]
    assert found[name].share == pytest.approx(share)
    assert found[name].factor == pytest.approx(factor)


def test_a_statement_is_gated_by_the_services_that_it_is_about():
    # Half of what cart's spans descend from is lost; web's traces are whole.
    by_service = {"cart": counts(lost=50), "web": counts()}
    trust = Trust({}, weighed(counts(lost=25)), by_service)
    assert trust.of(("cart",)).confidence(1.0, ("orphans",), 100) == pytest.approx(0.6)
    assert trust.of(("web",)).confidence(1.0, ("orphans",), 100) == 1
    # Together 50 of 200; what is not known of, a database say, changes nothing.
    assert trust.of(("cart", "web", "postgresql")).confidence(1.0, ("orphans",), 100) == pytest.approx(0.8)
    assert trust.of(()).confidence(1.0, ("orphans",), 100) == pytest.approx(0.8)
    assert trust.of(("cart",)).sentences(("orphans",), 100) == (
        "in cart, 50% of the spans that name a parent have lost it: counts are lower bounds",
    )


def test_what_one_service_loses_weakens_its_findings_only(tmp_path):
    # Both ask their database ten times a request; of what cart does, every second parent is not in the export.
    minute = 60_000_000_000
    spans = []
    for trace in range(1, 41):
        at = trace * 10 * minute
        for service, first in (("web", 1), ("cart", 101)):
            lost = service == "cart" and trace % 2
            spans.append(span(trace, first, 99 if lost else 0, service=service, start=at, length=900_000_000))
            spans += [
                span(
                    trace,
                    first + number,
                    first,
                    service=service,
                    kind=3,
                    start=at + number * 50_000_000,
                    length=20_000_000,
                    attributes={"db.system.name": "postgresql", "db.query.text": f"SELECT a FROM b WHERE c = {number}"},
                )
                for number in range(1, 11)
            ]
    result = reviewed(tmp_path, spans)
    web = result.finding("n_plus_one_queries", service="web")
    cart = result.finding("n_plus_one_queries", service="cart")
    assert cart.confidence < web.confidence
    assert any(sentence.startswith("in cart, ") and "lost" in sentence for sentence in cart.considered)
    assert not any("lost it" in sentence for sentence in web.considered)


def test_what_a_review_was_gated_by_is_kept(tmp_path):
    result = reviewed(tmp_path, [span(1, 1), span(1, 2, 1, kind=0), span(1, 3, 1, service="cart")])
    kept = an.open_review(result.save(tmp_path / "kept")).trust_report
    assert kept == result.trust_report
