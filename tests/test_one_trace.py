"""One trace told in the order of time, its log lines between its spans."""

from __future__ import annotations

import pandas as pd
import pytest

import analysis as an
from analysis.findings import Example
from tests.claims import finding
from tests.exports import log, otlp, span
from tests.shop import shop

MS = 1_000_000
TRACE = f"{1:032x}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "export.json"
    call = span(1, 2, 1, service="cart", name="GET /carts", start=20 * MS, length=5 * MS)
    spans = [span(1, 1, length=100 * MS), call]
    path.write_bytes(otlp([*spans, span(2, 1)], logs=[log("card of 4711 refused", trace=1), log("elsewhere", trace=2)]))
    return an.open_export(path)


def test_spans_and_logs_stand_in_the_order_of_time(data):
    told = an.story(data, TRACE)
    assert set(told["what"]) == {"span", "log"}
    spans = told[told["what"] == "span"]
    assert list(spans["at_ms"]) == [0.0, 20.0]
    assert list(spans["duration_ms"]) == [100.0, 5.0]
    assert list(spans["service"]) == ["shop", "cart"]
    [line] = told[told["what"] == "log"].to_dict("records")
    # The template of the message, never its values.
    assert "4711" not in line["name"]
    assert "card of" in line["name"]
    assert told["at_ms"].dropna().is_monotonic_increasing


def test_a_line_that_only_names_the_request_stands_in_the_trace_that_carries_its_id(tmp_path):
    request = "0f8fad5b-d9cb-469f-a165-70867728950e"
    own = span(1, 1, length=100 * MS, attributes={"http.request.header.x-request-id": request})
    lines = [log("read", trace=1), log("read", trace=0, attributes={"request_id": request}), log("read", trace=0)]
    path = tmp_path / "export.json"
    path.write_bytes(otlp([own, span(2, 1)], logs=lines))
    told = an.story(an.open_export(path), TRACE)
    assert sorted(told["joined_by"]) == ["", "request id", "trace id"]


def test_a_trace_that_is_not_there_has_no_story(data):
    assert an.story(data, "ff").empty
    with pytest.raises(ValueError, match="trace id"):
        an.story(data, "no id")


def test_a_kept_review_tells_the_trace_with_its_logs(tmp_path):
    lines = [log("order refused", trace=trace, time=trace) for trace in range(1, 31)]
    path = tmp_path / "export.json"
    path.write_bytes(otlp(shop(), logs=lines))
    result = an.review(an.open_export(path))
    chosen = an.worst_exemplar(result.finding_objects)
    again = an.open_review(result.save(tmp_path / "kept"))
    told = an.story(again.traces, chosen)
    pd.testing.assert_frame_equal(told, an.story(result.traces, chosen))
    assert sorted(told["what"].unique()) == ["log", "span"]
    assert (told.loc[told["what"] == "log", "name"] == "order refused").all()


def test_the_worst_exemplar_of_the_worst_finding_is_looked_at_first():
    median, worst = Example("a", (), "median"), Example("b", (), "worst")
    assert an.worst_exemplar((finding(), finding(exemplars=(median, worst)))) == "b"
    assert an.worst_exemplar((finding(exemplars=(median,)),)) == "a"
    assert an.worst_exemplar((finding(),)) == ""


def test_the_clock_of_a_log_line_is_corrected_as_that_of_its_span(tmp_path):
    # cart's clock is two seconds ahead in all of forty calls; it is called after 10 ms and logs 5 ms later, once with
    # the id of its span and once without.
    spans, logs, ahead = [], [], 2_000 * MS
    for trace in range(1, 41):
        at = trace * 10_000 * MS
        spans.append(span(trace, 1, length=100 * MS, start=at))
        spans.append(span(trace, 2, 1, kind=3, length=60 * MS, start=at + 8 * MS))
        spans += [
            span(trace, 3, 2, service="cart", name="GET /carts", length=55 * MS, start=at + 10 * MS + ahead, status=2)
        ]
        logs.append(log("with its span", trace=trace, number=3, service="cart", time=at + 15 * MS + ahead))
        logs.append(log("without", trace=trace, service="cart", time=at + 15 * MS + ahead))
        logs.append(log("of the shop", trace=trace, number=1, time=at + 50 * MS))
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans, logs))
    data = an.open_export(path)
    result = an.review(data)
    # Which of the two is right nobody knows: one of them is set by what the other says.
    assert len(result.trust["skew_corrected_hosts"]) == 1
    kept = an.open_review(result.save(tmp_path / "kept"))
    chosen = an.worst_exemplar(result.finding_objects)
    for traces in (data, kept.traces):
        told = an.story(traces, chosen)
        lines = told[told["what"] == "log"].set_index("name")["at_ms"]
        [began] = told.loc[told["name"] == "GET /carts", "at_ms"]
        # Five ms after its span began, whatever the estimate of the clock is; the shop's own clock is right.
        assert lines["with its span"] == pytest.approx(began + 5, abs=0.01)
        assert lines["without"] == pytest.approx(began + 5, abs=0.01)
        assert lines["of the shop"] == 50
        assert began < 100
