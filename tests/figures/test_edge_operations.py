"""Edges by entry operation."""

from analysis.figures import edge_operations
from tests.figures.stories import HOSTILE, TRACE, Story, texts
from tests.figures.talks import cells, talk, talks


def test_a_cell_holds_the_calls_of_a_request_at_p95():
    figure = edge_operations(
        talks(
            talk("a", "b", 6, 6, entry="GET /x"),
            talk("a", "b", 2, 2, entry="GET /y"),
            talk("b", "c", 9, entry="GET /y"),
        )
    )
    assert cells(figure) == {("b → c", "GET /y"): "9", ("a → b", "GET /x"): "6", ("a → b", "GET /y"): "2"}
    assert list(figure.layout.yaxis.ticktext) == ["b → c", "a → b"]


def test_a_missing_entry_is_named_by_its_service():
    figure = edge_operations(talks(talk("a", "b", 1, entry="")))
    assert list(figure.layout.xaxis.ticktext) == ["(missing) of web"]


def test_what_is_hidden_is_counted():
    many = [talk("hub", f"s{number:02}", number, entry=f"GET /{number}") for number in range(1, 33)]
    said = texts(edge_operations(talks(*many)))
    assert "2 of 32 edges hidden" in said
    assert "12 of 32 entry operations hidden" in said


def test_hovering_names_a_trace_and_the_time_on_the_path():
    said = texts(edge_operations(talks(talk("a", "b", 4, 4))))
    assert f"trace {TRACE}" in said
    assert "ms of the critical path at p95" in said


def test_without_calls_the_figure_says_why():
    assert "No synchronous call" in texts(edge_operations(Story({})))


def test_hostile_names_bring_no_markup():
    said = texts(edge_operations(talks(*(talk(name, name, 3, entry=name) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
