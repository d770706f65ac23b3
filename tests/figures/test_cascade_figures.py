"""Figures of chapter four: what they say of facts written by hand, and what they say where there is nothing."""

import numpy as np
import pandas as pd
import pytest

from analysis.facts import Histogram
from analysis.figures import (
    availability_waterfall,
    blast_radius_matrix,
    duration_histogram,
    load_phases,
    propagation_timeline,
    retry_ladder,
)
from analysis.findings import Example, Finding
from tests.figures.stories import HOSTILE, Story, texts
from tests.resilience.facts import depends, empty, table
from tests.resilience.test_reach import SHOP, began, requested, visited, waits_for

MS = 1_000_000
MINUTE = 29_453_760  # 2026-01-01T00:00Z


def seconds(counts):
    """Return a histogram of seconds of the minute."""
    return Histogram(np.array(sorted(counts), np.int32), np.array([counts[key] for key in sorted(counts)], np.int64))


def minute(service, ended, failed, number=MINUTE):
    return {"service": service, "minute": number, "ended": seconds(ended), "failed": seconds(failed)}


def timeline(*rows):
    return Story({"instance_minutes": table("instance_minutes", *rows)})


def labels(figure):
    return list(figure.layout.yaxis.ticktext)


def test_services_stand_in_the_order_in_which_their_gravest_series_began():
    figure = propagation_timeline(
        timeline(
            minute("gateway", dict.fromkeys(range(60), 10), {0: 3, 40: 10, 41: 10}),
            minute("orders", dict.fromkeys(range(60), 10), {31: 10, 32: 10}),
            minute("stock", dict.fromkeys(range(60), 10), {5: 1}),
            minute("web", dict.fromkeys(range(60), 10), {}),
        )
    )
    assert labels(figure) == ["orders", "gateway", "stock"]
    assert "3 of 4 services had failed visits" in texts(figure)
    assert "1 service without a failed visit not drawn." in texts(figure)
    bars = [trace for trace in figure.data if trace.name == "failed"]
    # The full height of a row is 0.78: ten of ten failed, and one of ten.
    assert [round(-max(bar.y, key=abs) / 0.78, 3) for bar in bars] == [1.0, 1.0, 0.1]
    [marks] = [trace for trace in figure.data if trace.name == "a fifth fails"]
    assert [pd.Timestamp(at).strftime("%H:%M:%S") for at in marks.x] == ["00:00:31", "00:00:40"]


def test_a_part_of_the_time_is_drawn():
    rows = timeline(minute("a", dict.fromkeys(range(60), 2), {1: 2, 50: 2}))
    figure = propagation_timeline(rows, "2026-01-01T00:00:40Z", "2026-01-01 00:00:59")
    [bar] = [trace for trace in figure.data if trace.name == "failed"]
    assert len(bar.y) == 1
    assert "Nothing was recorded" in texts(propagation_timeline(rows, "2027-01-01"))


def test_the_map_tells_shares_doubts_and_what_was_seen():
    said = blast_radius_matrix(Story(SHOP))
    heat = said.data[0]
    rows, columns = list(said.layout.yaxis.ticktext), list(said.layout.xaxis.ticktext)
    assert columns == ["web GET /", "web POST /pay"]
    cells = {(row, column): heat.text[i][j] for i, row in enumerate(rows) for j, column in enumerate(columns)}
    assert cells["ads", "web GET /"] == "10% ✖2"
    assert cells["payments", "web POST /pay"] == "100% ✖10"
    assert cells["bank.example", "web POST /pay"] == "50%?"
    assert cells["bank.example", "web GET /"] == ""
    assert len(said.layout.shapes) == 2


def test_probes_and_rows_without_a_cell_are_left_out_of_the_map():
    facts = empty() | {
        "requests": table("requests", requested("web", "GET /health", 9), requested("web", "GET /", 1)),
        "request_services": table(
            "request_services", waits_for("web", "GET /health", 9, "web", "db"), waits_for("web", "GET /", 1, "web")
        ),
    }
    figure = blast_radius_matrix(Story(facts))
    assert list(figure.layout.xaxis.ticktext) == ["web GET /"]
    assert list(figure.layout.yaxis.ticktext) == ["web"]


def test_the_waterfall_falls_by_what_each_requirement_costs():
    figure = availability_waterfall(Story(SHOP))
    assert labels(figure) == ["all requests", "payments POST /charge", "by what is required", "as seen"]
    losses = next(trace for trace in figure.data if trace.name == "loss")
    assert [*losses.x, *losses.base] == pytest.approx([1 / 6, 5 / 6])
    assert list(losses.text) == ["16.7 points lost"]
    assert "by what is required 83.3 %" in texts(figure)
    other = availability_waterfall(Story(SHOP), "web", "GET /")
    assert labels(other)[1:2] == ["ads GET /ads"]
    assert "No request of web GET /x" in texts(availability_waterfall(Story(SHOP), "web", "GET /x"))


def waited(end, ms, calls, target="payments"):
    latency = Histogram.from_values(np.array([ms * MS]), np.array([calls]))
    key = {"service": "orders", "target": target, "template": "POST /payments", "end": end}
    return key | {"calls": calls, "latency": latency}


def test_durations_are_drawn_by_how_calls_ended_with_the_timeout_in_force():
    story = Story(
        {
            "waits": table(
                "waits", waited("answered", 100, 90), waited("timeout", 1000, 10), waited("answered", 9, 500, "db")
            )
        }
    )
    subject = {"kind": "timeout", "service": "orders", "target": "payments", "template": "POST /payments"}
    story.findings = pd.DataFrame([{"subject": subject, "measures": {"timeout_s": 1}}])
    figure = duration_histogram(story)
    heights = {trace.name: (int(sum(trace.y)), round(float(trace.x[0]), -1)) for trace in figure.data}
    # Bars are a twelfth of a factor of ten wide; these hold 100 ms and one second.
    assert heights["answered"][0] == 90
    assert heights["timed out"][0] == 10
    assert [annotation.text for annotation in figure.layout.annotations if annotation.name == "mark"] == [
        "timeout in force: 1 s",
        "p99 of the answered: 100 ms",
    ]
    assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx([1000, 100], rel=0.01)
    plain = duration_histogram(story, target="db")
    assert {trace.name for trace in plain.data} == {"answered"}
    assert "No call of any service to nobody" in texts(duration_histogram(story, target="nobody"))


def called(calls, failed, again, target="payments"):
    one = {"service": "orders", "target": target, "kind": "service", "minute": MINUTE, "template": "POST"}
    return one | {"by_second": seconds(calls), "failures": seconds(failed), "retries": seconds(again)}


def test_phases_are_joined_in_the_order_of_time():
    rows = table("call_seconds", called({0: 4, 1: 6, 2: 12}, {1: 1, 2: 12}, {2: 8}), called({0: 99}, {}, {}, "stock"))
    figure = load_phases(Story({"call_seconds": rows}))
    [way] = [trace for trace in figure.data if trace.name == "in order of time"]
    assert (list(way.x), list(way.y)) == ([4, 6, 12], [4, 5, 0])
    marks = {trace.name: list(trace.x) for trace in figure.data if trace.mode == "markers+text"}
    assert marks == {"fewer than 5 % fail": [4], "5 to 50 % fail": [6], "half or more fail": [12]}
    assert "8 of 22 attempts were tries again" in texts(figure)
    assert "No call between services failed" in texts(load_phases(Story({"call_seconds": rows.iloc[1:]})))


def retried(*span_ids):
    example = Example(f"{1:032x}", tuple(f"{number:016x}" for number in span_ids), "worst")
    subject = {"service": "orders", "target": "payments"}
    return Finding("retry_amplification", "cascades", "low", 0.8, "t", "s", ("orders",), subject, exemplars=(example,))


@pytest.fixture
def traces(tmp_path):
    import analysis as an
    from tests.detectors.stories import export

    spans = [
        {"is": "root", "service": "orders", "name": "POST /orders", "kind": "server", "ms": 900},
        {
            "is": "a",
            "under": "root",
            "service": "orders",
            "name": "POST",
            "kind": "client",
            "ms": 100,
            "status": "error",
        },
        {
            "is": "b",
            "under": "root",
            "service": "orders",
            "name": "POST",
            "kind": "client",
            "at": 150,
            "ms": 100,
            "status": "error",
        },
        {"is": "c", "under": "root", "service": "orders", "name": "POST", "kind": "client", "at": 350, "ms": 50},
    ]
    return an.open_export(str(export({"traces": 1, "spans": spans}, tmp_path / "t.jsonl")))


def test_rungs_are_attempts_and_gaps_stand_between(traces):
    figure = retry_ladder(traces, retried(2, 3, 4))
    [rungs] = [trace for trace in figure.data if trace.name == "attempts"]
    assert list(rungs.base) == pytest.approx([0, 150, 350])
    assert list(rungs.text) == ["✖ 100 ms", "✖ 100 ms", "50 ms"]
    gaps = [annotation.text for annotation in figure.layout.annotations if annotation.name == "gap"]
    assert gaps == ["gap 50 ms", "gap 100 ms"]
    assert "3 attempts, 2 failed" in texts(figure)
    assert "fewer than two attempts" in texts(retry_ladder(traces, retried(2)))
    assert "names no trace" in texts(retry_ladder(traces, Finding("x", "cascades", "info", 0.5, "", "", (), {})))


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (propagation_timeline, "No span has a time"),
        (blast_radius_matrix, "No request was seen"),
        (availability_waterfall, "No request was seen"),
        (duration_histogram, "No call was seen"),
        (load_phases, "No call between services was seen"),
    ],
)
def test_where_there_is_nothing_a_figure_says_why(draw, reason):
    assert reason in texts(draw(Story(empty())))


def test_nothing_failed_is_said_too():
    calm = SHOP | {
        "requests": table("requests", requested("web", "GET /", 5)),
        "failures": table("failures"),
        "dependencies": table("dependencies", depends("web GET /", "ads GET /ads", 5)),
    }
    assert "Nothing that web GET / requires failed" in texts(availability_waterfall(Story(calm)))
    assert "None of the visits of 1 service failed" in texts(propagation_timeline(timeline(minute("a", {1: 2}, {}))))


def hostile_figures():
    names = list(HOSTILE)
    rows = {
        "requests": table("requests", *(requested(name, name, 3, 1) for name in names)),
        "visits": table("visits", *(visited(name, name, 3, 1) for name in names)),
        "request_services": table("request_services", *(waits_for(name, name, 3, name, "hub") for name in names)),
        "failures": table("failures", *(began(name, name, 1, 1, entry=(name, name)) for name in names)),
        "instance_minutes": table("instance_minutes", *(minute(name, {1: 3}, {1: 3}) for name in names)),
    }
    for name in names[:4]:
        facts = (
            empty()
            | rows
            | {
                "waits": table("waits", waited("timeout", 10, 5, name) | {"service": name, "template": name}),
                "call_seconds": table("call_seconds", called({0: 4}, {0: 2}, {}, name) | {"service": "hub"}),
            }
        )
        story = Story(facts)
        yield from (propagation_timeline(story), blast_radius_matrix(story), availability_waterfall(story, name, name))
        yield from (duration_histogram(story), load_phases(story))


def test_hostile_names_bring_no_markup():
    for figure in hostile_figures():
        said = texts(figure)
        assert "<script" not in said
        assert "<a " not in said
