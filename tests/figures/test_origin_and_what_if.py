"""Rankings of origins and replays, drawn: what stands in them, what is left out, and why nothing is drawn."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.figures import origin_ranking, what_if_bars
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
    for figure in (origin_ranking(ranked(*HOSTILE)), what_if_bars(replayed(*HOSTILE))):
        assert "<script" not in figure.to_json().lower().replace("\\u003c", "<")
