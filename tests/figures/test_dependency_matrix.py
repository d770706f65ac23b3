"""The design structure matrix: order, cells and marks."""

from analysis.figures import dependency_matrix
from tests.figures.stories import HOSTILE, TRACE, Story, call, called, many, shop, texts


def cells(figure):
    """Return the text of every cell by (row label, column label)."""
    (heat,) = (trace for trace in figure.data if trace.type == "heatmap")
    rows, columns = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext
    return {
        (rows[i], columns[j]): text for i, line in enumerate(heat.text) for j, text in enumerate(line) if text != ""
    }


def test_cells_hold_the_calls_from_row_to_column():
    figure = dependency_matrix(called(call("a", "b", 1250), call("b", "c", 7), call("c", "d", 5, "async")))
    assert cells(figure) == {("a", "b"): "1.2k", ("b", "c"): "7", ("c", "d"): "~5"}


def test_calls_of_several_kinds_are_one_cell():
    figure = dependency_matrix(called(call("a", "b", 10), call("a", "b", 5, "async")))
    assert cells(figure) == {("a", "b"): "15"}


def test_rows_and_columns_are_in_one_order_and_stores_stand_on_the_right():
    figure = dependency_matrix(shop())
    rows, columns = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext
    assert columns[: len(rows)] == rows
    assert len(columns) - len(rows) == 3
    assert rows.index("gateway") < rows.index("checkout")


def test_a_circle_is_framed_and_failures_have_a_corner():
    figure = dependency_matrix(called(call("a", "b", 5), call("b", "a", 3, errors=1), call("b", "c", 1)))
    frames = [shape for shape in figure.layout.shapes if shape.line.width == 2.5]
    order = list(figure.layout.yaxis.ticktext)
    framed = {(order[round((s.y0 + s.y1) / 2)], order[round((s.x0 + s.x1) / 2)]) for s in frames}
    assert framed == {("a", "b"), ("b", "a")}
    (corners,) = (trace for trace in figure.data if trace.name == "failed calls")
    assert [(order[round(y + 0.5)], order[round(x - 0.5)]) for x, y in zip(corners.x, corners.y, strict=True)] == [
        ("b", "a")
    ]
    assert "Circle: a, b." in texts(figure)


def test_many_columns_hold_digits_and_say_so():
    figure = dependency_matrix(called(*(call("hub", f"s{i:02}", 10**5 if i == 3 else 7) for i in range(40))))
    assert cells(figure)["hub", "s03"] == "6"
    assert "number of digits" in texts(figure)


def test_what_does_not_fit_is_counted():
    figure = dependency_matrix(many(100))
    assert len(figure.layout.yaxis.ticktext) == 60
    # A tree: each of the forty nodes with the fewest calls takes its one edge along.
    assert "40 of 100 nodes hidden, those with the fewest calls, with 40 edges." in texts(figure)


def test_hovering_names_traces():
    assert f"trace {TRACE}" in texts(dependency_matrix(shop()))


def test_without_calls_the_figure_says_why():
    assert "No call between services was seen" in texts(dependency_matrix(Story({})))


def test_hostile_names_bring_no_markup():
    said = texts(dependency_matrix(called(*(call("hub", name, 3) for name in HOSTILE))))
    assert "<script" not in said
    assert "<a " not in said
    assert len(said) < 100_000
