"""What failures do to the recorded shop during the incident, held against the recording span by span."""

from __future__ import annotations

import pytest

import analysis
from tests.samples.recordings import CLIENT, SAMPLES, Recording

pytestmark = pytest.mark.slow

#: Numbers of severities in OTLP: error begins at 17.
ERROR_SEVERITY = 17


@pytest.fixture(scope="module")
def data():
    return analysis.open_export(str(SAMPLES / "incident"))


@pytest.fixture(scope="module")
def result(data):
    return analysis.review(data)


@pytest.fixture(scope="module")
def recording():
    return Recording("incident")


def row(table, **names):
    for name, value in names.items():
        table = table[table[name] == value]
    [found] = table.to_dict("records")
    return found


def test_the_home_page_survives_and_the_product_page_does_not(result):
    tolerance = analysis.tolerance(result)
    optional = row(tolerance, caller="gateway", callee="recommendations")
    assert optional["failures"] == optional["survived"] > 20
    assert row(tolerance, caller="gateway", callee="shipping")["survived"] == 0


def test_availability_by_requirements_is_near_what_was_seen(result, recording):
    checkout = row(analysis.availability(result), entry_service="gateway", entry_operation="POST /checkout")
    served = recording.served("gateway", "POST /checkout")
    assert checkout["seen"] == pytest.approx(1 - sum(span.failed for span in served) / len(served))
    assert checkout["product"] == pytest.approx(checkout["seen"], abs=0.03)


def test_what_waits_for_a_connection_fails_by_saturation_and_the_home_page_absorbs_it(result):
    paths = analysis.cascade_paths(result)
    absorbed = paths[(paths["mechanism"] == "saturation") & (paths["ended"] == "absorbed")]
    assert set(zip(absorbed["origin_service"], absorbed["ended_at"], absorbed["absorbed_how"], strict=True)) == {
        ("orders", "gateway GET /", "default")
    }


def test_a_slow_acquirer_makes_the_checkout_slow_from_payments_up(result):
    paths = analysis.cascade_paths(result)
    slow = paths[(paths["mechanism"] == "slowness") & (paths["ended"] == "request slow")]
    way = ("payments POST /v1/charges", "payments POST /payments", "orders POST /orders", "gateway POST /checkout")
    assert slow.iloc[0]["path"] == way
    # Orders gives up after a second, the charge goes on: the checkout is over first.
    assert (slow.iloc[0]["lift"] > 3, slow.iloc[0]["climb_ms_p50"]) == (True, 0.0)


def test_an_error_that_only_the_cart_logs_is_a_path_of_its_own(result):
    paths = analysis.cascade_paths(result)
    told = row(paths, mechanism="logged error")
    assert (told["origin_service"], told["ended"], told["confidence"]) == ("cart", "absorbed", 0.6)


def test_orders_tries_payments_again_at_once_after_a_second_without_a_breaker(result):
    edge = row(analysis.mechanisms(result), caller="orders", callee="payments")
    assert edge["timeout_ms"] == pytest.approx(1000, rel=0.02)
    assert (edge["most_attempts"], edge["backoff"], edge["breaker"]) == (3, "none", "not seen")


def test_what_only_logs_tell_of_is_told(data, recording):
    # The cart logs an error for a voucher that it cannot read, and answers 200.
    failed = {span.trace_id for span in recording.spans if span.failed}
    lines = [
        record
        for record in recording.log_records
        if int(record.get("severityNumber", 0)) >= ERROR_SEVERITY and record.get("traceId", "") not in failed
    ]
    assert {record["service"] for record in lines} == {"cart"}
    from analysis.critical_path import critical_path_report

    errors = critical_path_report(data)["errors"]
    assert sum(entry["logged"] for entry in errors if entry["path"][-1].startswith("cart ")) == len(lines) > 0


def test_a_failed_consumer_is_followed_to_the_checkout_that_sent_the_message(result):
    paths = analysis.cascade_paths(result)
    beyond = paths[(paths["ended"] == "not waited for") & (paths["mechanism"] != "slowness")]
    assert set(zip(beyond["origin_service"], beyond["ended_at"], strict=True)) == {("shipping", "orders POST /orders")}


def test_orders_has_as_many_calls_to_payments_as_were_recorded(result, recording):
    calls = result.facts["call_seconds"]
    counted = calls[(calls["service"] == "orders") & (calls["target"] == "payments")]["calls"].sum()
    made = [
        span for span in recording.spans if span.service == "orders" and span.kind == CLIENT and "payments" in span.url
    ]
    assert counted == len(made)
