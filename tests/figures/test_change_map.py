"""The map of changes: each kind has a sign and a line of its own, and what is left out is counted."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.figures import change_map
from analysis.figures._map_badges import FILL, INK, badge_text


@dataclass(frozen=True)
class Compared:
    """Two reviews beside each other."""

    edges: pd.DataFrame
    changes: pd.DataFrame


def compared(edges, changes=()):
    return Compared(
        pd.DataFrame(edges, columns=["caller", "callee", "kind", "change", "calls_before", "calls"]),
        pd.DataFrame(changes, columns=["caller", "callee", "kind", "measure", "before", "after", "verdict"]),
    )


#: One edge of each kind, and one away from them all that stayed as it was.
EDGES = [
    ("web", "new", "sync", "appeared", 0, 7),
    ("web", "old", "sync", "vanished", 9, 0),
    ("web", "slow", "sync", "", 1200, 1300),
    ("web", "fast", "sync", "", 50, 50),
    ("slow", "new", "sync", "", 5, 5),
    ("far", "away", "sync", "", 3, 3),
]
CHANGES = [
    ("web", "slow", "sync", "p95_ms", 10.0, 25.0, "worse"),
    ("web", "slow", "sync", "calls", 1200.0, 1300.0, "better"),
    ("web", "fast", "sync", "p95_ms", 8.0, 4.0, "better"),
]


def test_each_change_has_its_sign_and_its_line():
    figure = change_map(compared(EDGES, CHANGES))
    # An edge that became worse in one number and better in another became worse.
    assert figure.layout.title.subtitle.text == "+ 1 appeared, ✕ 1 vanished, ▲ 1 worse, ▼ 1 better"
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines+markers"}
    assert {name: line.line.dash for name, line in lines.items()} == {
        "appeared": "solid",
        "vanished": "dot",
        "worse": "solid",
        "better": "dash",
        "same": "solid",
    }
    signs = {trace.hovertext[0].split("</b>")[0]: trace.text[0] for trace in figure.data if trace.name == "change"}
    assert signs == {"<b>web → new": "+", "<b>web → old": "✕", "<b>web → slow": "▲", "<b>web → fast": "▼"} | {
        "<b>slow → new": ""
    }


def test_pointing_at_an_edge_tells_both_numbers():
    figure = change_map(compared(EDGES, CHANGES))
    said = next(one.hovertext[0] for one in figure.data if one.name == "change" and one.text[0] == "▲")
    assert "1,200 calls before, 1,300 after (sync)" in said
    assert "p95 ms: 10 to 25 (worse)" in said


def test_nodes_without_a_change_are_left_out_and_counted():
    figure = change_map(compared(EDGES, CHANGES))
    nodes = next(trace for trace in figure.data if trace.name == "nodes")
    assert list(nodes.customdata) == ["fast", "new", "old", "slow", "web"]
    notes = next(one.text for one in figure.layout.annotations if one.name == "notes")
    assert notes.startswith("2 nodes without a change left out.")


def test_of_many_nodes_those_with_most_changes_are_drawn():
    # hub has 70 changed edges, every other node one: hub and 59 others are drawn, and 11 edges lead to what is not.
    figure = change_map(compared([("hub", f"s{number:02}", "sync", "appeared", 0, 1) for number in range(70)]))
    nodes = next(trace for trace in figure.data if trace.name == "nodes")
    assert len(nodes.customdata) == 60
    notes = next(one.text for one in figure.layout.annotations if one.name == "notes")
    assert notes.startswith("11 nodes with 11 changed edges hidden.")


def test_where_nothing_changed_it_is_said():
    figure = change_map(compared([("a", "b", "sync", "", 5, 5)]))
    (reason,) = (one.text for one in figure.layout.annotations if one.name == "reason")
    assert reason.startswith("No edge appeared or vanished")


def grey(colour):
    """Return what a printer without colours makes of a colour: 0 is black, 255 white."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_changes_are_told_apart_in_greyscale():
    figure = change_map(compared(EDGES, CHANGES))
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    signs = [trace.text[0] for trace in figure.data if trace.name == "change"]
    looks = [(line.line.dash, sign) for line, sign in zip(lines, signs, strict=True)]
    assert len(set(looks)) == len(looks) == 5
    # Every line stands out from white paper and from a dark page.
    assert [line.name for line in lines if not 50 < grey(line.line.color) < 200] == []


def test_severities_are_told_apart_in_greyscale():
    greys = [grey(FILL[severity]) for severity in ("high", "medium", "low", "info")]
    # The graver, the darker, and the text on each stands out; the word in the badge tells them too.
    assert greys == sorted(greys)
    assert all(abs(grey(FILL[one]) - grey(INK[one])) > 100 for one in FILL)
    assert {badge_text({severity: 1})[0] for severity in FILL} == {"1 high", "1 medium", "1 low", "1 info"}
