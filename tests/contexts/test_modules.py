"""Modules of a monolith: which could be cut out, and what that would cost."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

import analysis as an
from tests.detectors.stories import export

ROOT = {"is": "root", "service": "shop", "name": "POST /orders", "kind": "server", "ms": 100}
TABLE = {"db.system.name": "postgresql", "server.address": "db", "db.namespace": "shop"}


def query(under: str, table: str, at: int) -> dict:
    says = {**TABLE, "db.query.text": f"UPDATE {table} SET a = 1"}
    span = {"is": f"{under} {table}", "under": under, "service": "shop", "name": "query", "kind": "client"}
    return {**span, "at": at, "ms": 2, "attributes": says}


def inside(name: str, under: str, at: int, times: int = 1) -> dict:
    said = {"code.namespace": f"shop.{name}"}
    return {
        "is": name,
        "under": under,
        "service": "shop",
        "name": name,
        "at": at,
        "ms": 10,
        "times": times,
        "attributes": said,
    }


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """orders asks stock three times and invoices once, which works on a table of orders; mails stands alone."""
    spans = [
        ROOT,
        {**inside("orders", "root", 5), "ms": 80},
        query("orders", "orders", 1),
        inside("stock", "orders", 10, times=3),
        query("stock", "stock", 1),
        inside("invoices", "orders", 60),
        query("invoices", "orders", 1),
    ]
    mail = {"is": "mail", "service": "shop", "name": "POST /mails", "kind": "server", "ms": 20}
    story = {"traces": 30, "spans": spans, "also": [{"traces": 30, "spans": [mail, inside("mails", "mail", 2)]}]}
    folder: Path = tmp_path_factory.mktemp("modules")
    return an.review(an.open_export(str(export(story, folder / "traces.jsonl"))))


def test_a_module_is_ready_where_it_shares_no_table_and_talks_little(result):
    told = an.cuts(result).set_index("module")
    assert dict(told["verdict"]) == {
        "shop/invoices": "not yet: siblings use its tables",
        "shop/mails": "could be cut out: it talks with no sibling",
        "shop/orders": "not yet: siblings use its tables",
        "shop/stock": "better stays: it talks with its siblings in every request",
    }
    assert told.loc["shop/stock", ["calls_in", "calls_out", "added_calls"]].tolist() == [90, 0, 3.0]
    assert told.loc["shop/orders", "calls_out"] == 120
    assert told.loc["shop/invoices", "shared_tables"] == ("orders",)
    assert told.loc["shop/stock", "own_tables"] == ("stock",)
    # Both read the table of orders once a trace: whoever owns it, the other asks; 30 calls more in 30 traces.
    assert told["table_calls"].to_dict() == {"shop/invoices": 30, "shop/mails": 0, "shop/orders": 30, "shop/stock": 0}
    assert told.loc["shop/invoices", "added_calls"] == 2.0


def test_what_a_hop_costs_is_not_known_without_calls_between_services(result):
    assert math.isnan(an.cuts(result)["added_ms"].iloc[0])


def test_cuts_take_what_a_replay_says(tmp_path):
    # Each order asks invoices once; a bank is asked over the network, 2 ms of which are on the way.
    bank = [
        {"is": "asks", "under": "root", "service": "shop", "name": "POST", "kind": "client", "at": 70, "ms": 20},
        {"is": "bank", "under": "asks", "service": "bank", "name": "POST /pay", "kind": "server", "at": 1, "ms": 18},
    ]
    story = {"traces": 30, "spans": [ROOT, {**inside("orders", "root", 5), "ms": 60}, *bank]}
    story["spans"].append(inside("invoices", "orders", 40))
    data = an.open_export(str(export(story, tmp_path / "traces.jsonl")))
    result = an.review(data)
    told = an.cuts(result, lambda change: an.what_if(data, change).operations).set_index("module")
    assert told["verdict"].to_dict() == {"shop/invoices": "could be cut out", "shop/orders": "could be cut out"}
    assert told["added_ms"].to_dict() == {"shop/invoices": 2.0, "shop/orders": 2.0}
    assert told["added_ms_p95"].to_dict() == {"shop/invoices": 2.0, "shop/orders": 2.0}
    assert an.cuts(result)["added_ms_p95"].isna().all()


def test_nothing_is_replayed_where_a_hop_is_not_known_or_a_module_is_not_ready(result):
    asked = []
    assert an.cuts(result, asked.append)["added_ms_p95"].isna().all()
    assert asked == []


def test_modules_have_contexts(result):
    found = an.contexts(result, grain="module")
    of = found.context_of
    assert of["shop/orders"] == of["shop/stock"]
    assert of["shop/mails"] == "shop/mails"


def test_merges_take_what_a_replay_says(tmp_path):
    from tests.contexts_story import shop_file

    result = an.review(an.open_export(shop_file(tmp_path / "shop.jsonl")))
    plain = {row["services"]: (row["saved_calls"], row["estimate"]) for row in an.merges(result).to_dict("records")}
    # Two calls and one back in each of 40 traces; one call in every second.
    assert plain == {("cart", "pricing"): (120, "time on the way"), ("orders", "payments"): (20, "time on the way")}
    asked = []

    def replay(scenario):
        asked.append(scenario)
        columns = {"requests": [40, 7], "changed": [40, 0], "calls_before": [9.0, 9.0], "calls_after": [6.0, 1.0]}
        times = {"p95_ms_before": [300.0, 90.0], "p95_ms_after": [295.5, 1.0]}
        return pd.DataFrame({**columns, **times})

    replayed = an.merges(result, replay)
    assert sorted(asked) == ["merge=cart+pricing", "merge=orders+payments"]
    # The operation that nothing changes for is left out: 300 - 295.5 ms, and 3 calls of 40 requests.
    assert set(replayed["saved_ms_p95"]) == {4.5}
    assert set(replayed["saved_calls"]) == {120}
    assert set(replayed["estimate"]) == {"replay"}


def test_modules_that_fail_together_are_tied_by_it(tmp_path):
    # Of thirty requests orders and stock fail together in three, invoices alone in two more.
    def request(*failing: str, traces: int) -> dict:
        modules = [{**inside("orders", "root", 5), "ms": 80}, inside("stock", "orders", 10, times=3)]
        modules.append(inside("invoices", "orders", 60))
        marked = [{**one, "status": "error"} if one["is"] in failing else one for one in modules]
        return {"traces": traces, "spans": [ROOT, *marked]}

    several = [request("invoices", traces=2), request(traces=25)]
    story = {**request("orders", "stock", traces=3), "also": several}
    pairs = an.contexts(
        an.review(an.open_export(str(export(story, tmp_path / "traces.jsonl")))), grain="module"
    ).pairs.set_index(["one", "other"])
    assert pairs.loc[("shop/orders", "shop/stock"), "failures"] == 3
    assert pairs.loc[("shop/invoices", "shop/orders"), "failures"] == 0
