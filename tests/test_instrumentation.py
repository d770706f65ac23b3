"""What to instrument next: ranked by what it would resolve."""

from __future__ import annotations

import pandas as pd

import analysis as an
from analysis.findings import Assessment
from analysis.trust import Doubt, Trust
from tests.claims import finding
from tests.exports import otlp, span
from tests.facts.rows import read
from tests.facts.rows import span as row
from tests.shop import shop_file


class Result:
    def __init__(self, assessments, trust=None, facts=None):
        self.assessments_made = tuple(assessments)
        self.finding_objects = tuple(item for answer in assessments for item in answer.findings)
        self.trust_report = trust or Trust()
        self.facts = facts or {}


def test_what_resolves_most_comes_first():
    weak = finding(confidence=0.4, considered=("half of it is lost",))
    table = an.instrument_next(
        Result(
            [
                Assessment("a", "chatty", "not_assessable", missing=("events",)),
                Assessment("b", "chatty", "not_assessable", missing=("events", "instance ids")),
                Assessment("c", "chatty", "found", (weak,), missing=("instance ids",)),
                Assessment("d", "chatty", "not_found"),
            ],
            Trust({}, {"kinds": Doubt(1.0, 0.2, "half of it is lost"), "skew": Doubt(1.0, 0.1, "no finding minds")}),
        )
    )
    assert list(table["instrument"]) == ["events", "instance ids", "Record the kind of each span: half of it is lost"]
    # Two answers; one answer and a quarter for one that it would complete; 0.4 / 0.8 - 0.4.
    assert list(table["worth"]) == [2.0, 1.25, 0.1]
    assert list(table["answers"]) == [("a", "b"), ("b",), ()]
    assert list(table["strengthens"]) == [0, 0, 1]


def test_services_that_lack_it_most_are_named():
    facts = {
        "coverage": read(
            "coverage",
            row(1, trace_id_low=1),
            row(1, trace_id_low=2, service="cart"),
            row(2, 1, trace_id_low=2, service="cart"),
            row(1, trace_id_low=3, service="mail", http_route="/mails"),
        )
    }
    missing = Assessment("a", "chatty", "not_assessable", missing=("http.route on servers",))
    assert list(an.instrument_next(Result([missing], facts=facts))["where"]) == ["cart, shop"]


def test_where_nothing_is_missing_the_table_is_empty():
    assert an.instrument_next(Result([Assessment("d", "chatty", "not_found")])).empty


def test_a_whole_review_is_ranked(tmp_path):
    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")))
    table = an.instrument_next(result)
    assert table["worth"].is_monotonic_decreasing
    waiting = {name for names in table["answers"] for name in names}
    blind = {item.detector for item in result.assessments_made if item.outcome == "not_assessable"}
    # These wait for what is told to a review: rules, a catalogue, an earlier one.
    told = {"forbidden_dependency", "missing_dependency", "new_dependency", "team_mismatch"}
    assert waiting == blind - told


def test_edges_that_lose_context_are_told_by_their_usual_caller(tmp_path):
    # Forty traces, minutes apart; in each tenth the call from web has lost its parent, and nobody calls mail.
    minute = 60_000_000_000
    spans = []
    for trace in range(1, 41):
        at = trace * 10 * minute
        parent = 99 if trace % 10 == 0 else 2
        spans += [span(trace, 1, service="web", start=at, length=5_000)]
        spans += [span(trace, 2, 1, service="web", kind=3, start=at + 1, length=4_000)]
        spans += [span(trace, 3, parent, service="cart", name="GET /carts", start=at + 2, length=3_000)]
        spans += [span(trace, 4, 98, service="mail", name="GET /mails", start=at + 2, length=10)]
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans))
    result = an.review(an.open_export(path))
    edges = an.lost_edges(result.facts)
    columns = ["caller", "service", "operation", "orphans", "with_parent"]
    rows = edges[columns].itertuples(index=False, name=None)
    # The ends of the export are set aside: there a parent may lie outside.
    lost = {row[:3]: row[3:] for row in rows}
    assert set(lost) == {("(not seen)", "mail", "GET /mails"), ("web", "cart", "GET /carts")}
    assert lost["web", "cart", "GET /carts"][0] in (3, 4)
    assert edges["orphans"].is_monotonic_decreasing
    assert isinstance(an.instrument_next(result), pd.DataFrame)
