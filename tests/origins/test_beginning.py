"""An incident that nobody names is proposed by the recording, or it is said that there is none."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import analysis as an
from analysis.origins import open_beginning, propose
from tests.conftest import REPOSITORY
from tests.origins.stories import BEGIN, INCIDENT, recorded

SHOP = REPOSITORY / "data/samples/shop"


def nothing(made):
    del made


def fails(made):
    made["failed"] = {"shop", "stock", "store"}


def test_the_minute_in_which_all_fails_is_proposed():
    found = propose(recorded(fails))
    # Two minutes are looked at in steps of one second, 40 requests in each, the first of the second at its very start.
    assert found.window.start_ns == INCIDENT[0].value
    assert (found.bad, found.requests, found.bad_outside, found.requests_outside) == (40, 40, 0, 40)
    assert (found.service, found.operation) == ("shop", "serve shop")


def test_what_is_late_is_proposed():
    def late(made):
        # The last half of the minute: 20 of 80 requests, so that what is usual stays so.
        if made["number"] >= 60:
            made["own"]["store"] = 200

    assert propose(recorded(late)).window.start_ns == INCIDENT[0].value + 30_000_000_000


def test_nothing_is_proposed_of_what_is_as_ever():
    assert propose(recorded(nothing)) is None


def test_few_failures_are_chance():
    def seldom(made):
        if made["number"] % 20 == 0:
            fails(made)

    assert propose(recorded(seldom)) is None


def test_what_a_recording_begins_with_is_no_incident():
    def mended(made):
        made["failed"] = set() if made["start_ns"] >= INCIDENT[0].value else {"shop"}

    assert propose(recorded(mended)) is None


def test_order_of_the_rows_does_not_matter():
    assert propose(recorded(fails, shuffle=7)) == propose(recorded(fails))


def test_where_nothing_departs_that_is_said_and_nothing_is_shown():
    found = an.beginning(recorded(nothing))
    assert found.ranked is None
    assert "no part of the recording departs from the rest" in found.said


def test_another_recording_is_held_against_the_whole():
    found = an.beginning(recorded(fails), baseline=recorded(nothing))
    assert found.ranked["service"].iloc[0] == "store"
    assert found.said.count("80 traces") == 2
    assert "proposed" not in found.said


def test_a_named_incident_is_taken():
    pair = (BEGIN + pd.Timedelta("1min"), BEGIN + pd.Timedelta("2min"))
    assert an.beginning(recorded(fails), incident=pair).ranked["service"].iloc[0] == "store"


def test_kept_beside_a_review_it_is_the_same(tmp_path):
    found = an.beginning(recorded(fails))
    found.save(tmp_path)
    kept = open_beginning(tmp_path)
    assert kept.said == found.said
    pd.testing.assert_frame_equal(kept.ranked, found.ranked)
    assert "nothing can be ranked" in open_beginning(tmp_path / "elsewhere").said


def test_names_are_escaped():
    shown = type(an.beginning(recorded(nothing)))(None, "<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in shown


def test_the_incident_of_the_shop_is_proposed_as_it_was_injected():
    phases = json.loads((SHOP / "incident/phases.json").read_text())
    found = propose(an.open_export(SHOP / "incident/traces.jsonl.zst"))
    begin, end = (pd.Timestamp(phases[place][name]).value for place, name in ((1, "start"), (2, "end")))
    assert found.window.start_ns == pytest.approx(begin, abs=2_000_000_000)
    assert found.window.end_ns == pytest.approx(end, abs=2_000_000_000)
    assert found.operation == "POST /checkout"


@pytest.mark.parametrize("name", ["before", "after"])
def test_an_ordinary_hour_of_the_shop_holds_no_incident(name):
    assert propose(an.open_export(SHOP / name / "traces.jsonl.zst")) is None


def test_of_many_spans_a_part_of_the_traces_is_compared():
    window = tuple(INCIDENT)
    whole = an.beginning(recorded(fails), incident=window)
    half = an.beginning(recorded(fails), incident=window, most_spans=200)
    assert "traces are compared" not in whole.said
    assert "400 spans: 50% of the traces are compared, chosen by the hash of their ids" in half.said
    # Forty traces in each window; ids that count up are spread by the hash as well as others.
    counts = [int(text.split()[0]) for text in half.said.split("(")[1:3]]
    assert all(10 <= count <= 30 for count in counts)
    assert half.ranked["service"].iloc[0] == "store"
    again = an.beginning(recorded(fails, shuffle=7), incident=window, most_spans=200)
    assert again.said == half.said
    pd.testing.assert_frame_equal(again.ranked, half.ranked)
