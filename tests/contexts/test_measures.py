"""How services stand in the graph, and what each owns in a sentence."""

from __future__ import annotations

import math

import pytest

import analysis as an
from analysis.contexts import responsibilities, service_measures
from analysis.contexts._responsibilities import _subject
from tests.contexts_story import shop_file


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return an.review(an.open_export(shop_file(tmp_path_factory.mktemp("measures") / "shop.jsonl"))).facts


def test_importance_dependence_and_criticality(facts):
    table = service_measures(facts).set_index("service")
    assert {name: tuple(table.loc[name, ["ais", "ads", "acs"]]) for name in table.index} == {
        "cart": (2, 1, 2),
        "gateway": (0, 3, 0),
        "orders": (1, 1, 1),
        "payments": (1, 0, 0),
        "pricing": (1, 1, 1),
        "users": (1, 0, 0),
    }
    assert table.loc["gateway", "instability"] == 1
    assert table.loc["cart", "instability"] == pytest.approx(1 / 3, abs=1e-4)


def test_concreteness_is_the_share_of_visits_with_data(facts):
    table = service_measures(facts).set_index("service")
    # cart is entered twice a trace and writes in one of them; users reads in every visit, the gateway never.
    assert table.loc["cart", ["visits", "concreteness"]].tolist() == [80, 0.5]
    assert table.loc["users", ["concreteness", "distance"]].tolist() == [1.0, 1.0]
    assert table.loc["gateway", "concreteness"] == 0
    assert not any(math.isnan(value) for value in table["distance"])


def test_each_service_has_a_sentence(facts):
    told = responsibilities(facts).set_index("service")
    assert told.loc["cart", "sentence"] == "cart answers for carts for gateway and pricing, and owns carts."
    assert told.loc["gateway", "sentence"].startswith("gateway stands in front")
    assert told.loc["users", "sentence"] == "users answers for users for gateway, and owns users."
    assert told.loc["pricing", "sentence"] == "pricing answers for quotes for cart, and keeps no data."


def test_what_makes_a_boundary_unclear_is_said(facts):
    told = responsibilities(facts).set_index("service")
    # 40 writes of orders, 20 of payments: nobody has four of five.
    assert told.loc["orders", "doubts"] == "orders: several write, none owns"
    assert told.loc["users", "doubts"] == ""


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        ("GET /orders/{id}/lines", "orders"),
        ("POST /api/v1/carts", "carts"),
        ("GET /", "the home page"),
        ("/inventory.v1.Inventory/Reserve", "Inventory"),
        ("shop.Cart/Add", "Cart"),
        ("order.placed process", "order.placed"),
        ("GET /{id}", ""),
        ("nightly import", "nightly import"),
    ],
)
def test_operations_are_about_something(operation, subject):
    assert _subject(operation) == subject
