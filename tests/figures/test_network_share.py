"""Bars of the time on the way."""

import pandas as pd
import pytest

from analysis.figures import network_share
from tests.figures.stories import HOSTILE, TRACE, Story, texts
from tests.figures.talks import talk, talks


def shares(figure):
    """Return what stands beside each bar."""
    names = figure.layout.yaxis.ticktext
    return {names[item.y]: item.text for item in figure.layout.annotations if item.name == "share"}


def test_the_way_is_what_the_caller_waits_beyond_the_callees_work():
    figure = network_share(talks(talk("a", "b", 2, client=10, server=6), talk("a", "c", 5, client=100, server=98)))
    # 4 of 10 ms in two calls, 2 of 100 ms in five: most way first.
    assert shares(figure) == {"a → b": "40 % way", "a → c": "2.0 % way"}
    work, way = figure.data
    assert list(work.x) == [3.0, 19.6]
    assert list(way.x) == pytest.approx([2.0, 0.4])
    assert "5.5 % of what callers wait for is the way" in texts(figure)


def test_a_callee_that_seems_to_work_longer_has_no_way():
    assert shares(network_share(talks(talk("a", "b", 1, client=5, server=7)))) == {"a → b": "0 % way"}


def test_calls_seen_from_one_side_are_counted_and_left_out():
    one_sided = talk("a", "x", 3) | {"paired": 0, "client_ns": 0, "server_ns": 0}
    figure = network_share(talks(talk("a", "b", 2), one_sided))
    assert list(figure.layout.yaxis.ticktext) == ["a → b"]
    assert "Left out, as seen from one side only: 3 calls." in texts(figure)


def test_edges_with_least_way_are_hidden_and_counted():
    rows = [talk("hub", f"s{number:02}", 1, client=number + 1, server=1) for number in range(1, 28)]
    assert "2 of 27 edges hidden" in texts(network_share(talks(*rows)))


def test_hovering_names_a_trace():
    assert f"trace {TRACE}" in texts(network_share(talks(talk("a", "b", 2))))


@pytest.mark.parametrize(
    "story",
    [Story({}), Story({"conversations": pd.DataFrame([talk("a", "b", 1) | {"paired": 0}])})],
    ids=["none", "one-sided"],
)
def test_without_pairs_the_figure_says_why(story):
    assert "No call was seen from both sides" in texts(network_share(story))


def test_hostile_names_bring_no_markup():
    said = texts(network_share(talks(*(talk(name, name, 3) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
