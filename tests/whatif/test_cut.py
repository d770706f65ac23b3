"""A module of a monolith cut out: each call between it and its siblings goes over the network."""

from __future__ import annotations

import pytest

import analysis as an
from analysis.whatif.scenarios import ScenarioError
from tests.whatif.recorded import call, only, recorded


def inside(span, parent, start, end, module):
    return (span, parent, "shop", "internal", start, end, {"module": f"shop.{module}"})


# orders 5..90 asks stock twice, one after the other, and stock asks prices; then bank, 2 ms there and 2 ms back.
MONOLITH = [
    (1, 0, "shop", "server", 0, 100),
    inside(2, 1, 5, 90, "orders"),
    inside(3, 2, 10, 20, "stock"),
    inside(4, 3, 12, 18, "prices"),
    inside(5, 2, 30, 40, "stock"),
    *call(6, 2, "shop", "bank", 50, 80, way=2.0),
]


@pytest.mark.parametrize(
    ("scenario", "after_ms", "calls"),
    [
        # Two calls to stock, and one from it to prices, each 4 ms longer.
        ("cut=shop/stock", 112, 4),
        ("cut=shop/prices", 104, 2),
        # The two calls to stock; the request itself comes straight to orders.
        ("cut=shop/orders", 108, 3),
        # Beside another change.
        (["cut=shop/prices", "slow=bank:+10ms"], 114, 2),
    ],
)
def test_calls_across_the_cut_take_the_usual_way_longer(scenario, after_ms, calls):
    row = only(an.what_if(recorded([MONOLITH]), scenario))
    assert (row["p50_ms_before"], row["p50_ms_after"]) == (100, after_ms)
    assert (row["calls_before"], row["calls_after"]) == (1, calls)


def test_a_module_that_talks_with_no_sibling_costs_nothing():
    alone = [(1, 0, "shop", "server", 0, 20), inside(2, 1, 5, 15, "mails")]
    outcome = an.what_if(recorded([MONOLITH, alone]), "cut=shop/mails").operations
    assert (outcome["p95_ms_before"] == outcome["p95_ms_after"]).all()
    assert (outcome["calls_before"] == outcome["calls_after"]).all()


def test_what_is_no_module_is_told():
    with pytest.raises(ScenarioError, match="no module 'shop/mails'; there are shop/orders, shop/prices, shop/stock"):
        an.what_if(recorded([MONOLITH]), "cut=shop/mails")
    with pytest.raises(ScenarioError, match="no service names modules"):
        an.what_if(recorded([MONOLITH[:1]]), "cut=shop/mails")


def test_without_a_call_between_services_the_cost_is_not_known():
    with pytest.raises(ScenarioError, match="what a call over the network takes is not known"):
        an.what_if(recorded([MONOLITH[:5]]), "cut=shop/stock")


def asks(span, parent, start, end, statement):
    return (span, parent, "shop", "client", start, end, {"statement": statement})


@pytest.mark.parametrize(
    ("module", "after_ms", "calls"),
    [
        # stock owns the items, which it writes; orders reads them once: that is a call more, whichever is cut out.
        ("stock", 116, 8),
        ("orders", 112, 7),
        # prices uses no table of others, nor others one of its own.
        ("prices", 104, 5),
    ],
)
def test_a_table_of_the_other_side_is_asked_of_its_owner(module, after_ms, calls):
    shared = [
        *MONOLITH,
        asks(8, 3, 18, 19, "UPDATE items SET a = 1 WHERE id = 7"),
        asks(9, 2, 45, 48, "SELECT a FROM items WHERE id = 7"),
        asks(10, 4, 14, 15, "SELECT a FROM prices WHERE id = 7"),
    ]
    row = only(an.what_if(recorded([shared]), f"cut=shop/{module}"))
    assert (row["p50_ms_before"], row["p50_ms_after"]) == (100, after_ms)
    # To bank, and three statements.
    assert (row["calls_before"], row["calls_after"]) == (4, calls)
