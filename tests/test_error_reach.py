"""Failures beyond messages, links and spans, counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.critical_path import report_forests
from analysis.error_paths import ErrorPath
from analysis.error_reach import follow_links, reach
from analysis.forest import Forest, plant
from tests.forests import log_table, span_table
from tests.test_critical_path import span

Row = Mapping[str, Any]


def planted(*rows: Row, logs: list[Row] | None = None) -> Forest:
    return plant(span_table(rows), logs=None if logs is None else log_table(logs))


def published(**consumer: Any) -> list[dict[str, Any]]:
    """Return a request that publishes a message, whose consumer writes and fails."""
    return [
        span(1, 0, 100, kind="server"),
        span(2, 10, 10, 1, kind="producer"),
        span(3, 200, 50, **({"parent": 2} | consumer), service="mail", kind="consumer", status="error"),
        span(4, 210, 20, 3, service="mail", kind="client", status="error"),
    ]


def test_a_failure_beyond_a_message_is_told_from_the_request_that_sent_it() -> None:
    found = reach(planted(*published()))
    assert found.paths == (ErrorPath(("shop O1", "shop O2", "mail O3", "mail O4"), asynchronous=1),)
    [entry] = report_forests([planted(*published())])["errors"]
    assert (entry["origins"], entry["reached_root"], entry["asynchronous"], entry["confidence"]) == (0, 0, 1, 1.0)


def test_a_failure_that_is_waited_for_is_none_of_these() -> None:
    rows = [span(1, 0, 100, status="error"), span(2, 10, 10, 1, status="error")]
    found = reach(planted(*rows))
    assert (found.paths, dict(found.linked)) == ((), {})


def linked_trace(target: int = 2, **link: Any) -> list[dict[str, Any]]:
    [_, _, consumer, write] = published()
    link = {"trace_id_high": 0, "trace_id_low": 1, "span_id": target, "kind": "link"} | link
    consumer |= {"trace_id_low": 2, "parent_span_id": 0, "links": [link]}
    return [consumer, write | {"trace_id_low": 2}]


def test_a_link_joins_a_consumer_to_whoever_sent_the_message_in_whichever_partition() -> None:
    sender, consumer = planted(*published()[:2]), planted(*linked_trace())
    found = reach(consumer)
    assert found.paths == ()
    expected = [ErrorPath(("shop O1", "shop O2", "mail O3", "mail O4"), asynchronous=1)]
    assert follow_links([sender, consumer], found.linked) == expected
    for forests in ([sender, consumer], [consumer, sender]):
        errors = report_forests(forests)["errors"]
        # In its own trace the consumer is a root, which the failure of its write reached.
        assert [(entry["path"], entry["reached_root"], entry["asynchronous"]) for entry in errors] == [
            (["mail O3"], 0, 0),
            (["mail O3", "mail O4"], 1, 0),
            (["shop O1", "shop O2", "mail O3", "mail O4"], 0, 1),
        ]


def test_a_link_that_leads_nowhere_adds_nothing() -> None:
    found = reach(planted(*linked_trace(target=99)))
    assert follow_links([planted(*published()[:2])], found.linked) == []


def log(span_id: int = 0, severity: str = "error", trace: int = 1) -> Row:
    return {"trace_id_low": trace, "span_id": span_id, "severity": severity}


def test_an_error_in_a_log_of_a_trace_in_order_is_evidence_of_its_own() -> None:
    rows = [span(1, 0, 100, kind="server"), span(2, 10, 10, 1)]
    logs = [log(2), log(2, "fatal"), log(), log(2, "warn"), log(7), log(2, trace=9)]
    forest = planted(*rows, logs=logs)
    # Two name a span; one names none, and one a span that is not there: they stand for the trace.
    assert reach(forest).paths == (ErrorPath(("shop O1",), logged=2), ErrorPath(("shop O1", "shop O2"), logged=2))
    assert [entry["confidence"] for entry in report_forests([forest])["errors"]] == [0.6, 0.6]


def test_logs_of_a_failed_trace_add_nothing_to_its_spans() -> None:
    forest = planted(span(1, 0, 100, status="error"), logs=[log(1)])
    assert reach(forest).paths == ()
