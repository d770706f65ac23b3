"""Rankings of origins and replays, drawn: what stands in them, what is left out, and why nothing is drawn."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.figures import origin_ranking, what_if_against, what_if_bars
from analysis.whatif.against import AGAINST_COLUMNS, TOLERANCE
from tests.figures.stories import HOSTILE


def ranked(*services):
    piece = {"kind": "errors", "measure": "share of GET / that failed", "before": 0.01, "during": 0.5}
    order = {"kind": "order", "measure": "first seen, ms", "before": None, "during": 12.5}
    return pd.DataFrame(
        [
            {"rank": place, "service": name, "operation": name, "score": 0.5 / place, "evidence": [piece, order]}
            for place, name in enumerate(services, start=1)
        ]
    )


def replayed(*names, changed=3):
    row = {"requests": 4, "changed": changed, "calls_before": 12.0, "calls_after": 1.0}
    for measure, values in (
        ("p50_ms", (20, 10, 8, 12)),
        ("p95_ms", (40, 30, 25, 38)),
        ("error_rate", (0, 0.25, 0.1, 0.4)),
    ):
        row |= {
            f"{measure}_{end}": value for end, value in zip(("before", "after", "low", "high"), values, strict=True)
        }
    return pd.DataFrame([{"service": name, "operation": "GET /", **row} for name in names])


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


def test_the_first_origin_is_marked_and_its_evidence_stands_below():
    figure = origin_ranking(ranked("payments", "orders"))
    first, rest = figure.data
    assert (list(first.x), list(rest.x)) == ([0.5], [0.25])
    assert (list(first.y), list(rest.y)) == ([0], [1])
    assert (first.marker.pattern.shape, rest.marker.pattern.shape) == ("/", "")
    assert list(figure.layout.yaxis.ticktext) == ["1 payments", "2 orders"]
    assert texts(figure)[0] == "share of GET / that failed: 0.01 → 0.5"


def test_many_origins_are_counted():
    figure = origin_ranking(ranked(*(f"s{number}" for number in range(11))))
    assert [len(bars.x) for bars in figure.data] == [1, 7]
    assert any("3 more services" in text for text in texts(figure))


@pytest.mark.parametrize(("given", "said"), [(None, "No incident is named"), (ranked().head(0), "Nothing changed")])
def test_why_no_origin_is_drawn(given, said):
    assert any(said in text for text in texts(origin_ranking(given)))


def test_before_and_after_stand_side_by_side_with_the_interval():
    figure = what_if_bars(replayed("shop"))
    before, after = figure.data
    assert (list(before.x), list(after.x)) == ([40], [30])
    assert (list(after.error_x.array), list(after.error_x.arrayminus)) == ([8], [5])
    assert texts(figure)[-1] == "calls 12 → 1, failed 0.0% → 25.0%, 3 of 4 requests changed"


def test_what_does_not_change_is_counted_and_nothing_at_all_is_said():
    figure = what_if_bars(pd.concat([replayed("shop"), replayed("stock", changed=0)]))
    assert len(figure.data[0].x) == 1
    assert any("1 entry operation untouched" in text for text in texts(figure))
    assert any("No request changes" in text for text in texts(what_if_bars(replayed("shop", changed=0))))


def test_names_from_telemetry_are_escaped():
    hostile = pd.DataFrame([predicted(name, 9.0, 9.0, 9.0, None, why=name) for name in HOSTILE])
    for figure in (origin_ranking(ranked(*HOSTILE)), what_if_bars(replayed(*HOSTILE)), what_if_against(hostile)):
        assert "<script" not in figure.to_json().lower().replace("\\u003c", "<")


def predicted(operation, before, replayed, observed, held, requests=40, why=""):
    corrected = None if replayed is None else replayed / 1.25
    return {
        **dict.fromkeys(AGAINST_COLUMNS),
        "service": "shop",
        "operation": operation,
        "requests_before": requests,
        "requests_after": requests,
        "calls_predicted": 4,
        "calls_observed": 4,
        "p95_ms_before": before,
        "p95_ms_predicted": replayed,
        "p95_ms_observed": observed,
        "drift": 1.25,
        "drift_from": "its own spans",
        "held": held,
        "why": why,
        "p95_ms_predicted_with_drift": corrected,
        "ratio": corrected / observed if observed else None,
    }


AGAINST = pd.DataFrame(
    [
        predicted("GET /same", 100.0, 100.0, 80.0, True),
        predicted("GET /batched", 400.0, 150.0, 100.0, True),
        predicted("GET /wrong", 400.0, 250.0, 100.0, False),
        predicted("GET /few", 10.0, 10.0, 8.0, None, requests=3, why="3 requests before and 3 after"),
        predicted("GET /health", 1.0, 1.0, 5.0, None),
        predicted("GET /gone", 9.0, 9.0, None, None) | {"requests_after": 0},
    ]
)


def test_what_was_predicted_stands_beside_what_was_observed_and_its_band():
    figure = what_if_against(AGAINST)
    # Most changed first: 400 to 150 ms, 400 to 250 ms, then the rest by their requests.
    names = ["shop GET /batched", "shop GET /wrong", "shop GET /same", "shop GET /few"]
    assert list(figure.layout.yaxis.ticktext) == names
    drawn = {trace.name: list(trace.x) for trace in figure.data}
    assert drawn["before"] == [400, 400, 100, 10]
    assert drawn["predicted, without the drift"] == [120, 200, 80, 8]
    assert drawn["observed after"] == [100, 100, 80, 8]
    band = next(trace for trace in figure.data if trace.name == "within 20 % of it")
    assert (list(band.base)[:1], list(band.x)[:1]) == ([80], [2 * TOLERANCE * 100])
    said = "\n".join(texts(figure))
    assert "2 of 3 predictions held within 20 %, 1 cannot be told" in str(figure.layout.title.subtitle.text)
    assert "✔ held: 1.20 of what was observed, calls 4 predicted, 4 observed" in said
    assert "✖ not held: 2.00" in said
    assert "? cannot be told: 3 requests before and 3 after" in said
    assert "1 entry operation of probes left out." in said
    assert "1 entry operation not in the recording after." in said


def test_without_a_recording_after_the_change_that_is_said():
    assert any("No recording made after the change" in text for text in texts(what_if_against(None)))
    gone = AGAINST[AGAINST["operation"] == "GET /gone"]
    assert any("No entry operation" in text for text in texts(what_if_against(gone)))
