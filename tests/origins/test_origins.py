"""An incident is found where it began: at the deepest service that changed, by each kind of evidence."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import analysis as an
from analysis.origins import NoTraces, origins_report, read_window
from analysis.origins.changes import assured, likelihood_ratio
from tests.origins.stories import BEGIN, INCIDENT, MAPPING, MINUTE, MS, recorded


def nothing(made):
    del made


def kinds(row):
    return [piece["kind"] for piece in row.evidence]


def first(data, **arguments):
    found = an.origins(data, incident=INCIDENT, **arguments)
    return next(found.itertuples())


def test_nothing_changed_nothing_is_named():
    assert an.origins(recorded(nothing), incident=INCIDENT).empty


def test_a_failure_that_reaches_the_root_began_at_the_deepest_that_failed():
    def change(made):
        if made["number"] % 2:
            made["failed"] = {"shop", "stock", "store"}

    found = an.origins(recorded(change), incident=INCIDENT)
    assert found["service"].tolist() == ["store"]
    row = first(recorded(change))
    assert row.operation == "serve store"
    (errors,) = (piece for piece in row.evidence if piece["kind"] == "errors")
    assert (errors["before"], errors["during"]) == (0.0, 0.5)
    # Half of the requests are lost; a part of that, which chance could give, is not counted.
    assert 0.4 < row.lost_share <= 0.5
    # Forty pass the store; four are added that were not lost.
    assert row.score == pytest.approx(row.lost_share * 40 / 44, abs=1e-3)


def test_a_failure_of_a_caller_alone_is_its_own():
    def change(made):
        made["failed"] = {"stock"}

    assert first(recorded(change)).service == "stock"


def test_slow_work_is_the_own_of_who_does_it():
    def change(made):
        made["own"]["store"] = 80

    row = first(recorded(change))
    assert (row.service, kinds(row)[0]) == ("store", "self_time")
    # One in seven took 11 ms, all others 10 ms; of 40 the 95th percentile is 11.
    assert (row.evidence[0]["before"], row.evidence[0]["during"]) == (11.0, 80.0)


def test_time_between_two_services_is_given_to_the_callee():
    def change(made):
        made["network"]["store"] = 90

    row = first(recorded(change))
    assert (row.service, kinds(row)[0]) == ("store", "network_gap")
    assert (row.evidence[0]["before"], row.evidence[0]["during"]) == (2.0, 90.0)


def test_who_gives_up_waiting_is_not_the_origin():
    def change(made):
        made["own"]["store"] = 500
        made["failed"] = {"shop", "stock"}

    found = an.origins(recorded(change), incident=INCIDENT)
    assert found["service"].tolist() == ["store"]


def test_an_early_return_is_seen_by_the_calls_that_are_missing():
    def change(made):
        made["calls"] = ["stock"]

    row = first(recorded(change))
    assert (row.service, kinds(row)[0]) == ("stock", "missing_calls")
    assert "store serve store" in row.evidence[0]["measure"]
    assert (row.evidence[0]["before"], row.evidence[0]["during"]) == (1.0, 0.0)


def test_an_error_that_is_only_logged_is_evidence():
    def change(made):
        made["lines"] = [("stock", f"no such article {made['number']}")]

    row = first(recorded(change))
    assert (row.service, kinds(row)[0]) == ("stock", "log_template")
    assert row.evidence[0]["measure"].endswith("no such article <number>")


def test_requests_held_up_behind_others_are_given_to_what_those_wait_for():
    # Every second request waits 3 s for store; those between call nothing and are late in shop itself, which has no
    # thread to spare. Before, such requests took shop 10 ms.
    def change(made):
        if made["number"] % 2:
            made["own"]["store"] = 3_000
        else:
            made["calls"] = []
            made["own"]["shop"] = 1_000

    found = an.origins(recorded(change), incident=INCIDENT)
    assert found["service"].iloc[0] == "store"
    assert "held_up" in kinds(next(found.itertuples()))


def test_who_loses_all_that_comes_to_it_stands_before_who_loses_a_little_of_everything():
    # Every fourth request asks nobody but stock, which fails them all; the shop fails as many of the others.
    def change(made):
        if made["number"] % 4 == 0:
            made["calls"], made["failed"] = ["stock", "store"], {"stock", "shop"}
        else:
            made["calls"] = []
            if made["number"] % 4 == 1:
                made["failed"] = {"shop"}

    def usual(made):
        if made["number"] % 4:
            made["calls"] = []

    found = an.origins(recorded(change), incident=INCIDENT, baseline=recorded(usual, requests=80))
    assert found["service"].iloc[0] == "stock"
    assert found["score"].is_monotonic_decreasing
    assert found["lost_share"].iloc[0] < found["score"].iloc[0]


def test_a_stall_of_a_few_is_seen_by_how_long_it_is():
    # Three of forty calls of store stall for a second, a hundred times its usual; so few are chance if only counted.
    def change(made):
        if made["number"] in (50, 60, 70):
            made["own"]["store"] = 1_000

    row = first(recorded(change))
    assert (row.service, row.operation) == ("store", "serve store")


def test_a_rare_change_is_no_evidence():
    def change(made):
        if made["number"] == 60:
            made["failed"] = {"store"}

    assert an.origins(recorded(change), incident=INCIDENT).empty


def test_the_order_of_rows_does_not_matter():
    def change(made):
        made["own"]["store"] = 40
        made["lines"] = [("stock", "slow")]

    reports = [origins_report(recorded(change, shuffle=seed), incident=INCIDENT) for seed in (None, 1, 2)]
    assert json.dumps(reports[0]) == json.dumps(reports[1]) == json.dumps(reports[2])


def test_another_recording_may_be_the_baseline():
    def change(made):
        made["failed"] = {"store"}

    row = first(recorded(change), baseline=recorded(nothing))
    assert row.service == "store"


def test_first_seen_is_told_from_the_start_of_the_incident():
    def change(made):
        # 20 requests of the incident's 40 are over: half of its minute.
        if made["number"] >= 60:
            made["failed"] = {"store"}

    order = first(recorded(change)).evidence[-1]
    # store is called 5 + 1 + 5 + 1 ms after its request began.
    assert (order["kind"], order["before"], order["during"]) == ("order", None, 30_012.0)


def test_windows():
    window = read_window("2026-11-23T10:00:00Z..2026-11-23T10:05:00Z")
    assert (window.end_ns - window.start_ns) == 300_000_000_000
    assert read_window((BEGIN, "2026-11-23 10:05")) == window
    assert read_window(("2026-11-23T11:00:00+01:00", BEGIN + pd.Timedelta("5min"))) == window
    assert window.to_json() == ["2026-11-23T10:00:00Z", "2026-11-23T10:05:00Z"]
    for wrong in ("yesterday", "2026-11-23..", "a..b..c", 5, ("2026-11-23T10:05Z", "2026-11-23T10:00Z")):
        with pytest.raises(ValueError, match="window"):
            read_window(wrong)


def test_a_window_without_traces_is_told_with_what_there_is():
    data = recorded(nothing)
    with pytest.raises(
        NoTraces, match=r"no trace begins in the incident .*: the recording covers 2026-11-23T10:00:00Z"
    ):
        an.origins(data, incident=("2025-01-01", "2025-01-02"))
    with pytest.raises(NoTraces, match="nothing was recorded before the incident"):
        an.origins(data, incident=(BEGIN, BEGIN + pd.Timedelta("1min")))


def test_likelihood_ratio_of_shares():
    # 2 [9 ln 0.9 + ln 0.1 + 9 ln 0.9 + ln 0.1 - 20 ln 0.5] = 2 (2 (-0.948245 - 2.302585) + 13.862944)
    assert likelihood_ratio(9, 10, 1, 10) == pytest.approx(14.722568, abs=1e-5)
    assert likelihood_ratio(5, 10, 50, 100) == pytest.approx(0, abs=1e-9)
    assert assured(3.841) == 0
    assert assured(2 * 3.841) == pytest.approx(0.5)


def asked(number, minute, kind, own_ms):
    """Return the spans of a request: a gateway that names all alike calls a service, which takes its time; ms."""
    start = BEGIN.value + minute * MINUTE + number * MINUTE // 200
    shared = {"trace": f"{minute * 1000 + number + 1:032x}", "status": "unset"}
    rows = [
        ("gateway", "handle", "server", own_ms + 4, 0),
        ("gateway", "HTTP GET", "client", own_ms + 2, 1),
        (kind, f"GET /{kind}", "server", own_ms, 2),
    ]
    spans = []
    for place, (service, name, span_kind, ms, at) in enumerate(rows):
        span = (minute * 1000 + number) * 10 + place + 1
        row = {"span": f"{span:016x}", "parent": f"{span - 1:016x}" if place else None, "service": service}
        times = {"start": start + at * MS, "duration": int(ms * MS)}
        spans.append(shared | row | times | {"name": name, "kind": span_kind})
    return spans


def test_what_is_usual_is_told_by_the_kind_of_request():
    # Logins take 10 ms and searches 500 ms; logins become five times as slow, searches a tenth.
    rows = []
    for minute, usual in ((0, {"login": 10, "search": 500}), (1, {"login": 50, "search": 550})):
        for number in range(100):
            kind = "login" if number % 2 else "search"
            rows += asked(number, minute, kind, usual[kind] + number % 3)
    found = an.origins(an.open_rows([pd.DataFrame(rows)], MAPPING, skew="off"), incident=INCIDENT)
    scores = found.set_index("service")["score"]
    assert found["service"].tolist() == ["login", "search"]
    # Fifty requests and four more pass each: every login is lost (40 ms of 15), of a search a tenth is (50 ms of 505).
    assert scores["login"] == pytest.approx(50 / 54, abs=0.03)
    assert scores["search"] == pytest.approx(0.1 * 50 / 54, abs=0.02)
