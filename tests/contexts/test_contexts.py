"""Suggested contexts: what is tied together is found, argued for and against, and gated by trust."""

from __future__ import annotations

import pytest

import analysis as an
from analysis.catalogue import Catalogue, Entry
from analysis.contexts._affinity import WEIGHTS, Pair
from analysis.contexts._communities import stable_groups
from tests.contexts_story import shop_file
from tests.exports import otlp, span


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = shop_file(tmp_path_factory.mktemp("contexts") / "shop.jsonl")
    teams = path.parent / "teams.csv"
    teams.write_text("service,team,domain\ncart,buying,sales\npricing,prices,sales\norders,buying,sales\nghost,x,y\n")
    return an.review(an.open_export(path), config={"catalogue": str(teams)})


def row_of(frame, **wanted):
    [row] = [row for row in frame.to_dict("records") if all(row[name] == value for name, value in wanted.items())]
    return row


def test_pairs_that_live_for_each_other_are_contexts(result):
    found = an.contexts(result)
    assert found.reason == ""
    # The gateway calls everybody on purpose; users is tied to nobody.
    assert found.fronts == ("gateway",)
    assert [context.members for context in found.contexts] == [("cart", "pricing"), ("orders", "payments"), ("users",)]
    assert all(context.stability == 1 for context in found.contexts)
    assert found.context_of["payments"] == found.context_of["orders"]


def test_ties_are_measured_as_cosines(result):
    pairs = an.contexts(result).pairs
    tie = row_of(pairs, one="cart", other="pricing")
    # Of 40 traces: 120 calls between the two; cart has 160 in all, pricing 120.
    assert tie["calls"] == 120
    assert tie["call_share"] == pytest.approx(120 / (160 * 120) ** 0.5, abs=1e-6)
    assert tie["trace_share"] == 1
    tie = row_of(pairs, one="orders", other="payments")
    # 20 calls; orders has 60, payments 20. One table in common, the only one of either. 20 of 40 and 20 traces.
    assert tie["call_share"] == pytest.approx(20 / (60 * 20) ** 0.5, abs=1e-6)
    assert tie["tables"] == ("orders",)
    assert tie["table_share"] == 1
    assert tie["trace_share"] == pytest.approx(20 / (40 * 20) ** 0.5, abs=1e-6)


def test_traces_alone_tie_nothing():
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert Pair(traces=100, trace_share=1.0).weight == 0
    assert Pair(calls=4, call_share=1.0, traces=100, trace_share=1.0).weight == 0
    assert Pair(calls=5, call_share=0.0, traces=100, trace_share=1.0).weight == WEIGHTS["traces"]
    assert Pair(tables=("a",), table_share=0.0, traces=100, trace_share=1.0).weight == WEIGHTS["traces"]


def test_every_difference_is_argued_on_both_sides(result):
    differences = an.contexts(result).differences
    assert set(differences["compared_with"]) == {"service", "team", "domain", "catalogue"}
    assert differences["speaks_for"].map(bool).all()
    assert differences["speaks_against"].map(bool).all()


def test_a_context_between_teams_and_a_team_between_contexts_are_told(result):
    differences = an.contexts(result).differences
    cut = row_of(differences, kind="one context, several teams")
    assert cut["units"] == ("cart", "pricing")
    assert "buying has cart, prices has pricing" in cut["says"]
    several = row_of(differences, kind="one team, several contexts")
    assert several["units"] == ("cart", "orders")
    assert several["speaks_for"] == ("no call between them", "no table in common")


def test_what_the_catalogue_does_not_know_is_told(result):
    differences = an.contexts(result).differences
    assert row_of(differences, kind="not in the catalogue")["units"] == ("gateway", "payments", "users")
    assert row_of(differences, kind="not seen")["units"] == ("ghost",)


def test_where_context_is_lost_there_is_no_map(tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(otlp([span(1, 1), span(2, 2, service="cart")]))
    found = an.contexts(an.review(an.open_export(path)))
    assert "context propagation is broken" in found.reason
    assert found.contexts == ()


def test_few_traces_tell_nothing(tmp_path):
    found = an.contexts(an.review(an.open_export(shop_file(tmp_path / "shop.jsonl", traces=19))))
    assert found.reason == "What belongs together cannot be told from 19 traces, fewer than 20."


def test_one_service_has_nothing_to_belong_to(tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(otlp([span(trace, 1) for trace in range(1, 31)]))
    assert "not two services" in an.contexts(an.review(an.open_export(path))).reason


def test_without_modules_there_is_no_map_of_modules(result):
    assert "No service names two modules" in an.contexts(result, grain="module").reason
    with pytest.raises(ValueError, match="unknown grain"):
        an.contexts(result, grain="team")


def test_a_saved_review_gives_the_same_map(result, tmp_path):
    again = an.contexts(an.open_review(result.save(tmp_path / "kept")))
    assert again.contexts == an.contexts(result).contexts
    assert again.differences.to_dict("records") == an.contexts(result).differences.to_dict("records")


def test_groups_do_not_depend_on_the_order_of_what_is_given():
    weights = {("a", "b"): 0.9, ("c", "d"): 0.8, ("b", "c"): 0.3, ("d", "e"): 0.1}
    groups = stable_groups(["a", "b", "c", "d", "e"], weights)
    assert [members for members, _ in groups] == [("a", "b"), ("c", "d"), ("e",)]
    assert groups == stable_groups(["e", "d", "c", "b", "a"], dict(reversed(weights.items())))
    assert stable_groups([], {}) == []


def test_an_empty_catalogue_argues_about_services_only(result):
    assert Catalogue((Entry("a"),)).teams == {}
    kinds = set(an.contexts(result).differences["kind"])
    assert "one context in several services" in kinds


def test_what_is_configured_to_stand_in_front_is_kept_with_the_review(tmp_path):
    # users is called a gateway, and gateway none.
    path = shop_file(tmp_path / "shop.jsonl")
    roles = {"services": {"gateways": ["users", "!gateway"]}}
    result = an.review(an.open_export(path), config=roles)
    again = an.open_review(result.save(tmp_path / "kept"))
    for one in (result, again):
        found = an.contexts(one)
        assert found.fronts == ("users",)
        assert "gateway" in found.context_of
        told = an.responsibilities(one.facts, one.roles).set_index("service")["sentence"]
        assert "stands in front" in told["users"]
        assert "stands in front" not in told["gateway"]
