"""The map of one service's blast radius: what stands at each place and on each edge, and what it hides."""

from __future__ import annotations

import re

import pytest

from analysis.figures import blast_radius_map
from tests.figures.stories import HOSTILE, Story, texts
from tests.resilience.facts import depends, empty, table
from tests.resilience.test_failure_reach import SEEN
from tests.resilience.test_reach import began, requested, visited, waits_for


def labels(figure):
    """Return what stands at each place: its name, then the lines below it."""
    texts_of = (note.text for note in figure.layout.annotations if note.name == "label")
    plain = [re.sub(r"</?(?:b|span)(?: [^>]*)?>", "", text) for text in texts_of]
    return {text.split("<br>")[0]: text.split("<br>")[1:] for text in plain}


def marks(figure):
    return sorted(note.text for note in figure.layout.annotations if note.name == "tolerance")


def places(figure):
    [nodes] = [trace for trace in figure.data if trace.name == "nodes"]
    return {name: (x, y) for name, x, y in zip(nodes.customdata, nodes.x, nodes.y, strict=True)}


def test_expected_bounds_and_seen_stand_at_services_and_entry_operations():
    figure = blast_radius_map(Story(SEEN), "ads")
    assert labels(figure) == {
        # 20 of 260 visits and of 200 requests, 5.67 to 50.98 by the bounds of the tolerance.
        "web": ["7.7 % fail (2\u201320)", "✖ 2 of 10 seen"],
        "GET /": ["10 % fail (3\u201325)", "✖ 2 of 200 seen"],
        "ads": ["fails", "✖ 10 failures seen"],
        "payments": [],
        "POST /pay": [],
        "bank.example": [],
    }
    assert marks(figure) == ["80 % (49\u201394)"]
    assert "7.7 % of 260 requests would fail (2.2 % to 20 %)" in texts(figure)


def test_an_edge_that_never_failed_has_a_question_mark_and_a_dashed_line():
    figure = blast_radius_map(Story(SEEN), "bank.example")
    assert marks(figure) == ["0 % (0\u201328)", "?"]
    dashes = {trace.line.dash for trace in figure.data if trace.name == "travels"}
    assert dashes == {"solid", "dash"}
    assert labels(figure)["payments"] == ["50 % fail (0\u201350)"]


def test_what_failed_most_requests_is_drawn_unless_another_is_asked_for():
    assert "Blast radius: payments fails" in texts(blast_radius_map(Story(SEEN)))
    assert "no service or store called nobody" in texts(blast_radius_map(Story(SEEN), "nobody"))
    assert "No request was seen" in texts(blast_radius_map(Story(empty())))


def test_places_do_not_move_with_the_service_that_fails():
    assert places(blast_radius_map(Story(SEEN), "ads")) == places(blast_radius_map(Story(SEEN), "payments"))


@pytest.mark.parametrize(
    ("edges", "failing", "drawn", "said"),
    [
        # A fan of 40: only the failed one and who waits for it are drawn.
        ([("web", f"s{n:02}") for n in range(40)], "s07", 2, "39 services and stores not reached hidden."),
        # A chain of 41: the 29 nearest are drawn beside the failed one.
        (
            [("web", "s00"), *((f"s{n:02}", f"s{n + 1:02}") for n in range(39))],
            "s39",
            30,
            "11 services that the failure reaches hidden: the farthest from it.",
        ),
    ],
)
def test_beyond_what_fits_the_rest_is_counted(edges, failing, drawn, said):
    names = sorted({name for edge in edges for name in edge})
    facts = empty() | {
        "requests": table("requests", requested("web", "GET /", 10)),
        "visits": table("visits", *(visited(name, "x" if name != "web" else "GET /", 10) for name in names)),
        "request_services": table("request_services", waits_for("web", "GET /", 10, *names)),
        "dependencies": table(
            "dependencies",
            *(depends(f"{one} {'GET /' if one == 'web' else 'x'}", f"{other} x", 10) for one, other in edges),
        ),
    }
    figure = blast_radius_map(Story(facts), failing)
    services = {name for name in places(figure) if name != "GET /"}
    assert len(services) == drawn
    assert failing in services
    assert said in texts(figure)


def test_more_entry_operations_than_fit_are_counted():
    operations = [f"GET /{n}" for n in range(11)]
    facts = empty() | {
        "requests": table("requests", *(requested("web", name, 10) for name in operations)),
        "visits": table("visits", *(visited("web", name, 10) for name in operations), visited("db", "q", 90)),
        "request_services": table(
            "request_services", *(waits_for("web", name, 10, "web", "db") for name in operations[:9])
        ),
        "dependencies": table("dependencies", *(depends(f"web {name}", "db q", 10) for name in operations[:9])),
    }
    figure = blast_radius_map(Story(facts), "db")
    assert set(places(figure)) == {"web", "db", *operations[:8]}
    # Three do not fit: the ninth that waits for it, and two that do not.
    assert "3 entry operations hidden, 1 of them reached." in texts(figure)


def test_hostile_names_bring_no_markup():
    for name in list(HOSTILE)[:4]:
        facts = empty() | {
            "requests": table("requests", requested(name, name, 3, 1)),
            "visits": table("visits", visited(name, name, 3, 1)),
            "request_services": table("request_services", waits_for(name, name, 3, name, "hub")),
            "dependencies": table("dependencies", {**depends("a b", "hub q", 3), "service": name, "operation": name}),
            "failures": table("failures", began(name, name, 1, 1, entry=(name, name))),
        }
        for figure in (blast_radius_map(Story(facts), "hub"), blast_radius_map(Story(facts), name)):
            said = texts(figure)
            assert "<script" not in said
            assert "<a " not in said
