"""Bars of log correlation: parts, order, what is hidden."""

import pandas as pd

from analysis.figures import log_correlation
from tests.figures.stories import Story, texts


def logged(*rows):
    """Return a review with log records of (service, lines, named, joined, by request)."""
    whole = [(*row, 0)[:5] for row in rows]
    return Story({"log_lines": pd.DataFrame(whole, columns=["service", "lines", "named", "joined", "by_request"])})


def parts(figure):
    """Return for each service its parts in per cent: joined, unknown, unnamed."""
    labels = figure.layout.yaxis.ticktext
    return {label: tuple(round(bar.x[place]) for bar in figure.data) for place, label in enumerate(labels)}


def test_bars_hold_the_parts_and_those_without_traces_come_first():
    figure = log_correlation(logged(("web", 200, 200, 200), ("stock", 50, 0, 0), ("cart", 100, 80, 20)))
    assert list(parts(figure)) == ["stock", "cart", "web"]
    assert parts(figure) == {"stock": (0, 0, 100), "cart": (20, 60, 20), "web": (100, 0, 0)}
    assert [note.text for note in figure.layout.annotations if note.name == "count"] == [
        "50 records",
        "100 records",
        "200 records",
    ]
    assert "350 log records of 3 services" in texts(figure)


def test_severities_of_a_service_are_one_bar():
    figure = log_correlation(logged(("web", 30, 30, 30), ("web", 10, 0, 0)))
    assert parts(figure) == {"web": (75, 0, 25)}


def test_records_that_a_request_id_alone_joins_are_a_part_of_their_own():
    figure = log_correlation(logged(("web", 100, 60, 50, 20)))
    assert [bar.name for bar in figure.data][1] == "its request id is one trace's"
    assert parts(figure) == {"web": (50, 20, 10, 20)}


def test_what_does_not_fit_is_counted():
    figure = log_correlation(logged(*((f"s{i:02}", 100 + i, 0, 0) for i in range(45))))
    assert len(figure.layout.yaxis.ticktext) == 40
    assert "5 services with fewer records hidden." in texts(figure)
    assert "s04" not in parts(figure)


def test_a_part_without_room_has_no_number():
    figure = log_correlation(logged(("web", 100, 97, 97)))
    assert [bar.text for bar in figure.data] == [("97 %",), ("",), ("",)]


def test_without_logs_it_says_so():
    empty = Story({"log_lines": pd.DataFrame(columns=["service", "lines", "named", "joined"])})
    assert "holds no log records" in texts(log_correlation(empty))


def test_names_are_drawn_as_text():
    figure = log_correlation(logged(("<b>x</b>", 3, 3, 3)))
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;x&lt;/b&gt;",)
