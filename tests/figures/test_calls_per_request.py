"""Histograms of calls by edge."""

from analysis.figures import calls_per_request
from tests.figures.stories import HOSTILE, TRACE, Story, texts
from tests.figures.talks import cells, talk, talks


def test_a_row_tells_which_share_of_requests_makes_how_many_calls():
    figure = calls_per_request(talks(talk("a", "b", 1, 1, 1, 2), talk("a", "c", 12, 12)))
    assert cells(figure) == {
        ("a → c", "10 to 14"): "100 %",
        ("a → b", "1"): "75 %",
        ("a → b", "2"): "25 %",
    }


def test_requests_of_all_entry_operations_count_together():
    figure = calls_per_request(talks(talk("a", "b", 1, entry="GET /x"), talk("a", "b", 3, 3, 3, entry="GET /y")))
    assert cells(figure) == {("a → b", "1"): "25 %", ("a → b", "3"): "75 %"}


def test_the_line_stands_before_five_calls():
    figure = calls_per_request(talks(talk("a", "b", 1), talk("a", "c", 5)))
    [line] = figure.layout.shapes
    assert figure.layout.xaxis.ticktext[round(line.x0 + 0.5)] == "5 to 6"
    assert "1 of 2 edges reach 5" in texts(figure)


def test_edges_with_fewest_calls_are_hidden_and_counted():
    rows = [talk("hub", f"s{number:02}", number) for number in range(1, 28)]
    figure = calls_per_request(talks(*rows))
    assert "2 of 27 edges hidden" in texts(figure)
    assert figure.layout.yaxis.ticktext[0] == "hub → s27"
    assert "hub → s02" not in figure.layout.yaxis.ticktext


def test_hovering_names_a_trace_and_the_median():
    said = texts(calls_per_request(talks(talk("a", "b", 4, 4, 4))))
    assert f"trace {TRACE}" in said
    assert "4 calls in 3 requests (100 %)<br>median 4, p95 4" in said


def test_without_calls_the_figure_says_why():
    assert "No synchronous call" in texts(calls_per_request(Story({})))


def test_hostile_names_bring_no_markup():
    said = texts(calls_per_request(talks(*(talk(name, name, 3) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
