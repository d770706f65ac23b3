"""All figures drawn in Chromium: nothing is fetched, nothing fails, no label covers another or leaves the page."""

import pytest

from analysis.figures import (
    calls_per_request,
    cascade_tree,
    cohesion_blocks,
    data_coupling,
    dependency_matrix,
    edge_operations,
    network_share,
    service_map,
    table_ownership,
)
from analysis.figures.waterfall import trace_waterfall
from analysis.forest import plant
from tests.figures import (
    talks,
    test_boundary_figures,
    test_cascade_figures,
    test_cascade_tree,
    test_table_ownership,
    test_waterfall,
)
from tests.figures.stories import HOSTILE, call, called, shop
from tests.forests import span_table

PAGE_PX = 1024
BOXES = """() => [...document.querySelectorAll('.infolayer .annotation')].map(node => {
  const box = node.getBoundingClientRect();
  return [Number(node.dataset.index), box.left, box.top, box.right, box.bottom];
})"""


def hostile_figures():
    names = [name or None for name in HOSTILE]
    spans = [test_waterfall.span(1, 0, 0, 100)]
    spans += [test_waterfall.span(i, 1, i, 50, service=name, operation=name) for i, name in enumerate(names, 2)]
    yield service_map(called(*(call("hub", name, 3) for name in HOSTILE)))
    yield dependency_matrix(called(*(call("hub", name, 3) for name in HOSTILE)))
    yield table_ownership(test_table_ownership.used(*((name, name, "write", 3) for name in HOSTILE)))
    yield cascade_tree(test_cascade_tree.failed(*((name, name, (name, "x y"), name, False, 1) for name in HOSTILE)))
    yield trace_waterfall(plant(span_table(spans)), 0)
    talking = talks.talks(*(talks.talk(name, name, 3, entry=name) for name in HOSTILE))
    yield calls_per_request(talking)
    yield edge_operations(talking)
    yield network_share(talking)
    used = talks.used(*((name or "x", name, "t", "write", 3) for name in HOSTILE))
    yield data_coupling(used)
    yield cohesion_blocks(talks.used(*(("x", name, name or "y", "write", 3) for name in HOSTILE)), "x")
    yield from list(test_cascade_figures.hostile_figures())[:5]
    yield from test_boundary_figures.hostile_figures()


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": PAGE_PX, "height": 900})
    page.said = []
    page.asked = []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("console", lambda message: page.said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("dialog", lambda dialog: page.said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    page.close()


def draw(page, figure, folder):
    path = folder / "figure.html"
    figure.write_html(path, include_plotlyjs=True, config={"displayModeBar": False, "responsive": True})
    page.goto(path.as_uri())
    page.wait_for_selector(".main-svg .infolayer .g-gtitle text")
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []


def boxes_of(page, figure, name):
    """Return the annotations of a name: text, left, top, right, bottom in pixels of the page."""
    annotations = figure.layout.annotations
    return [(annotations[index].text, *box) for index, *box in page.evaluate(BOXES) if annotations[index].name == name]


def test_hostile_names_are_drawn_as_text(page, tmp_path):
    for figure in hostile_figures():
        draw(page, figure, tmp_path)
        assert page.locator(".main-svg a, .main-svg script").count() == 0
        # A name may widen a figure, but not the page.
        assert page.evaluate("document.documentElement.scrollWidth") <= PAGE_PX


def test_labels_of_the_map_stay_on_the_page_and_apart(page, tmp_path):
    figure = service_map(shop())
    draw(page, figure, tmp_path)
    boxes = boxes_of(page, figure, "label")
    assert len(boxes) == 10
    for index, (text, left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= PAGE_PX, text
        for other, left_2, top_2, right_2, bottom_2 in boxes[index + 1 :]:
            assert right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top, (text, other)


def test_words_of_the_cascade_stay_in_their_boxes(page, tmp_path):
    figure = cascade_tree(test_cascade_tree.failed(*test_cascade_tree.SHOP))
    draw(page, figure, tmp_path)
    boxes = boxes_of(page, figure, "visit")
    assert len(boxes) == 6
    rectangles = page.evaluate(
        "[...document.querySelectorAll('.shapelayer path')].map(node => node.getBoundingClientRect().toJSON())"
    )
    for text, left, top, right, bottom in boxes:
        assert any(
            box["left"] <= left and right <= box["right"] and box["top"] <= top and bottom <= box["bottom"]
            for box in rectangles
        ), text


def test_hovering_an_edge_of_the_map_names_a_trace(page, tmp_path):
    figure = service_map(called(call("a", "b", 5)))
    draw(page, figure, tmp_path)
    box = page.locator(".scatterlayer .js-line").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    assert "trace 4bf92f" in page.locator(".hoverlayer .hovertext").first.text_content(timeout=5000)
