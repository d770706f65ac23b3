"""Modules that fail in one trace, on forests written by hand."""

from __future__ import annotations

from analysis.facts.failed_modules import INSIDE
from tests.facts.rows import read, rows_of, span


def test_modules_that_fail_in_one_trace_are_told_together():
    failing = {"status": "error"}
    spans = []
    for trace in (1, 2, 3):
        broken = failing if trace < 3 else {}
        spans += [
            span(1, trace_id_low=trace, module="shop.orders", **broken),
            span(2, 1, trace_id_low=trace, module="shop.stock", kind="internal", **broken),
            span(3, 2, trace_id_low=trace, module="shop.stock", kind="internal", **broken),
            span(4, 1, trace_id_low=trace, module="shop.mails", kind="internal"),
            span(5, 1, trace_id_low=trace, service="bank", **(failing if trace == 2 else {})),
        ]
    found = read("failed_modules", *spans)
    orders, stock = f"shop{INSIDE}shop.orders", f"shop{INSIDE}shop.stock"
    assert rows_of(found, "units", "traces") == [((f"bank{INSIDE}", orders, stock), 1), ((orders, stock), 1)]


def test_without_modules_nothing_is_told():
    assert read("failed_modules", span(1, status="error")).empty
