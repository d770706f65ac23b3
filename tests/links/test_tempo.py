"""Tempo's links: expected values follow its service-graphs processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.dataset import open_export
from analysis.forest import plant
from analysis.links import calls, calls_of_forests
from tests.forests import span_table

Row = dict[str, Any]


def span(number: int, service: str | None, kind: str, parent: int = 0, **more: Any) -> Row:
    row = {"span_id": number, "service": service, "kind": kind, "parent_span_id": parent, "start_ns": number}
    return {"duration_ns": 100 - number, "status": "unset", **row, **more}


def requests(*rows: Row) -> list[tuple[str, str, str, int, int]]:
    table = calls_of_forests([plant(span_table(rows))], "tempo")
    return list(zip(table["caller"], table["callee"], table["kind"], table["calls"], table["errors"], strict=True))


def test_client_and_server_are_one_request_that_fails_with_either() -> None:
    rows = (span(1, "shop", "client"), span(2, "cart", "server", 1, status="error"))
    assert requests(*rows) == [("shop", "cart", "sync", 1, 1)]


def test_times_are_the_clients() -> None:
    rows = (span(1, "shop", "client", duration_ns=60), span(2, "cart", "server", 1, duration_ns=20))
    table = calls_of_forests([plant(span_table(rows))], "tempo")
    assert table["p50_ms"].tolist() == [60e-6]


def test_local_spans_between_part_the_halves() -> None:
    rows = (span(1, "shop", "client"), span(2, "shop", "internal", 1), span(3, "cart", "server", 2))
    assert requests(*rows) == []


def test_of_several_servers_the_first_completes_the_request() -> None:
    rows = (span(1, "shop", "client"), span(2, "cart", "server", 1), span(3, "stock", "server", 1))
    assert requests(*rows) == [("shop", "cart", "sync", 1, 0)]


def test_messages_from_producer_to_consumer() -> None:
    assert requests(span(1, "shop", "producer"), span(2, "mail", "consumer", 1)) == [("shop", "mail", "async", 1, 0)]


def test_a_database_is_named_by_peer_then_address_then_database_then_system() -> None:
    rows = (
        span(
            1, "shop", "client", db_system="mysql", db_namespace="orders", server_address="db", peer_service="mysql-1"
        ),
        span(2, "shop", "client", db_system="mysql", db_namespace="orders", server_address="db"),
        span(3, "shop", "client", db_namespace="orders"),
        span(4, "shop", "client", db_system="mysql"),
    )
    assert requests(*rows) == [
        ("shop", "db", "data", 1, 0),
        ("shop", "mysql", "data", 1, 0),
        ("shop", "mysql-1", "data", 1, 0),
        ("shop", "orders", "data", 1, 0),
    ]


def test_an_address_under_its_old_name_does_not_count() -> None:
    row = span(1, "shop", "client", db_namespace="orders", server_address="db", old_conventions=True)
    assert requests(row) == [("shop", "orders", "data", 1, 0)]


def test_traces_of_the_processors_own_tests(shared_exports: Path) -> None:
    # grafana/tempo, servicegraphs/testdata: what the processor makes of these spans, followed by hand.
    def named(file: str) -> list[tuple[str, str, str]]:
        table = calls(open_export([str(shared_exports / "grafana" / file)]), links="tempo")
        return list(zip(table["caller"], table["callee"], table["kind"], strict=True))

    assert named("tempo_trace_virtual_nodes.json") == [
        ("external-producer", "internal-consumer", "sync"),
        ("mythical-requester", "external-payments-platform", "sync"),
        ("user", "mythical-server", "sync"),
    ]
    assert named("tempo_trace_batches_servicegraph.json") == [
        ("mythical-requester", "mythical-recorder", "async"),
        ("mythical-requester", "mythical-server", "sync"),
        ("mythical-server", "postgres", "data"),
    ]


def test_virtual_nodes() -> None:
    rows = (
        span(1, "shop", "server"),
        span(2, "shop", "client", 1, peer_service="bank"),
        span(3, "shop", "client", 1, server_address="10.0.0.1"),
        span(4, "cart", "server", 99),
        span(5, "mail", "consumer", peer_service="partner"),
    )
    table = calls_of_forests([plant(span_table(rows))], "tempo")
    found = list(zip(table["caller"], table["callee"], table["caller_kind"], table["callee_kind"], strict=True))
    # A client that names no peer makes no edge, nor does a server whose client is missing.
    assert found == [
        ("partner", "mail", "external", "service"),
        ("shop", "bank", "service", "external"),
        ("user", "shop", "user", "service"),
    ]


def test_spans_without_a_service_are_passed_over() -> None:
    assert requests(span(1, None, "client"), span(2, "cart", "server", 1), span(3, None, "server")) == []
