"""The service map: what it draws, hides, counts and marks."""

import pandas as pd
import pytest

from analysis.figures import dependency_matrix, service_map
from analysis.figures._map_badges import badges
from analysis.figures._text import text_width
from tests.figures.stories import HOSTILE, TRACE, Story, call, called, many, shop, texts


def notes(figure):
    return "\n".join(item.text for item in figure.layout.annotations if item.name == "notes")


def labels(figure, name="label"):
    return [item.text for item in figure.layout.annotations if item.name == name]


def edges(figure):
    return [trace for trace in figure.data if trace.name == "edge"]


def test_every_node_and_edge_of_a_small_system_is_drawn():
    figure = service_map(shop())
    assert len(edges(figure)) == 10
    assert sorted(labels(figure)) == sorted(
        [
            "user",
            "gateway",
            "checkout",
            "payment",
            "bank.example.com",
            "redis",
            "orders",
            "mailer",
            "pricing",
            "postgresql://db:5432/shop",
        ]
    )
    assert "hidden" not in notes(figure)


def test_callers_stand_left_of_what_they_call():
    figure = service_map(called(call("a", "b", 1), call("b", "c", 1)))
    place = {item.text: item.x for item in figure.layout.annotations if item.name == "label"}
    assert place["a"] < place["b"] < place["c"]


def test_hidden_edges_are_counted():
    figure = service_map(called(*(call("hub", f"s{i}", i) for i in range(1, 11))), max_edges=4)
    assert len(edges(figure)) == 4
    # Those of 1 to 6 calls are hidden.
    assert "6 of 10 edges hidden: the least used, at most 6 calls each" in notes(figure)


def test_a_marked_edge_is_never_hidden():
    story = called(*(call("hub", f"s{i}", i) for i in range(1, 11)))
    figure = service_map(story, max_edges=2, highlight=[("hub", "s1"), "s9"])
    assert any("hub → s1" in trace.hovertext for trace in edges(figure))
    assert len(edges(figure)) == 2
    assert "<b>s9</b>" not in labels(service_map(story))
    assert "<b>s9</b>" in labels(service_map(story, highlight=["s9"]))


def test_hiding_edges_loses_no_circle():
    story = called(*(call("a", f"s{i}", 100) for i in range(6)), call("s0", "a", 1))
    figure = service_map(story, max_edges=3)
    assert labels(figure, "edge mark") == ["↺", "↺"]
    assert "4 of 7 edges hidden" in notes(figure)


def test_kinds_differ_in_shape_and_lines_in_dash():
    figure = service_map(shop())
    assert {trace.line.dash for trace in edges(figure)} == {"solid", "dash", "dot"}
    nodes = [shape for shape in figure.layout.shapes if shape.xref != "paper"]
    # Six kinds; database, cache and queue are two shapes each, the user head and shoulders.
    assert len({shape.path for shape in nodes}) == 1 + 2 + 2 + 2 + 2 + 1


def test_wider_edges_carry_more_calls():
    figure = service_map(called(call("a", "b", 1000), call("b", "c", 10)))
    width = {trace.hovertext.split("<br>")[0]: trace.line.width for trace in edges(figure)}
    assert width["<b>a → b</b>"] > width["<b>b → c</b>"]


def test_failures_are_marked_in_words_from_one_per_cent_on():
    figure = service_map(called(call("a", "b", 1000, errors=9), call("b", "c", 1000, errors=50)))
    assert labels(figure, "edge mark") == ["✖ 5.0 %"]
    assert any("errors: 9 (0.9 %)" in trace.hovertext for trace in edges(figure))


def test_circles_are_marked_and_named():
    figure = service_map(called(call("a", "b", 5), call("b", "a", 3), call("b", "c", 1)))
    assert labels(figure, "edge mark") == ["↺", "↺"]
    assert "call one another in a circle: a, b." in notes(figure)


def test_findings_stand_at_their_service_with_the_gravest_in_words():
    figure = service_map(shop())
    assert sorted(labels(figure, "badge")) == ["1 high", "1 high +1", "1 info"]


def test_a_badge_stands_where_it_covers_no_other_node():
    """Right of the middle of its icon; left of it where another node is near on the right; else upon it."""
    found = {"a": {"high": 1, "info": 9}}
    text = text_width("1 high +9", 10) + 6
    near = [(100 + 8, -30, 140, 30)]
    far = [(100 + 8 + text, -30, 400, 30)]
    assert placed(found, far) == ("left", 8)
    assert placed(found, near) == ("right", -8)
    both = [*near, (0, -30, 100 - 9, 30)]
    # Where there is room nowhere it is drawn where it always is.
    assert placed(found, both) == ("left", 8)
    assert placed({}, far) is None


def placed(found, boxes):
    """Return where the badge of a node is that stands at 100, 0 beside what covers these boxes."""
    badge = badges({"a": (100, 0)}, found, {"a": [(82, -14, 118, 14)], "b": boxes}).get("a")
    return badge and (badge.anchor, badge.shift)


def test_the_key_says_what_a_badge_counts():
    assert any("2 high +8: two high ones, eight less grave" in text for text in labels(service_map(shop()), "key"))
    assert not any("framed" in text for text in labels(service_map(called(call("a", "b", 1))), "key"))


def test_hovering_names_counts_percentiles_and_traces():
    figure = service_map(called(call("a", "b", 7, errors=1, p50_ms=3.21, p95_ms=1234.5)))
    (edge,) = edges(figure)
    assert edge.hovertext.split("<br>") == [
        "<b>a → b</b>",
        "7 calls in 7 traces, synchronous calls",
        "errors: 1 (14 %)",
        "p50 3.21 ms, p95 1,234 ms",
        f"trace {TRACE}",
    ]
    assert TRACE in figure.data[-1].hovertext[0]


def test_a_focus_shows_its_surroundings_and_counts_the_rest():
    chain = called(*(call(f"s{i}", f"s{i + 1}", 1) for i in range(8)))
    figure = service_map(chain, focus="s4", depth=1)
    assert sorted(labels(figure)) == ["<b>s4</b>", "s3", "s5"]
    assert "6 nodes hidden: further than 1 call from s4." in notes(figure)


def test_a_focus_that_is_not_there_is_said():
    (annotation,) = service_map(shop(), focus="<b>nobody</b>").layout.annotations
    assert annotation.text == "There is no service or store called &lt;b&gt;nobody&lt;/b&gt;."


def test_above_a_hundred_nodes_services_are_grouped():
    figure = service_map(many(150))
    assert len(labels(figure)) < 60
    assert "150 nodes are drawn as" in notes(figure)
    grouped = " ".join(figure.data[-1].hovertext)
    assert "calls inside the group" in grouped
    assert "members: " in grouped


def test_many_stores_of_one_service_are_drawn_as_one():
    rows = [call("auth", f"cassandra://10.0.0.{i}", 2, "data", callee_kind="database") for i in range(5)]
    rows.append(call("user", "auth", 3, caller_kind="user"))
    figure = service_map(called(*rows))
    assert sorted(labels(figure)) == ["auth", "cassandra://10.0.0.… \u00d75", "user"]
    assert "5 databases that only auth uses are drawn as one" in notes(figure)
    # Five times two calls.
    assert any("10 calls in 10 traces" in trace.hovertext for trace in edges(figure))
    assert len(labels(service_map(called(*rows[1:])))) == 6
    assert "<b>cassandra://10.0.0.3</b>" in labels(service_map(called(*rows), highlight=["cassandra://10.0.0.3"]))


def test_calls_of_a_service_to_itself_are_told():
    figure = service_map(called(call("a", "a", 3), call("a", "b", 1)))
    assert len(edges(figure)) == 1
    assert "1 edge from a node to itself not drawn: a." in notes(figure)


def test_without_calls_the_figure_says_why():
    figure = service_map(Story({}))
    assert "No call between services was seen" in texts(figure)
    assert "No call between services" in texts(service_map(Story({"calls": pd.DataFrame({"caller": []})})))


def test_hostile_names_bring_no_markup():
    story = called(*(call("hub", name, 3) for name in HOSTILE), *(call(name, "db", 3) for name in HOSTILE))
    said = texts(service_map(story))
    assert "<script" not in said
    assert "<a " not in said
    assert "<b>bold" not in said
    assert "\u202e" not in said
    assert len(said) < 100_000


@pytest.mark.parametrize("draw", [service_map, dependency_matrix])
def test_the_order_of_rows_makes_no_difference(draw):
    story = shop()
    turned = Story({"calls": story.facts["calls"].iloc[::-1]}, story.findings.iloc[::-1])
    assert draw(story).to_json() == draw(turned).to_json()
