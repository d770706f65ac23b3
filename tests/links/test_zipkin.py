"""Zipkin's links where the conformance cases do not reach: expected values follow its SpanNode and DependencyLinker."""

from __future__ import annotations

from typing import Any

from analysis.forest import plant
from analysis.links import calls_of_forests
from tests.forests import span_table

Row = dict[str, Any]


def span(number: int, kind: str, service: str | None, peer: str | None = None, parent: int = 0, **more: Any) -> Row:
    row = {"span_id": number, "kind": kind, "service": service, "peer_service": peer, "parent_span_id": parent}
    return {"status": "unset", "start_ns": number, "duration_ns": 10, **row, **more}


def links(*rows: Row) -> list[tuple[str, str, int, int]]:
    table = calls_of_forests([plant(span_table(rows))], "zipkin")
    return list(zip(table["caller"], table["callee"], table["calls"], table["errors"], strict=True))


def test_two_services_answer_one_shared_id() -> None:
    rows = (
        span(1, "client", "shop"),
        span(1, "server", "cart", shared=True),
        span(1, "server", "stock", shared=True),
        span(2, "client", "stock", "mysql", 1),
        span(3, "client", "cart", "redis", 1),
    )
    assert links(*rows) == [
        ("cart", "redis", 1, 0),
        ("shop", "cart", 1, 0),
        ("shop", "stock", 1, 0),
        ("stock", "mysql", 1, 0),
    ]


def test_a_child_of_another_service_hangs_from_the_client_half() -> None:
    rows = (
        span(1, "client", "shop"),
        span(1, "server", "cart", shared=True),
        span(2, "server", "stock", None, 1),
    )
    assert links(*rows) == [("shop", "cart", 1, 0), ("shop", "stock", 1, 0)]


def test_a_server_span_with_the_id_of_a_client_span_shares_it() -> None:
    assert links(span(1, "client", "shop"), span(1, "server", "cart")) == [("shop", "cart", 1, 0)]


def test_internal_spans_are_without_a_kind() -> None:
    rows = (span(1, "server", "shop"), span(2, "internal", "shop", None, 1), span(3, "internal", "shop", "mysql", 2))
    assert links(*rows) == [("shop", "mysql", 1, 0)]


def test_one_row_a_pair() -> None:
    rows = (span(1, "producer", "shop", "kafka"), span(2, "client", "shop", "kafka", duration_ns=30))
    table = calls_of_forests([plant(span_table(rows))], "zipkin")
    assert table[["caller", "callee", "kind", "calls"]].to_dict("records") == [
        {"caller": "shop", "callee": "kafka", "kind": "sync", "calls": 2}
    ]


def test_compressed_spans_count_as_often_as_they_stand_for() -> None:
    assert links(span(1, "client", "shop", "mysql", multiplicity=5, status="error")) == [("shop", "mysql", 5, 5)]


def test_an_added_link_has_no_time() -> None:
    rows = (span(1, "server", "shop"), span(2, "client", "cart", None, 1))
    table = calls_of_forests([plant(span_table(rows))], "zipkin")
    assert table["p50_ms"].isna().all()
    assert list(table["callee"]) == ["cart"]


def test_a_name_that_only_the_other_side_has() -> None:
    assert links(span(1, "client", None, "mysql")) == []
    assert links(span(1, "server", None, "shop")) == []
