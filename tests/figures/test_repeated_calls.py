"""The run in its trace."""

import pytest

import analysis as an
from analysis.figures import repeated_calls
from analysis.findings import Example, Finding
from tests.figures.stories import texts
from tests.shop import shop_file


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    return an.open_export(str(shop_file(tmp_path_factory.mktemp("shop") / "shop.jsonl", 2)), skew="off")


def finding(*span_numbers):
    ids = tuple(f"{number:016x}" for number in span_numbers)
    examples = (Example(f"{1:032x}", ids, "median", 1.0),) if ids else ()
    return Finding("n_plus_one_queries", "chatty", "high", 1.0, "", "", (), {}, exemplars=examples)


def test_the_band_holds_the_run(traces):
    # Five queries of the shop's first trace: the first at 30 ms, one every 20 ms, of 10 ms each.
    figure = repeated_calls(traces, finding(*range(110, 115)))
    [band] = [shape for shape in figure.layout.shapes if shape.name == "run"]
    assert (band.x0, band.x1) == (30, 120)
    assert "5 calls in 90 ms; the longest takes 10 ms" in texts(figure)
    assert texts(figure).count("▶") >= 5


def test_one_call_is_no_run(traces):
    figure = repeated_calls(traces, finding(110))
    assert not [shape for shape in figure.layout.shapes if shape.name == "run"]


def test_what_is_missing_is_said(traces):
    assert "names no trace" in texts(repeated_calls(traces, finding()))
    elsewhere = finding(110)
    gone = Example("ab" * 16, elsewhere.exemplars[0].span_ids, "median", 1.0)
    lost = Finding("n_plus_one_queries", "chatty", "high", 1.0, "", "", (), {}, exemplars=(gone,))
    assert "is not there" in texts(repeated_calls(traces, lost))
