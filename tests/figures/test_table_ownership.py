"""Tables by service: letters, owners and verdicts."""

import pandas as pd

from analysis.figures import table_ownership
from tests.figures.stories import EXAMPLE, HOSTILE, TRACE, Story, texts


def used(*rows):
    """Return a review of accesses (service, table, mode, calls)."""
    columns = ("service", "table", "mode", "calls")
    frame = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])
    store = "postgresql://db:5432/shop"
    return Story(
        {"data_access": frame.assign(store=store, operation="GET /x", confidence=1.0, exemplars=[EXAMPLE] * len(rows))}
    )


def cells(figure):
    """Return the text of every cell by (table, service)."""
    (heat,) = figure.data
    rows = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    columns = figure.layout.xaxis.ticktext
    return {
        (rows[i], columns[j]): text for i, line in enumerate(heat.text) for j, text in enumerate(line) if text != ""
    }


def verdicts(figure):
    rows = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    return {rows[item.y]: item.text for item in figure.layout.annotations if item.name == "verdict"}


def test_letters_and_counts_of_reads_and_writes():
    figure = table_ownership(
        used(("a", "t", "read", 1250), ("a", "t", "write", 9), ("b", "t", "read", 3), ("b", "u", "unknown", 4))
    )
    assert cells(figure) == {
        ("t", "a"): "<b>RW</b> ★<br>1.2k / 9",
        ("t", "b"): "<b>R</b> <br>3",
        ("u", "b"): "<b>?</b> ★<br>4",
    }


def test_the_owner_makes_at_least_eighty_per_cent_of_the_writes():
    mine = cells(table_ownership(used(("a", "t", "write", 80), ("b", "t", "write", 20))))
    assert "★" in mine["t", "a"]
    assert "★" not in mine["t", "b"]
    contested = cells(table_ownership(used(("a", "t", "write", 79), ("b", "t", "write", 21))))
    assert "★" not in "".join(contested.values())


def test_verdicts_in_words():
    figure = table_ownership(
        used(
            ("a", "two", "write", 1),
            ("b", "two", "write", 1),
            ("a", "foreign", "write", 1),
            ("b", "foreign", "read", 1),
            ("a", "read", "read", 1),
            ("b", "read", "read", 1),
            ("a", "own", "write", 1),
            ("a", "(unknown)", "read", 1),
        )
    )
    assert verdicts(figure) == {
        "two": "⚠ 2 writers",
        "foreign": "read by 1 other",
        "read": "2 readers, no writer seen",
        "own": "one service",
        "(unknown)": "not known which tables",
    }
    assert "5 tables in 1 store; 3 used by several services, 1 written by several" in texts(figure)


def test_tables_of_one_service_are_hidden_first_and_counted():
    rows = [("a", f"t{i:02}", "write", 1000) for i in range(45)] + [("b", "t44", "read", 1)]
    figure = table_ownership(used(*rows))
    assert len(verdicts(figure)) == 40
    assert verdicts(figure)["t44"] == "read by 1 other"
    assert "5 of 45 tables hidden: those used by the fewest services." in texts(figure)


def test_many_services_have_letters_only():
    figure = table_ownership(used(*((f"s{i:02}", "t", "read", 5) for i in range(35)), ("s00", "u", "write", 1)))
    assert set(cells(figure).values()) == {"R", "W<br>★"}
    assert "5 of 35 services hidden" in texts(figure)


def test_hovering_names_traces_and_the_operation():
    said = texts(table_ownership(used(("a", "t", "read", 1))))
    assert f"trace {TRACE}" in said
    assert "in GET /x" in said


def test_without_data_the_figure_says_why():
    assert "No access to a database" in texts(table_ownership(Story({})))


def test_hostile_names_bring_no_markup():
    said = texts(table_ownership(used(*((name, name, "write", 3) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
    assert len(said) < 100_000
