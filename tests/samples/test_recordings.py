"""What was planted in the shop is in its recordings: counted here span by span, without the analysis.

The numbers follow from how the shop is built (a page shows twelve products, an order asks three times for its payment)
and from the traffic's counts, see data/samples/shop.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import pairwise
from statistics import median

import pytest

from tests.samples.recordings import (
    CLIENT,
    CONSUMER,
    PRODUCER,
    SAMPLES,
    SERVER,
    WINDOWS,
    RecordedSpan,
    Recording,
    read_text,
)

pytestmark = pytest.mark.slow

SECOND_NS = 1_000_000_000
FAULTY = ("before", "incident")


@cache
def recording(name: str) -> Recording:
    return Recording(name)


@pytest.fixture(params=WINDOWS)
def window(request: pytest.FixtureRequest) -> Recording:
    return recording(request.param)


@pytest.fixture(params=FAULTY)
def faulty(request: pytest.FixtureRequest) -> Recording:
    return recording(request.param)


@pytest.fixture
def incident() -> Recording:
    return recording("incident")


@pytest.fixture
def after() -> Recording:
    return recording("after")


def client_calls(shop: Recording, parent: RecordedSpan, host: str) -> list[RecordedSpan]:
    """Return the client spans below `parent` to `host`, in the order they began."""
    calls = [span for span in shop.children[parent.span_id] if span.kind == CLIENT and f"//{host}:" in span.url]
    return sorted(calls, key=lambda span: span.start_ns)


# What all windows have in common


def test_windows_hold_two_thousand_traces_and_more(window: Recording) -> None:
    assert len({span.trace_id for span in window.spans}) >= 2000


def test_all_recordings_together_stay_below_eight_megabytes() -> None:
    files = [path for name in WINDOWS for path in recording(name).folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 8_000_000


def test_no_file_names_the_machine_it_was_recorded_on(window: Recording) -> None:
    for path in window.folder.glob("*.zst"):
        text = read_text(path)
        for place in ("/root", "/tmp/", "/work", "/home/", ".pyenv"):
            assert place not in text, path.name


def test_no_span_was_exported_twice(window: Recording) -> None:
    assert len(window.by_id) == len(window.spans)


def test_only_the_unflushed_job_left_orphans(window: Recording) -> None:
    orphans = [span for span in window.spans if span.parent_id and span.parent_id not in window.by_id]
    assert Counter((span.service, span.name) for span in orphans) == {
        ("inventory", "/inventory.v1.Inventory/ReceiveGoods"): 50
    }


def test_hosts_of_the_warehouse_are_a_second_ahead(window: Recording) -> None:
    leads = [
        span.start_ns - window.by_id[span.parent_id].start_ns
        for span in window.served("inventory", "/inventory.v1.Inventory/GetAvailability")
    ]
    assert median(leads) == pytest.approx(SECOND_NS, rel=0.02)


def test_fraud_scoring_is_called_and_never_answers(window: Recording) -> None:
    calls = [span for span in window.spans if "//fraud-scoring:" in span.url]
    assert len(calls) >= 50
    assert not any(window.children[span.span_id] for span in calls)
    assert "fraud-scoring" not in {span.service for span in window.spans}


def test_notifications_loses_the_context_at_its_queue_and_the_others_keep_it(window: Recording) -> None:
    consumed = [span for span in window.spans if span.kind == CONSUMER]
    lost = {span.service for span in consumed if not span.parent_id and not span.links}
    kept = {span.service for span in consumed if span.parent_id}
    assert lost == {"notifications"}
    assert kept == {"shipping", "recommendations"}


def test_cart_names_its_spans_by_path_and_says_no_route(window: Recording) -> None:
    served = [span for span in window.spans if span.service == "cart" and span.kind == SERVER]
    assert not any("http.route" in span.attributes for span in served)
    own = [span for span in window.spans if span.service == "cart"]
    assert len({span.name for span in own}) / len(own) > 0.1


def test_only_payments_keeps_the_old_conventions(window: Recording) -> None:
    old = {span.service for span in window.spans if "http.method" in span.attributes}
    new = {span.service for span in window.spans if "http.request.method" in span.attributes}
    assert old == {"payments"}
    assert "payments" not in new


def test_logs_of_three_services_are_told_apart(window: Recording) -> None:
    inventory = [json.loads(line) for line in read_text(window.folder / "inventory.jsonl.zst").splitlines()]
    shipping = [json.loads(line) for line in read_text(window.folder / "shipping.jsonl.zst").splitlines()]
    assert not any("trace_id" in entry for entry in inventory)
    assert sum("trace_id" in entry for entry in shipping) / len(shipping) > 0.9
    assert not any(line.startswith("{") for line in read_text(window.folder / "notifications.log.zst").splitlines())
    # All but the line that says where it listens.
    assert sum("traceId" not in entry for entry in window.log_records if entry["service"] == "gateway") == 1


def test_unreadable_vouchers_are_logged_and_answered_as_if_all_was_well(window: Recording) -> None:
    errors = [entry for entry in window.log_records if entry["service"] == "cart" and entry["severityText"] == "ERROR"]
    failed = {span.trace_id for span in window.spans if span.failed}
    assert len(errors) >= 15
    assert not {entry["traceId"] for entry in errors} & failed


def test_catalogue_and_inventory_call_each_other_but_never_in_one_trace(window: Recording) -> None:
    there = {
        span.trace_id
        for span in window.spans
        if span.service == "inventory"
        and span.kind == SERVER
        and span.parent_id in window.by_id
        and window.by_id[span.parent_id].service == "catalogue"
    }
    back = {
        span.trace_id
        for span in window.spans
        if span.service == "catalogue"
        and span.kind == SERVER
        and span.parent_id in window.by_id
        and window.by_id[span.parent_id].service == "inventory"
    }
    assert there
    assert back
    assert not there & back


def test_each_quote_goes_from_cart_to_pricing_and_back(window: Recording) -> None:
    calls = window.calls()
    assert calls["cart", "pricing"] == calls["pricing", "cart"] > 0


def test_orders_is_a_hub(window: Recording) -> None:
    calls = window.calls()
    callers = {caller for caller, callee in calls if callee == "orders" and caller != "orders"}
    callees = {callee for caller, callee in calls if caller == "orders" and callee != "orders"}
    assert callers == {"gateway", "backoffice", "notifications", "recommendations", "shipping"}
    assert callees == {"customers", "cart", "catalogue", "inventory", "payments"}


def test_customers_is_called_by_four_in_most_traces(window: Recording) -> None:
    callers = {caller for caller, callee in window.calls() if callee == "customers"}
    traces = {span.trace_id for span in window.spans}
    touched = {span.trace_id for span in window.spans if span.service == "customers"}
    assert callers == {"gateway", "orders", "pricing", "notifications"}
    assert len(touched) / len(traces) > 0.5


def test_the_price_import_loops_by_design(window: Recording) -> None:
    (root,) = [span for span in window.spans if span.name == "nightly price import"]
    assert not root.parent_id
    assert sum(span.statement.startswith("UPDATE") for span in window.children[root.span_id]) == 60


def test_retries_to_the_supplier_back_off(window: Recording) -> None:
    for place in (span for span in window.spans if span.name == "place purchase order"):
        tries = client_calls(window, place, "edi.northwind-supply.com")
        gaps = [later.start_ns - earlier.end_ns for earlier, later in pairwise(tries)]
        assert all(gap > 50_000_000 for gap in gaps)


def test_an_order_asks_five_times_for_its_customer(window: Recording) -> None:
    for order in window.served("orders", "POST /orders"):
        if not order.failed:
            calls = client_calls(window, order, "customers")
            # What is sold out ends an order before it is noted in the customer's record.
            assert len(calls) == (4 if order.attributes["http.response.status_code"] == "409" else 5)


def test_a_checkout_fetches_the_same_customer_from_three_services(window: Recording) -> None:
    for checkout in window.served("gateway", "POST /checkout"):
        fetches = {
            (window.by_id[span.parent_id].service, span.attributes["url.path"])
            for span in window.below(checkout)
            if span.kind == SERVER and span.name == "GET /customers/<int:customer_id>"
        }
        if not checkout.failed:
            assert {service for service, _ in fetches} == {"gateway", "orders", "pricing"}
            assert len({path for _, path in fetches}) == 1


def test_the_home_page_asks_six_services_one_after_the_other(window: Recording) -> None:
    for page in window.served("gateway", "GET /"):
        asked = sorted(window.children[page.span_id], key=lambda span: span.start_ns)
        assert len(asked) == 6
        assert all(earlier.end_ns <= later.start_ns for earlier, later in pairwise(asked))


def test_a_checkout_is_four_services_deep(window: Recording) -> None:
    def edges(span: RecordedSpan) -> int:
        below = window.children[span.span_id]
        steps = (edges(child) + (child.kind == SERVER) for child in below if child.kind in (SERVER, CLIENT))
        return max(steps, default=0)

    deepest = {edges(checkout) for checkout in window.served("gateway", "POST /checkout") if not checkout.failed}
    assert deepest == {4}


def test_orders_alone_announces_orders_and_three_listen(window: Recording) -> None:
    told = {span.service for span in window.spans if span.kind == PRODUCER and span.name == "order.placed send"}
    listening = {span.service for span in window.spans if span.kind == CONSUMER}
    assert told == {"orders"}
    assert listening == {"shipping", "notifications", "recommendations"}


def test_modules_of_the_back_office_are_told_apart(window: Recording) -> None:
    own = [span for span in window.spans if span.service == "backoffice" and span.scope.startswith("backoffice.")]
    assert {span.scope for span in own} == {"backoffice.returns", "backoffice.purchasing"}
    assert all(span.attributes["code.namespace"] == span.scope for span in own)


def test_the_acquirer_misbehaves_when_the_phases_say_so() -> None:
    moods = {
        name: [
            (phase["delay_s"], phase["failing"]) for phase in json.loads((SAMPLES / name / "phases.json").read_text())
        ]
        for name in WINDOWS
    }
    assert moods == {
        "before": [(0.03, False)],
        "incident": [(0.03, False), (3.0, False), (0.2, True), (0.03, False)],
        "after": [(0.03, False), (0.2, True), (0.03, False)],
    }


# What is planted before and during the incident, and repaired after it


@pytest.mark.parametrize(("name", "queries"), [("before", 12), ("incident", 12), ("after", 1)])
def test_a_page_of_twelve_products_loads_their_images_lazily(name: str, queries: int) -> None:
    shop = recording(name)
    pages = shop.served("catalogue", "GET /products")
    found = {sum("FROM catalogue.images" in span.statement for span in shop.children[page.span_id]) for page in pages}
    assert found == {queries}


@pytest.mark.parametrize(("name", "calls"), [("before", 12), ("incident", 12), ("after", 1)])
def test_open_orders_are_tracked_one_by_one(name: str, calls: int) -> None:
    shop = recording(name)
    pages = [span for span in shop.served("backoffice", "GET /open-orders") if not span.failed]
    found = {sum("TrackParcel" in span.name for span in shop.children[page.span_id]) for page in pages}
    assert found == {calls}


def test_recommendations_fetch_six_cards_each_with_a_query_of_its_own(faulty: Recording) -> None:
    for served in faulty.served("recommendations", "GET /recommendations/<int:customer_id>"):
        cards = [span for span in client_calls(faulty, served, "catalogue") if span.url.endswith("/card")]
        if served.failed:
            assert not cards
            continue
        queries = [sum(span.statement.startswith("SELECT") for span in faulty.below(card)) for card in cards]
        assert queries == [1] * 6


def test_recommendations_fetch_their_cards_together_once_repaired(after: Recording) -> None:
    for served in after.served("recommendations", "GET /recommendations/<int:customer_id>"):
        assert len(client_calls(after, served, "catalogue")) == 1


def test_tables_written_by_two_services(faulty: Recording, after: Recording) -> None:
    writes = faulty.tables("INSERT", "UPDATE")
    assert set(writes["inventory.stock_levels"]) == {"inventory", "shipping"}
    assert set(writes["orders.orders"]) == {"orders", "payments"}
    assert writes["orders.orders"]["payments"] / writes["orders.orders"].total() < 0.2
    repaired = after.tables("SELECT", "INSERT", "UPDATE")
    shared = {table: services for table, services in repaired.items() if len(services) > 1}
    assert not shared


def test_pick_lists_are_polled_by_another_service_than_the_one_that_writes_them(faulty: Recording) -> None:
    assert set(faulty.tables("INSERT", "UPDATE")["inventory.pick_lists"]) == {"inventory"}
    polls = sorted(span.start_ns for span in faulty.spans if "FROM inventory.pick_lists" in span.statement)
    gaps = [later - earlier for earlier, later in pairwise(polls)]
    assert len(polls) == 150
    assert median(gaps) == pytest.approx(0.5 * SECOND_NS, rel=0.1)


def test_two_services_keep_products_under_one_prefix_of_the_cache(faulty: Recording, after: Recording) -> None:
    def owners(shop: Recording) -> set[str]:
        return {span.service for span in shop.spans if span.statement.startswith("SET product:")}

    assert owners(faulty) == {"catalogue", "recommendations"}
    assert owners(after) == set()


def test_sold_out_products_fail_in_the_database_and_take_the_checkout_along(faulty: Recording) -> None:
    refused = [span for span in faulty.spans if span.failed and "stock_levels" in span.statement]
    broken = {span.trace_id for span in faulty.served("gateway", "POST /checkout") if span.failed}
    assert len({span.trace_id for span in refused}) >= 10
    assert {span.trace_id for span in refused} <= broken


def test_payments_take_checkouts_along_until_repaired(faulty: Recording, after: Recording) -> None:
    broken = {span.trace_id for span in faulty.served("gateway", "POST /checkout") if span.failed}
    unpaid = {span.trace_id for span in faulty.served("payments", "POST /payments") if span.failed}
    assert len(unpaid) >= 10
    assert len(unpaid & broken) / len(unpaid) > 0.9
    assert any(span.failed for span in after.served("payments", "POST /payments"))
    assert not any(span.failed for span in after.served("gateway", "POST /checkout"))


def test_estimates_of_delivery_are_optional_yet_break_the_page_until_repaired(
    faulty: Recording, after: Recording
) -> None:
    for shop, breaks in ((faulty, True), (after, False)):
        pages = shop.served("gateway", "GET /products/<sku>")
        asked = {span.parent_id: span.failed for span in shop.spans if span.name.endswith("/EstimateDelivery")}
        asked = {page.span_id: asked[page.span_id] for page in pages if page.span_id in asked}
        assert len(asked) / len(pages) < 0.3
        assert sum(asked.values()) >= 10
        assert all(page.failed == (breaks and asked.get(page.span_id, False)) for page in pages)


def payment_attempts(shop: Recording) -> Counter[int]:
    """Count orders by how often each asked for its payment."""
    return Counter(len(client_calls(shop, order, "payments")) for order in shop.served("orders", "POST /orders"))


def test_payments_are_tried_three_times_and_the_order_twice(faulty: Recording) -> None:
    assert set(payment_attempts(faulty)) == {0, 1, 3}
    checkouts = faulty.served("gateway", "POST /checkout")
    tries = [(len(client_calls(faulty, checkout, "orders")), checkout.failed) for checkout in checkouts]
    assert all(count == 2 for count, failed in tries if failed)
    assert {count for count, failed in tries if not failed} <= {1, 2}


def test_payments_are_tried_again_without_a_pause_and_without_a_key(faulty: Recording) -> None:
    gaps = []
    for order in faulty.served("orders", "POST /orders"):
        attempts = client_calls(faulty, order, "payments")
        assert not any("http.request.header.idempotency-key" in span.attributes for span in attempts)
        assert not any("http.request.header.idempotency_key" in span.attributes for span in attempts)
        gaps += [later.start_ns - earlier.end_ns for earlier, later in pairwise(attempts)]
    assert median(gaps) < 50_000_000


def test_refunds_carry_a_key(window: Recording) -> None:
    refunds = window.served("payments", "POST /refunds")
    assert refunds
    assert all("http.request.header.idempotency_key" in span.attributes for span in refunds)


def test_once_repaired_payments_are_seldom_tried_again(after: Recording) -> None:
    attempts = payment_attempts(after)
    assert set(attempts) <= {0, 1, 2}
    called = sum(count for tries, count in attempts.items() if tries)
    assert sum(tries * count for tries, count in attempts.items()) / called <= 1.1


@pytest.mark.parametrize(("name", "deliveries", "dead"), [("before", 9, 0), ("incident", 9, 0), ("after", 3, 1)])
def test_the_order_without_lines_fails_again_and_again(name: str, deliveries: int, dead: int) -> None:
    shop = recording(name)
    failures = Counter(
        span.attributes["messaging.message.id"]
        for span in shop.spans
        if span.service == "shipping" and span.kind == CONSUMER and span.failed
    )
    assert max(failures.values()) == deliveries
    sent = [span for span in shop.spans if span.kind == PRODUCER and "dead-letter" in span.name]
    assert bool(sent) == bool(dead)


# The incident alone


def test_payments_works_on_after_its_caller_gave_up(incident: Recording) -> None:
    overhangs = [
        span.end_ns - incident.by_id[span.parent_id].end_ns
        for span in incident.served("payments", "POST /payments")
        if span.parent_id in incident.by_id
    ]
    assert sum(overhang > SECOND_NS for overhang in overhangs) >= 100


def test_checkouts_wait_for_a_connection_of_the_pool(incident: Recording) -> None:
    waits = {
        name: sum(
            span.name == "connect" and span.service == "orders" and span.end_ns - span.start_ns > SECOND_NS
            for span in recording(name).spans
        )
        for name in WINDOWS
    }
    assert waits["incident"] >= 10
    assert waits["before"] == waits["after"] == 0


def test_most_calls_to_payments_fail_for_a_minute_and_go_on(incident: Recording) -> None:
    calls = sorted(
        (span for span in incident.spans if span.service == "orders" and span.url.endswith(":8080/payments")),
        key=lambda span: span.start_ns,
    )
    failed = [span for span in calls if span.failed]
    lasted_ns = failed[-1].start_ns - failed[0].start_ns
    during = [span for span in calls if failed[0].start_ns <= span.start_ns <= failed[-1].start_ns]
    assert lasted_ns > 60 * SECOND_NS
    assert len(failed) / len(during) > 0.5
    assert len(during) / (lasted_ns / (60 * SECOND_NS)) >= 20


def test_without_recommendations_the_home_page_is_still_served(incident: Recording) -> None:
    missed = [span for span in incident.spans if span.failed and "//recommendations:" in span.url]
    assert len(missed) >= 5
    assert not any(span.failed for span in incident.served("gateway", "GET /"))
