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

#: Entry operations whose runs of calls were repaired, and what of them was not touched: calls by the service called.
REPAIRED = {
    ("gateway", "GET /"): ("customers", "cart", "backoffice", "inventory"),
    ("gateway", "GET /categories/<slug>"): ("customers",),
    ("backoffice", "GET /open-orders"): ("orders",),
}


@pytest.fixture(scope="module")
def before():
    return an.open_export(SHOP / "before" / "traces.jsonl.zst")


@pytest.fixture(scope="module")
def after():
    return an.open_export(SHOP / "after" / "traces.jsonl.zst")


@pytest.fixture(scope="module")
def replayed(before):
    return an.what_if(before, ["batch=catalogue", "batch=recommendations", "batch=backoffice"])


def by_entry(operations):
    return {(row["service"], row["operation"]): row for row in operations.to_dict("records")}


def recorded_requests(data):
    """Return for each entry operation the times of its requests, and of their calls by the service called; ms."""
    found = {}
    for recording in recordings(data):
        forest, operation = recording.forest, recording.texts("operation")
        for row in np.flatnonzero((forest.parent < 0) & ~forest.orphan):
            children = forest.child[forest.child_offset[row] : forest.child_offset[row + 1]]
            times = {}
            for child in children:
                target = recording.target[child]
                times[target] = times.get(target, 0.0) + forest.duration[child] / 1e6
            entry = found.setdefault((recording.services[row], operation[row]), [])
            entry.append((forest.duration[row] / 1e6, times))
    return found


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


def test_times_are_predicted_within_a_fifth(replayed, before, after):
    """The machine was slower while *before* was recorded: the same, untouched calls took longer there than in *after*.

    Measured by those calls of the very requests, that is taken out. Without it `GET /categories/<slug>` alone is
    predicted within a fifth, at the median all three within a quarter.
    """
    predicted = by_entry(replayed.operations)
    requests = recorded_requests(before), recorded_requests(after)
    for entry, untouched in REPAIRED.items():
        same = [[sum(times.get(name, 0.0) for name in untouched) for _, times in of[entry]] for of in requests]
        drift = np.mean(np.sort(same[0])[: int(0.95 * len(same[0]))]) / np.mean(
            np.sort(same[1])[: int(0.95 * len(same[1]))]
        )
        recorded_p95 = np.percentile([long for long, _ in requests[1][entry]], 95)
        ratio = predicted[entry]["p95_ms_after"] / (recorded_p95 * drift)
        assert 0.8 <= ratio <= 1.2, (entry, ratio)


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


@pytest.mark.parametrize("wrong", ["fial=payments", "fail=nobody"])
def test_a_wrong_scenario_is_wrong_usage(capsys, wrong):
    said = run(capsys, "what-if", SHOP / "before" / "traces.jsonl.zst", "--scenario", wrong)
    assert said.code == 2
    assert "payments" in said.err or "fail=SERVICE" in said.err
