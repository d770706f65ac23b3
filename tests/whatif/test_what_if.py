"""Each scenario on traces whose outcome is worked out by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import analysis as an
from analysis.whatif.changes import Found, Measured, apply
from analysis.whatif.measuring import recordings
from analysis.whatif.plan import Plan
from analysis.whatif.scenarios import ScenarioError, read_scenario
from tests.whatif.recorded import call, only, recorded

# shop 0..100 asks a (10..30), then b (40..60) and c (40..50) at once.
BESIDE = [
    (1, 0, "shop", "server", 0, 100),
    *call(2, 1, "shop", "a", 10, 30),
    *call(4, 1, "shop", "b", 40, 60),
    *call(6, 1, "shop", "c", 40, 50),
]


@pytest.mark.parametrize(
    ("scenario", "after_ms"),
    [
        ("slow=a:+15ms", 115),
        ("slow=b:+15ms", 115),
        # c has a slack of 10 ms beside b.
        ("slow=c:+5ms", 100),
        ("slow=c:+15ms", 105),
        # b answers in 18 ms; twice that is 18 ms more.
        ("slow=b:x2", 118),
        ("slow=shop:+7ms", 107),
        ("slow=a:-10ms", 90),
        # The call to a takes 20 ms: cut at 5 ms, b and c begin 15 ms earlier.
        ("timeout=shop->a:5ms", 85),
        ("timeout=shop->a:50ms", 100),
        # 1 ms on the way to a and 1 ms back are spared.
        ("merge=shop+a", 98),
        # Of b and c only the longer counts.
        ("merge=shop+c", 100),
        ("merge=shop+a+b", 96),
    ],
)
def test_time_goes_through_the_tree(scenario, after_ms):
    row = only(an.what_if(recorded([BESIDE]), scenario))
    assert (row["p50_ms_before"], row["p50_ms_after"]) == (100, after_ms)


def test_several_changes_at_once():
    row = only(an.what_if(recorded([BESIDE]), ["slow=a:+15ms", "slow=c:+15ms"]))
    assert row["p50_ms_after"] == 120


def test_merged_services_make_no_calls_between_them():
    row = only(an.what_if(recorded([BESIDE]), "merge=a+shop"))
    assert (row["calls_before"], row["calls_after"]) == (3, 2)


def test_who_is_not_waited_for_delays_nobody():
    spans = [
        (1, 0, "shop", "server", 0, 20),
        (2, 1, "shop", "producer", 5, 6),
        (3, 2, "mailer", "consumer", 8, 90),
    ]
    assert only(an.what_if(recorded([spans]), "slow=mailer:+50ms"))["p50_ms_after"] == 20


QUERY = {"statement": "SELECT url FROM images WHERE sku = 'x1'", "name": "SELECT images"}
LOOP = [
    (1, 0, "shop", "server", 0, 100, {"name": "GET /"}),
    # Six queries of 8, 9, 10, 11, 12 and 13 ms, 1 ms between; the first begins at 10 ms, the last ends at 78 ms.
    *(
        (2 + place, 1, "shop", "client", start, start + 8 + place, QUERY)
        for place, start in enumerate((10, 19, 29, 40, 52, 65))
    ),
]


def test_a_run_becomes_one_call_of_median_length():
    (recording,) = recordings(recorded([LOOP]))
    template = recording.texts("template")[1]
    plan = Plan(recording)
    found = Measured(found=Found(runs=frozenset({("shop", "GET /", template)})))
    assert apply(read_scenario("batch=detected"), plan, found) == 6
    # Of six the third: 10 ms, after the 1 ms that were before it, and the 10 ms before the loop are spared with the
    # first call; 22 ms follow the last.
    assert plan.durations()[0] / 1e6 == 1 + 10 + 22
    assert plan.call_counts().sum() == 1


def test_a_run_is_only_of_what_was_detected():
    (recording,) = recordings(recorded([LOOP]))
    plan = Plan(recording)
    found = Measured(found=Found(runs=frozenset({("shop", "GET /other", "SELECT")})))
    assert apply(read_scenario("batch=detected"), plan, found) == 0
    assert plan.durations()[0] / 1e6 == 100


def test_calls_one_after_the_other_start_together():
    spans = [
        (1, 0, "shop", "server", 0, 100, {"name": "GET /"}),
        *call(2, 1, "shop", "a", 10, 30),
        *call(4, 1, "shop", "b", 35, 65),
        *call(6, 1, "shop", "c", 70, 80),
    ]
    (recording,) = recordings(recorded([spans]))
    plan = Plan(recording)
    apply(read_scenario("parallel=detected"), plan, Measured(found=Found(series=frozenset({("shop", "GET /")}))))
    # All begin at 10 ms, the longest takes 30 ms, and 20 ms follow.
    assert plan.durations()[0] / 1e6 == 60


def with_failures(count, survived, of=10):
    """Return requests in which b failed in some, of which shop survived some."""
    requests = []
    for number in range(of):
        failed = number < count
        shop_failed = failed and number >= survived
        requests.append(
            [
                (1, 0, "shop", "server", 0, 100, {"failed": shop_failed}),
                *call(2, 1, "shop", "b", 10, 30, failed=failed),
            ]
        )
    return requests


def test_failures_go_up_as_callers_survived_them():
    # b failed in 4 of 10 requests, and shop survived 3 of these: it fails in a quarter of all failures of b, and in the
    # one that failed anyway.
    row = only(an.what_if(recorded(with_failures(4, 3)), "fail=b"))
    assert row["error_rate_before"] == 0.1
    assert row["error_rate_after"] == pytest.approx((9 * 0.25 + 1) / 10)
    assert row["error_rate_low"] < row["error_rate_after"] < row["error_rate_high"]


def test_a_share_of_calls_fails():
    row = only(an.what_if(recorded(with_failures(4, 3)), "fail=b:20%"))
    assert row["error_rate_after"] == pytest.approx((9 * 0.25 * 0.2 + 1) / 10)


def test_what_never_failed_is_taken_not_to_be_survived_and_that_is_said():
    result = an.what_if(recorded([BESIDE] * 4), "fail=b")
    row = only(result)
    assert (row["error_rate_after"], row["error_rate_low"], row["error_rate_high"]) == (1, 0, 1)
    assert any("3 of 3 edges never failed" in said for said in result.assumptions)


def test_a_call_given_up_fails():
    assert only(an.what_if(recorded([BESIDE] * 4), "timeout=shop->b:10ms"))["error_rate_after"] == 1
    assert only(an.what_if(recorded([BESIDE] * 4), "timeout=shop->b:30ms"))["error_rate_after"] == 0


def test_a_retry_makes_calls_and_undoes_failures():
    # 5 of 10 calls failed: of a second attempt half succeed, and it takes another 20 ms.
    row = only(an.what_if(recorded(with_failures(5, 0)), "retry=shop->b:2"))
    assert (row["calls_before"], row["calls_after"]) == (1, 1.5)
    assert (row["error_rate_before"], row["error_rate_after"]) == (0.5, 0.25)
    assert row["p95_ms_after"] == 120
    # A third attempt is made where the second failed as well: 1.5 more calls for each that failed.
    row = only(an.what_if(recorded(with_failures(5, 0)), "retry=shop->b:3"))
    assert (row["calls_after"], row["error_rate_after"]) == (1.75, 0.125)


def test_an_open_breaker_lets_no_call_through():
    # A request a second. The first five calls fail: open from the fifth on (at 4 s) until 9 s, when one is let through
    # and answers. Those of 5, 6, 7 and 8 s are not made.
    row = only(an.what_if(recorded(with_failures(5, 5, of=12)), "breaker=shop->b"))
    assert row["calls_before"] == 1
    assert row["calls_after"] == pytest.approx(8 / 12, abs=1e-4)
    assert row["changed"] == 4


def test_a_table_is_reached_through_its_owner():
    spans = [
        (1, 0, "shop", "server", 0, 100),
        *call(2, 1, "shop", "stock", 10, 30, way=3),
        (4, 1, "shop", "client", 40, 50, {"statement": "UPDATE stock.levels SET n = 1", "name": "UPDATE"}),
    ]
    row = only(an.what_if(recorded([spans]), "owner=stock.levels->stock"))
    # 3 ms there and 3 ms back.
    assert (row["p50_ms_after"], row["calls_before"], row["calls_after"]) == (106, 2, 3)
    assert only(an.what_if(recorded([spans]), "owner=levels->stock"))["calls_after"] == 3


def test_the_order_of_rows_does_not_matter():
    requests = with_failures(4, 3)
    texts = [json.dumps(an.what_if(recorded(requests, shuffle=seed), "fail=b").to_json()) for seed in (None, 1, 2)]
    assert texts[0] == texts[1] == texts[2]


def test_the_interval_narrows_with_requests():
    def width(count):
        requests = []
        for number in range(count):
            long = 80 + 40 * (number % 5) / 4
            requests.append([(1, 0, "shop", "server", 0, long), *call(2, 1, "shop", "a", 10, 30)])
        row = only(an.what_if(recorded(requests), "slow=a:+10ms"))
        assert row["p50_ms_low"] <= row["p50_ms_after"] <= row["p50_ms_high"]
        return row["p50_ms_high"] - row["p50_ms_low"]

    assert width(200) < width(10)


@pytest.mark.parametrize(
    ("text", "kind", "services", "number", "time_ms"),
    [
        ("fail=payments", "fail", ("payments",), None, None),
        ("fail=payments:0.25", "fail", ("payments",), 0.25, None),
        ("fail=payments:25%", "fail", ("payments",), 0.25, None),
        ("fail=postgresql://db:5432/shop", "fail", ("postgresql://db:5432/shop",), None, None),
        ("slow=cart:+50ms", "slow", ("cart",), None, 50),
        ("slow=cart:+1.5s", "slow", ("cart",), None, 1500),
        ("slow=cart:x2", "slow", ("cart",), 2, None),
        ("slow=postgresql://db/shop:x1.5", "slow", ("postgresql://db/shop",), 1.5, None),
        ("merge=cart+pricing", "merge", ("cart", "pricing"), None, None),
        ("batch=DETECTED", "batch", (), None, None),
        ("batch=catalogue", "batch", ("catalogue",), None, None),
        ("parallel=detected", "parallel", (), None, None),
        ("timeout=a->b:300ms", "timeout", ("a", "b"), None, 300),
        ("breaker=a -> b", "breaker", ("a", "b"), None, None),
        ("retry=a->b:3", "retry", ("a", "b"), 3, None),
        ("owner=shop.lines->orders", "owner", ("shop.lines", "orders"), None, None),
        ("cut=shop/stock", "cut", ("shop/stock",), None, None),
    ],
)
def test_scenarios_are_read(text, kind, services, number, time_ms):
    scenario = read_scenario(text)
    assert (scenario.kind, scenario.services, scenario.number) == (kind, services, number)
    assert scenario.time_ns == (None if time_ms is None else time_ms * 1_000_000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fial=x", "did you mean fail=SERVICE[:share]?"),
        ("nothing", "there are fail=SERVICE[:share], slow=SERVICE:+50ms"),
        ("slow=cart", "it is written slow=SERVICE:+50ms or slow=SERVICE:x2"),
        ("slow=cart:+soon", "it is written slow="),
        ("slow=cart:+5lightyears", "is no length of time"),
        ("slow=cart:+50", "'+50' has no unit, such as 300ms or 1.5s"),
        ("timeout=a->b:300", "'300' has no unit, such as 300ms or 1.5s"),
        ("timeout=a:300ms", "it is written timeout=A->B:300ms"),
        ("fail=cart:1.5", "a share is 0 to 1, or 0% to 100%"),
        ("fail=cart:150%", "a share is 0 to 1, or 0% to 100%"),
        ("retry=a->b:0", "a call is made once at least"),
        ("merge=a", "it is written merge=A+B"),
        ("cut=stock", "it is written cut=SERVICE/MODULE"),
    ],
)
def test_what_is_no_scenario_is_told(text, told):
    with pytest.raises(ScenarioError) as raised:
        read_scenario(text)
    assert told in str(raised.value)


def test_what_is_not_there_is_told():
    data = recorded([BESIDE])
    with pytest.raises(ScenarioError, match="there is no 'nobody'; there are a, b, c, shop"):
        an.what_if(data, "fail=nobody")
    with pytest.raises(ScenarioError, match="there is no 'shp'; did you mean 'shop'\\? There are a, b, c, shop"):
        an.what_if(data, "merge=shop+a+shp")
    with pytest.raises(ScenarioError, match="no service but 'a' reaches a table 'lines'"):
        an.what_if(data, "owner=lines->a")
    with pytest.raises(ScenarioError, match="the detectors found no such calls"):
        an.what_if(data, "batch=shop")
    with pytest.raises(ScenarioError, match="no span of the recording is concerned"):
        an.what_if(data, "breaker=a->b")


def test_nothing_detected_changes_nothing():
    row = only(an.what_if(recorded([BESIDE]), ["batch=detected", "parallel=detected"]))
    assert (row["changed"], row["p50_ms_after"]) == (0, 100)


def test_a_result_shows_itself():
    result = an.what_if(recorded([BESIDE]), "slow=a:+15ms")
    assert "<table" in result._repr_html_()
    assert isinstance(result.operations, pd.DataFrame)
