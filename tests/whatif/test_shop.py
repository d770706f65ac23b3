"""Held to the samples: the window before, replayed with what was repaired, against the window after."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import analysis as an
from analysis.whatif.measuring import recordings
from analysis.whatif.plan import Plan
from tests.commands.run import run

SHOP = Path(__file__).resolve().parents[2] / "data" / "samples" / "shop"

#: Entry operations whose runs of calls were repaired.
REPAIRED = {("gateway", "GET /"), ("gateway", "GET /categories/<slug>"), ("backoffice", "GET /open-orders")}
#: Those that changed otherwise, or of which there are too few requests for a p95: nothing can be held.
NOT_HELD = {
    ("gateway", "POST /checkout"): "its calls changed in ways that no scenario stands for",
    ("gateway", "POST /cart/voucher"): "16 requests before and 17 after",
    ("shipping", "SELECT"): "it is not in the recording after",
}


@pytest.fixture(scope="module")
def before():
    return an.open_export(SHOP / "before" / "traces.jsonl.zst")


@pytest.fixture(scope="module")
def after():
    return an.open_export(SHOP / "after" / "traces.jsonl.zst")


@pytest.fixture(scope="module")
def replayed(before, after):
    return an.what_if(before, ["batch=catalogue", "batch=recommendations", "batch=backoffice"], against=after)


def by_entry(operations):
    return {(row["service"], row["operation"]): row for row in operations.to_dict("records")}


def test_without_a_change_every_span_lasts_as_long_as_recorded(before):
    for recording in recordings(before):
        timed = recording.forest.has_time
        np.testing.assert_array_equal(Plan(recording).durations()[timed], recording.forest.duration[timed])


def test_calls_are_predicted_exactly(replayed, after):
    recorded = by_entry(an.what_if(after, "slow=gateway:+0ms").operations)
    predicted = by_entry(replayed.operations)
    changed = {entry for entry, row in predicted.items() if row["calls_before"] != row["calls_after"]}
    assert changed == set(REPAIRED)
    # A mean over as many requests in both: rounded to whole calls, as not every visitor sees a featured product.
    for entry in REPAIRED:
        assert predicted[entry]["calls_after"] == pytest.approx(recorded[entry]["calls_before"], abs=0.01), entry


def test_times_are_predicted_within_a_fifth(replayed):
    """The machine was slower while *before* was recorded: what nobody touched took longer there than in *after*."""
    held = by_entry(replayed.against)
    for entry in REPAIRED:
        assert 1.1 < held[entry]["drift"] < 1.4, entry
        assert 0.8 <= held[entry]["ratio"] <= 1.2, (entry, held[entry]["ratio"])
    # What no scenario touches shows how well the drift alone is told.
    judged = {entry: row for entry, row in held.items() if row["held"] is not None}
    assert len(judged) == 10
    assert {entry for entry, row in judged.items() if not row["held"]} == set()


@pytest.mark.parametrize("entry", NOT_HELD)
def test_it_says_why_something_is_not_held(replayed, entry):
    row = by_entry(replayed.against)[entry]
    assert row["held"] is None
    assert NOT_HELD[entry] in row["why"]


def test_the_checkout_failed_otherwise_and_reserves_otherwise(replayed):
    why = by_entry(replayed.against)["gateway", "POST /checkout"]["why"]
    assert "UPDATE inventory.stock_levels" in why
    assert "it failed otherwise than predicted: 19.8% of the requests predicted, 0.0% observed" in why


def test_all_that_is_detected_includes_what_was_repaired(before, replayed):
    everything = by_entry(an.what_if(before, "batch=detected").operations)
    for entry in REPAIRED:
        assert everything[entry]["calls_after"] == by_entry(replayed.operations)[entry]["calls_after"]
    # The nightly import writes its sixty prices at once.
    assert everything["pricing", "nightly price import"]["calls_after"] == 2


def test_a_table_given_to_its_owner_costs_a_call(before):
    result = by_entry(an.what_if(before, "owner=inventory.stock_levels->inventory").operations)
    assert sum(row["calls_after"] > row["calls_before"] for row in result.values()) >= 1


def test_command(capsys):
    source = SHOP / "before" / "traces.jsonl.zst"
    said = run(capsys, "what-if", source, "--scenario", "merge=cart+pricing", "--format", "json")
    assert said.code == 0
    members = json.loads(said.out)
    assert members["schema"] == "archreview/what-if/1"
    assert members["scenarios"] == ["merge=cart+pricing"]
    cart = next(row for row in members["operations"] if row["operation"] == "GET /cart")
    # The cart asks pricing, which comes back for the lines: two calls that are none any more.
    assert cart["calls_before"] - cart["calls_after"] == 2
    assert cart["p50_ms_after"] < cart["p50_ms_before"]
    assert members["assumptions"]
    text = run(capsys, "what-if", source, "--scenario", "merge=cart+pricing")
    assert "gateway GET /cart" in text.out
    assert "assumed" in text.out


def test_command_against(capsys):
    before, after = (SHOP / window / "traces.jsonl.zst" for window in ("before", "after"))
    said = run(capsys, "what-if", before, "--scenario", "batch=backoffice", "--against", after)
    assert said.code == 0
    assert "gateway POST /checkout: its calls changed" in said.out
    orders = said.out.split("against what was recorded after")[1].split("backoffice GET /open-orders")[1]
    assert "4 predicted, 4 observed a request" in orders.splitlines()[1]
    assert "within 20%" in orders.splitlines()[4]


def test_command_against_nothing(capsys, tmp_path):
    said = run(
        capsys, "what-if", SHOP / "before" / "traces.jsonl.zst", "--scenario", "merge=cart+pricing",
        "--against", tmp_path / "gone.json",
    )  # fmt: skip
    assert said.code == 1
    assert "gone.json" in said.err


@pytest.mark.parametrize("wrong", ["fial=payments", "fail=nobody"])
def test_a_wrong_scenario_is_wrong_usage(capsys, wrong):
    said = run(capsys, "what-if", SHOP / "before" / "traces.jsonl.zst", "--scenario", wrong)
    assert said.code == 2
    assert "payments" in said.err or "fail=SERVICE" in said.err
