"""Endpoints by tables, in blocks."""

from analysis.figures import cohesion_blocks
from tests.figures.stories import HOSTILE, TRACE, Story, texts
from tests.figures.talks import cells, used

TWO_THINGS = (
    ("shop", "GET /a", "t", "read", 3),
    ("shop", "PUT /b", "u", "write", 4),
    ("shop", "PUT /a", "t", "read", 1),
    ("shop", "PUT /a", "t", "write", 2),
    ("shop", "GET /b", "u", "unknown", 9),
    ("shop", "GET /b", "(unknown)", "read", 9),
    ("other", "GET /c", "t", "read", 1),
)


def frames(figure):
    return [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in figure.layout.shapes]


def test_endpoints_and_tables_that_belong_together_lie_together():
    figure = cohesion_blocks(used(*TWO_THINGS), "shop")
    assert cells(figure) == {
        ("GET /a", "t"): "<b>R</b> 3",
        ("PUT /a", "t"): "<b>RW</b> 3",
        ("GET /b", "u"): "<b>?</b> 9",
        ("PUT /b", "u"): "<b>W</b> 4",
    }
    assert list(figure.layout.yaxis.ticktext) == ["GET /a", "PUT /a", "GET /b", "PUT /b"]
    assert frames(figure) == [(-0.5, -0.5, 0.5, 1.5), (0.5, 1.5, 1.5, 3.5)]
    # Of six pairs two share their one table: 2 / (6 x 1).
    assert "cohesion 0.33" in texts(figure)
    assert "2 parts that share no table" in texts(figure)


def test_a_table_that_all_use_makes_one_block():
    rows = [("shop", f"GET /{name}", table, "read", 1) for name in "ab" for table in ("own" + name, "common")]
    figure = cohesion_blocks(used(*rows), "shop")
    assert len(frames(figure)) == 1
    assert figure.layout.xaxis.ticktext[0] == "common"


def test_by_default_the_service_with_least_in_common_is_drawn():
    rows = [("one", f"GET /{name}", "same", "read", 1) for name in "abc"]
    rows += [("apart", f"GET /{name}", name, "read", 1) for name in "abc"]
    assert "apart" in cohesion_blocks(used(*rows)).layout.title.text


def test_what_is_hidden_is_counted():
    rows = [("shop", f"GET /{number}", f"t{number:02}", "read", 1) for number in range(45)]
    said = texts(cohesion_blocks(used(*rows), "shop"))
    assert "5 of 45 endpoints hidden." in said
    assert "21 of 45 tables hidden." in said


def test_hovering_names_a_trace():
    assert f"trace {TRACE}" in texts(cohesion_blocks(used(*TWO_THINGS), "shop"))


def test_where_there_is_nothing_to_compare_the_figure_says_why():
    assert "No access to a table" in texts(cohesion_blocks(Story({})))
    assert "No service has two endpoints" in texts(cohesion_blocks(used(("a", "GET /", "t", "read", 1))))
    assert "No endpoint of nobody" in texts(cohesion_blocks(used(*TWO_THINGS), "nobody"))


def test_hostile_names_bring_no_markup():
    said = texts(cohesion_blocks(used(*(("x", name, name or "y", "write", 3) for name in HOSTILE)), "x"))
    assert "<script" not in said
    assert "<a " not in said
