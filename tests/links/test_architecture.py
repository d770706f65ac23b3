"""Links as an architect draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.forest import plant
from analysis.links import architecture, calls_of_forests
from analysis.links.edges import EDGE_KINDS, Node
from tests.forests import span_table

Row = dict[str, Any]

ORDERS = {"messaging_system": "kafka", "messaging_destination": "orders", "category": "messaging"}
SHOP_DB = {"category": "database", "db_system": "postgresql", "server_address": "db", "db_namespace": "shop"}


def span(number: int, service: str | None, kind: str = "internal", parent: int = 0, **more: Any) -> Row:
    row = {"span_id": number, "service": service, "kind": kind, "parent_span_id": parent, "start_ns": number}
    return {"duration_ns": 1000 - number, "status": "unset", **row, **more}


def link(span_id: int, kind: str = "link", trace: int = 1) -> Row:
    return {"trace_id_high": 0, "trace_id_low": trace, "span_id": span_id, "kind": kind}


def found(*rows: Row) -> list[tuple[str, str, str, int, int]]:
    """Return (caller, callee, kind, span id of the client half, of the server half; 0 for none)."""
    forest = plant(span_table(rows))
    edges = architecture.edges(forest)
    ids = np.append(forest.array("span_id").astype(np.int64), 0)
    return [
        (edges.nodes[caller].id, edges.nodes[callee].id, EDGE_KINDS[kind], int(ids[client]), int(ids[server]))
        for caller, callee, kind, client, server in zip(
            edges.caller, edges.callee, edges.kind, edges.client, edges.server, strict=True
        )
    ]


def test_call_through_local_spans_on_both_sides() -> None:
    rows = (
        span(1, "shop", "server"),
        span(2, "shop", "internal", 1),
        span(3, "shop", "client", 2),
        span(4, "shop", "internal", 3),
        span(5, "cart", "server", 4),
        span(6, "cart", "internal", 5),
    )
    assert found(*rows) == [("user", "shop", "sync", 0, 1), ("shop", "cart", "sync", 3, 5)]


def test_call_without_a_client_span() -> None:
    assert found(span(1, "shop"), span(2, "cart", "server", 1)) == [("shop", "cart", "sync", 0, 2)]


def test_spans_without_kinds_are_calls_where_the_service_changes() -> None:
    rows = (span(1, "shop", "unspecified"), span(2, "shop", "unspecified", 1), span(3, "cart", "unspecified", 2))
    assert found(*rows) == [("shop", "cart", "sync", 0, 3)]


def test_spans_without_a_service_are_passed_through() -> None:
    rows = (
        span(1, "shop", "client"),
        span(2, None, "server", 1),
        span(3, None, "client", 2),
        span(4, "cart", "server", 3),
    )
    assert found(*rows) == [("shop", "cart", "sync", 1, 4)]


def test_every_server_below_a_client_is_a_call() -> None:
    rows = (span(1, "shop", "client"), span(2, "cart", "server", 1), span(3, "cart", "server", 1))
    assert found(*rows) == [("shop", "cart", "sync", 1, 2), ("shop", "cart", "sync", 1, 3)]


def test_what_a_service_without_server_spans_does_for_one_client_span_is_one_call() -> None:
    rows = (span(1, "shop", "client"), span(2, "cart", "internal", 1), span(3, "cart", "internal", 1))
    assert found(*rows) == [("shop", "cart", "sync", 1, 2)]


def test_calls_within_a_service_are_kept_apart() -> None:
    rows = (span(1, "shop", "client"), span(2, "shop", "server", 1), span(3, "shop", "server", 2))
    assert found(*rows) == [("shop", "shop", "sync", 1, 2)]


def test_client_without_server_leads_to_the_peer_else_to_its_address() -> None:
    rows = (
        span(1, "shop", "client", peer_service="bank", server_address="10.0.0.1"),
        span(2, "shop", "client", server_address="mail.example.org"),
        span(3, "shop", "client"),
    )
    assert found(*rows) == [("shop", "bank", "sync", 1, 0), ("shop", "mail.example.org", "sync", 2, 0)]


def test_peer_with_the_name_of_a_service_is_that_service() -> None:
    rows = (span(1, "shop", "client", peer_service="cart"), span(2, "cart", "server", trace_id_low=2))
    forest = plant(span_table(rows))
    assert Node("cart", "service") in architecture.edges(forest).nodes


def test_stores_are_named_by_what_is_known_of_them() -> None:
    rows = (
        span(1, "shop", "client", **SHOP_DB, server_port=5433),
        span(2, "shop", "client", **SHOP_DB, server_port=5432),
        span(3, "shop", "internal", category="cache", db_system="redis", server_address="sessions"),
        span(4, "shop", "client", category="database", db_system="mysql", peer_service="old-db"),
    )
    assert found(*rows) == [
        ("shop", "postgresql://db:5433/shop", "data", 1, 0),
        ("shop", "postgresql://db/shop", "data", 2, 0),
        ("shop", "redis://sessions", "data", 3, 0),
        ("shop", "mysql://old-db", "data", 4, 0),
    ]


def test_a_store_that_is_a_service_is_called_as_one() -> None:
    rows = (span(1, "shop", "client", **SHOP_DB), span(2, "db-proxy", "server", 1))
    assert found(*rows) == [("shop", "db-proxy", "sync", 1, 2)]


def test_of_layers_around_one_call_one_counts() -> None:
    rows = (
        # A data layer around the driver: the driver's is the call.
        span(1, "shop", "internal", **SHOP_DB),
        span(2, "shop", "client", 1, **SHOP_DB),
        # A client library around its transport: the library's is the call.
        span(3, "shop", "client", peer_service="bank", category="rpc"),
        span(4, "shop", "client", 3, server_address="bank.example.org", category="http"),
        # A transport that reaches a server: the library's span does not lead elsewhere.
        span(5, "shop", "client", peer_service="stock-api"),
        span(6, "shop", "client", 5, server_address="stock"),
        span(7, "stock", "server", 6),
        # A store asked over HTTP.
        span(8, "shop", "client", category="database", db_system="elasticsearch", server_address="search"),
        span(9, "shop", "client", 8, server_address="search", category="http"),
    )
    assert found(*rows) == [
        ("shop", "postgresql://db/shop", "data", 2, 0),
        ("shop", "bank", "sync", 3, 0),
        ("shop", "stock", "sync", 6, 7),
        ("shop", "elasticsearch://search", "data", 8, 0),
    ]


def test_messages_go_through_their_destination() -> None:
    rows = (
        span(1, "shop", "producer", **ORDERS),
        span(2, "mail", "consumer", 1, **ORDERS),
        span(3, "audit", "consumer", 1),
    )
    assert found(*rows) == [
        ("shop", "kafka://orders", "async", 1, 0),
        ("kafka://orders", "mail", "async", 0, 2),
        ("kafka://orders", "audit", "async", 0, 3),
    ]


def test_span_links_join_consumers_to_producers() -> None:
    rows = (
        span(1, "shop", "producer", **ORDERS),
        span(2, "mail", "consumer", trace_id_low=2, links=[link(1)]),
        span(3, "audit", "consumer", trace_id_low=3, links=[link(7, trace=99)]),
    )
    assert found(*rows) == [("shop", "kafka://orders", "async", 1, 0), ("kafka://orders", "mail", "async", 0, 2)]


def test_messages_without_a_destination_go_from_service_to_service() -> None:
    rows = (
        span(1, "shop", "producer"),
        span(2, "mail", "consumer", 1),
        span(3, "audit", "consumer", trace_id_low=2, links=[link(1)]),
    )
    assert found(*rows) == [("shop", "mail", "async", 1, 2), ("shop", "audit", "async", 1, 3)]


def test_a_consumer_below_another_service_says_who_published() -> None:
    rows = (span(1, "shop", "internal"), span(2, "mail", "consumer", 1, **ORDERS))
    assert found(*rows) == [("shop", "kafka://orders", "async", 1, 0), ("kafka://orders", "mail", "async", 0, 2)]


def test_receiving_around_processing_is_one_delivery() -> None:
    rows = (
        span(1, "shop", "producer", **ORDERS),
        span(2, "mail", "consumer", 1, **ORDERS, messaging_operation="receive"),
        span(3, "mail", "consumer", 2, **ORDERS, messaging_operation="process"),
    )
    assert found(*rows) == [("shop", "kafka://orders", "async", 1, 0), ("kafka://orders", "mail", "async", 0, 3)]


def test_a_polling_client_receives() -> None:
    rows = (
        span(1, "mail", "client", **ORDERS, messaging_operation="receive"),
        span(2, "mail", "client", **ORDERS, messaging_operation="ack", server_address="broker"),
        span(3, "mail", "client", **ORDERS, messaging_operation="publish"),
    )
    assert found(*rows) == [
        ("kafka://orders", "mail", "async", 0, 1),
        ("mail", "broker", "sync", 2, 0),
        ("mail", "kafka://orders", "async", 3, 0),
    ]


def test_the_transport_of_a_producer_is_no_call_of_its_own() -> None:
    rows = (
        span(1, "shop", "producer", messaging_system="aws_sqs", messaging_destination="orders", category="messaging"),
        span(2, "shop", "client", 1, server_address="sqs.eu-west-1.amazonaws.com", category="http"),
    )
    assert found(*rows) == [("shop", "aws_sqs://orders", "async", 1, 0)]


def test_a_server_below_a_producer_receives_what_it_published() -> None:
    rows = (span(1, "shop", "producer", **ORDERS), span(2, "worker", "server", 1))
    assert found(*rows) == [("shop", "kafka://orders", "async", 1, 0), ("kafka://orders", "worker", "async", 0, 2)]


def test_references_beside_the_parent_are_calls() -> None:
    rows = (
        span(1, "shop"),
        span(2, "cart"),
        span(3, "batch", "internal", 1, links=[link(1, "child_of"), link(2, "child_of"), link(3)]),
        span(4, "report", "internal", trace_id_low=2, links=[link(1, "follows_from")]),
    )
    assert found(*rows) == [
        ("shop", "batch", "sync", 0, 3),
        ("cart", "batch", "sync", 0, 3),
        ("shop", "report", "async", 0, 4),
    ]


def test_asynchronous_references_make_asynchronous_calls() -> None:
    assert found(span(1, "shop"), span(2, "mail", "server", 1, asynchronous=True)) == [("shop", "mail", "async", 0, 2)]


def test_who_calls_server_spans_without_a_caller() -> None:
    rows = (
        span(1, "shop", "server"),
        span(2, "cart", "server", peer_service="mobile-app"),
        span(3, "stock", "server", 99),
        span(4, "mail", "consumer"),
        span(5, "jobs", "internal"),
    )
    assert found(*rows) == [("user", "shop", "sync", 0, 1), ("mobile-app", "cart", "sync", 0, 2)]


def test_a_call_fails_where_either_half_does_and_takes_the_clients_time() -> None:
    rows = (
        span(1, "shop", "client", duration_ns=90),
        span(2, "cart", "server", 1, duration_ns=50, status="error"),
        span(3, "shop", "client", duration_ns=None, status="error"),
        span(4, "cart", "server", 3, duration_ns=40),
        span(5, "cart", "client", 4, duration_ns=None, peer_service="bank"),
    )
    edges = architecture.edges(plant(span_table(rows)))
    assert edges.client.tolist() == [0, 2, 4]
    assert edges.error.tolist() == [True, True, False]
    assert edges.duration.tolist() == [90, 40, 0]
    assert edges.timed.tolist() == [True, True, False]


def test_calls_add_up_over_partitions_whatever_their_order() -> None:
    first = plant(span_table([span(1, "shop", "client"), span(2, "cart", "server", 1, status="error", start_ns=3)]))
    second = plant(
        span_table([span(3, "shop", "client", peer_service="cart", trace_id_low=2, duration_ns=64, multiplicity=3)])
    )
    tables = [calls_of_forests(order, "architecture", ["cart"]) for order in ((first, second), (second, first))]
    for table in tables:
        (row,) = table.to_dict("records")
        assert (row["caller"], row["callee"], row["kind"]) == ("shop", "cart", "sync")
        assert (row["calls"], row["errors"], row["traces"]) == (4, 1, 2)
        # Three of 64 ns and one of 999 ns.
        assert row["p50_ms"] == pytest.approx(64e-6)
        assert row["callee_kind"] == "service"
    assert tables[0].equals(tables[1])


def test_a_user_beside_a_service_of_that_name() -> None:
    rows = (span(1, "user", "server"), span(2, "user", "client", 1, peer_service="bank"))
    table = calls_of_forests([plant(span_table(rows))], "architecture")
    assert list(zip(table["caller"], table["callee"], table["caller_kind"], strict=True)) == [
        ("user", "bank", "service"),
        ("user (user)", "user", "user"),
    ]


def test_no_spans_no_calls() -> None:
    table = calls_of_forests([plant(span_table([]))], "architecture")
    assert table.empty
    assert list(table.columns)[:9] == [
        "caller",
        "callee",
        "kind",
        "calls",
        "errors",
        "traces",
        "p50_ms",
        "p95_ms",
        "p99_ms",
    ]
