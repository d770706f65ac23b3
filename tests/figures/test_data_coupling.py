"""The graph of services that share tables."""

from analysis.figures import data_coupling
from tests.figures.stories import HOSTILE, Story, texts
from tests.figures.talks import used


def plates(figure, name):
    return sorted(item.text for item in figure.layout.annotations if item.name == name)


def lines(figure):
    return [(line.name, line.line.dash) for line in figure.data if line.mode == "lines"]


def test_a_line_counts_the_tables_that_two_services_share():
    figure = data_coupling(
        used(
            ("a", "o", "t", "write", 5),
            ("b", "o", "t", "read", 5),
            ("a", "o", "u", "read", 5),
            ("b", "o", "u", "read", 5),
            ("c", "o", "v", "write", 5),
        )
    )
    assert plates(figure, "service") == ["<b>a</b>", "<b>b</b>"]
    assert plates(figure, "count") == ["2"]
    # Only a writes.
    assert lines(figure) == [("shared", "dash")]
    assert "Not drawn, as nothing is shared: 1 service." in texts(figure)


def test_two_writers_of_one_table_are_told_apart():
    figure = data_coupling(used(("a", "o", "t", "write", 5), ("b", "o", "t", "write", 5), ("c", "o", "t", "read", 5)))
    assert sorted(lines(figure)) == [("both write", "solid"), ("shared", "dash"), ("shared", "dash")]
    assert "3 pairs of services share data; 1 of them write the same table" in texts(figure)


def test_services_that_share_lie_beside_each_other():
    figure = data_coupling(
        used(*((name, "o", table, "read", 1) for table, names in (("t", "ad"), ("u", "bc")) for name in names))
    )
    order = [item.text for item in figure.layout.annotations if item.name == "service"]
    assert order == ["<b>a</b>", "<b>d</b>", "<b>b</b>", "<b>c</b>"]


def test_services_that_share_least_are_hidden_and_counted():
    rows = [(f"s{number:02}", "o", "t", "read", 1) for number in range(32)]
    figure = data_coupling(used(*rows))
    assert len(plates(figure, "service")) == 30
    assert "2 of 32 services hidden" in texts(figure)


def test_without_sharing_the_figure_says_so():
    assert "No access to a database" in texts(data_coupling(Story({})))
    assert "1 service uses tables: nobody" in texts(data_coupling(used(("a", "o", "t", "read", 1))))
    assert "2 services use tables, and no two of them use the same." in texts(
        data_coupling(used(("a", "o", "t", "read", 1), ("b", "o", "u", "read", 1)))
    )


def test_hostile_names_bring_no_markup():
    said = texts(data_coupling(used(*((name or "x", "o", "t", "write", 3) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
