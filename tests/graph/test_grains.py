"""The graph at other grains than the service."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.graph import graph_at, module_name
from tests.facts.rows import query, read, span
from tests.facts.test_module_calls import monolith


def facts(*spans):
    return {name: read(name, *spans) for name in ("calls", "operations", "module_calls", "operation_calls", "visits")}


def test_a_module_is_named_inside_its_service():
    assert module_name("shop", "shop.orders") == "shop/orders"
    assert module_name("shop", "com.acme.orders") == "shop/com.acme.orders"
    assert module_name("shop", "") == "shop"


def test_modules_stand_in_for_their_service():
    graph = graph_at("module", facts(*monolith()))
    edges = {(one, other, kind): edge["calls"] for one, other, kind, edge in graph.edges(keys=True, data=True)}
    assert edges == {
        ("user", "shop", "sync"): 1,
        ("shop/orders", "shop/stock", "sync"): 1,
        ("shop/stock", "mail", "sync"): 1,
        ("shop/orders", "postgresql://db:6432/shop", "data"): 1,
        ("shop/stock", "postgresql://db:6432/shop", "data"): 1,
    }
    assert graph.nodes["shop/orders"]["spans"] == 3
    assert graph.nodes["postgresql://db:6432/shop"]["kind"] == "database"


def test_services_without_modules_stay_as_they_are():
    spans = (span(1), query(2, 1), span(3, 1, kind="client"), span(4, 3, service="mail"))
    told = facts(*spans)
    of_modules, of_services = graph_at("module", told), graph_at("service", told)
    assert sorted(of_modules.edges(keys=True)) == sorted(of_services.edges(keys=True))
    assert sorted(of_modules) == sorted(of_services)


def test_a_team_with_the_name_of_a_service_is_told_apart():
    told = facts(span(1), span(2, 1, kind="client"), span(3, 2, service="mail"))
    graph = graph_at("team", told, {"shop": "mail"})
    assert ("mail (team)", "mail") in graph.edges()


def test_an_unknown_grain_is_named():
    empty = {"calls": pd.DataFrame(columns=["caller", "callee", "kind"]), "operations": pd.DataFrame({"service": []})}
    with pytest.raises(ValueError, match="unknown grain 'planet'"):
        graph_at("planet", empty)
