"""Pages of a report in a real browser: drawn, silent, linked, sortable, and deaf to hostile names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from analysis.report.chapters import CHAPTERS as FAMILIES
from analysis.report.pages import Page as ReportPage
from tests.notebooks.running import NOTEBOOKS
from tests.report import hostile

CHAPTERS = [path.stem for path in NOTEBOOKS]
PAGES = ["index", *CHAPTERS]
DRAWN = "document.querySelectorAll('.figure').length === document.querySelectorAll('.figure.drawn').length"

#: What a name must not have become.
RUNNING = "[onerror], [onload], [onmouseover], a[href^='javascript' i], main script:not([type='text/plain'])"

pytestmark = pytest.mark.slow


@dataclass
class Watched:
    """A page that is open, with what it did that it should not."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def opened(chromium: Browser, folder: Path, name: str, drawn: str = DRAWN, **context: Any) -> Iterator[Watched]:
    """Open a page of the report, and wait until its figures are drawn."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}, **context) as session:
        watched = Watched(session.new_page())
        page = watched.page
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("console", lambda line: watched.complaints.append(line.text) if line.type != "log" else None)
        page.goto((folder / f"{name}.html").as_uri())
        # A page draws what is near; here all of it is looked at.
        page.evaluate("window.drawEverything?.()")
        page.wait_for_function(drawn)
        yield watched


def findings_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "findings.json").read_text())["findings"]


def test_every_family_has_something_to_show(made):
    """The export is worth testing with: else pages would pass for want of content."""
    assert {finding["family"] for finding in findings_of(made.folder)} >= {
        "chatty",
        "shared_data",
        "cascades",
        "boundaries",
    }


@pytest.mark.parametrize("name", PAGES)
def test_page_draws_every_figure_asks_for_nothing_and_runs_no_name(name, made, chromium):
    notebook = made.folder / "notebooks" / f"{name}.ipynb"
    # Of the first page the map; of a finding its trace, of a service its surroundings.
    figures = ReportPage.of(notebook).figures if name in CHAPTERS else 1
    with opened(chromium, made.folder, name) as watched:
        page = watched.page
        assert page.locator(".figure.drawn .main-svg").count() >= figures
        assert page.locator(".figure.drawn").count() == figures
        for place in page.locator(".figure.drawn").all():
            box = place.bounding_box()
            assert box is not None
            assert box["height"] > 60, "a figure without height is not seen"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        for summary in page.locator("details > summary").all():
            summary.click()
        assert page.evaluate(f"typeof window.{hostile.FLAG}") == "undefined"
        assert page.locator(RUNNING).count() == 0
        said = page.locator("body").inner_text()
        assert "{{7*7}} Monday & Tuesday" in said, "the title stands there as it was given"
        assert "49 Monday" not in said
        assert page.title().endswith("{{7*7}} Monday & Tuesday")
        assert [url for url in watched.requests if urlsplit(url).scheme not in {"file", "data", "blob"}] == []
        assert watched.complaints == []


def test_a_browser_that_unpacks_nothing_says_so_in_the_place_of_each_figure(made, chromium):
    with chromium.new_context() as session:
        page = session.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script("delete window.DecompressionStream")
        page.goto((made.folder / "02-chatty-calls.html").as_uri())
        page.evaluate("drawEverything()")
        places = page.locator(".figure")
        assert places.count() > 1
        assert all("Firefox 113" in text for text in places.all_inner_texts())
        assert page.locator(".figure.drawn").count() == 0
        assert complaints == []


def test_a_host_that_forbids_the_library_is_named_in_the_place_of_each_figure(made, chromium):
    """Many that show the results of a build do: pages from a disk know no such rule."""
    with chromium.new_context() as session:
        page = session.new_page()
        page.route("http://host.test/**", lambda route: _served(route, made.folder))
        page.goto("http://host.test/index.html")
        page.evaluate("drawEverything()")
        assert "Content-Security-Policy" in page.locator(".figure").inner_text()
        assert page.locator("#findings tbody tr").count() == len(findings_of(made.folder))


def _served(route: Route, folder: Path) -> None:
    """Answer as a host that lets pages run the files beside them and nothing else."""
    path = folder / urlsplit(route.request.url).path.lstrip("/")
    route.fulfill(path=path, headers={"Content-Security-Policy": "script-src 'self'"})


def test_hostile_names_can_be_read_on_the_index(made, chromium):
    with opened(chromium, made.folder, "index") as watched:
        services = watched.page.locator("#marks tbody th").all_inner_texts()
    assert len(services) == len(hostile.SERVICES)
    assert any(hostile.GATEWAY in service for service in services)


def test_pointing_at_a_figure_shows_its_numbers(made, chromium):
    with opened(chromium, made.folder, "02-chatty-calls") as watched:
        page = watched.page
        bar = page.locator(".figure.drawn .bars .point path").first
        bar.scroll_into_view_if_needed()
        box = bar.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
        page.wait_for_selector(".hoverlayer .hovertext")
        assert "ms" in page.locator(".hoverlayer .hovertext").first.text_content()
        assert page.evaluate(f"typeof window.{hostile.FLAG}") == "undefined"


class Links(HTMLParser):
    """Where a page links to, and what can be linked to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        for name, value in attrs:
            if name == "id":
                self.anchors.add(str(value))
            elif name in {"href", "src"}:
                self.targets.append(str(value))


def test_every_link_leads_somewhere(made):
    pages = {page.resolve(): Links(page) for page in made.folder.rglob("*.html") if page.name != "slides.html"}
    assert len(pages) > len(PAGES)
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            assert not parts.scheme, f"{page}: {target}"
            assert not parts.netloc, f"{page}: {target}"
            file = (page.parent / parts.path).resolve() if parts.path else page
            assert file.is_file(), f"{page}: {target}"
            if parts.fragment:
                assert parts.fragment in pages[file].anchors, f"{page}: {target}"


def test_first_page_leads_to_every_finding_and_every_service(made):
    targets = set(Links(made.folder / "index.html").targets)
    for finding in findings_of(made.folder):
        assert f"findings/{finding['id']}.html" in targets
        chapter = FAMILIES[finding["family"]].file
        assert f"../{chapter}" in Links(made.folder / f"findings/{finding['id']}.html").targets
        assert f"finding-{finding['id']}" in Links(made.folder / chapter).anchors
    assert {f"services/{path.name}" for path in (made.folder / "services").iterdir()} <= targets


def test_search_and_filters_leave_what_fits(made, chromium):
    findings = findings_of(made.folder)
    with opened(chromium, made.folder, "index") as watched:
        page = watched.page
        rows = page.locator("#findings tbody tr:visible")
        assert rows.count() == len(findings)
        page.select_option("select[name=family]", "chatty")
        chatty = [finding for finding in findings if finding["family"] == "chatty"]
        assert rows.count() == len(chatty)
        assert page.locator("form.filters output").inner_text() == f"{len(chatty)} of {len(findings)} findings"
        page.select_option("select[name=services]", hostile.ORDERS)
        assert rows.count() == sum(hostile.ORDERS in finding["services"] for finding in chatty)
        page.select_option("select[name=services]", "")
        page.select_option("select[name=severity]", "info")
        assert rows.count() == sum(finding["severity"] == "info" for finding in chatty)
        page.select_option("select[name=severity]", "")
        page.fill("input[name=text]", "no title says this")
        assert rows.count() == 0
        assert page.locator("form.filters output").inner_text() == f"0 of {len(findings)} findings"


def test_click_on_a_service_leads_to_its_page(made, chromium):
    with opened(chromium, made.folder, "index") as watched:
        page = watched.page
        place = page.locator("#map ~ figure .figure").first
        place.scroll_into_view_if_needed()
        # The places of nodes are those of the last trace, in the coordinates of the axes.
        spot = place.evaluate(
            """(place, name) => {
                const nodes = place.data.find((one) => one.name === "nodes");
                const at = nodes.customdata.indexOf(name);
                const box = place.getBoundingClientRect();
                const { xaxis, yaxis } = place._fullLayout;
                const [x, y] = [xaxis.d2p(nodes.x[at]), yaxis.d2p(nodes.y[at])];
                return [box.x + xaxis._offset + x, box.y + yaxis._offset + y];
            }""",
            hostile.GATEWAY,
        )
        page.mouse.move(*spot, steps=4)
        page.wait_for_selector(".hoverlayer .hovertext")
        with page.expect_navigation():
            page.mouse.click(*spot)
        assert "/services/" in page.url
        assert hostile.GATEWAY in page.locator("h1").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["index", "02-chatty-calls", "findings", "services"])
def test_no_serious_violation_of_accessibility(kind, scheme, made, chromium):
    name = kind if kind in PAGES else f"{kind}/{min((made.folder / kind).iterdir()).stem}"
    with opened(chromium, made.folder, name, color_scheme=scheme) as watched:
        found = Axe().run(watched.page).response["violations"]
        serious = [item for item in found if item["impact"] in {"serious", "critical"}]
        assert [(item["id"], [node["html"][:200] for node in item["nodes"][:3]]) for item in serious] == []


def column(page: Page, number: int) -> list[str]:
    """Return what the cells of a column of the findings are sorted by."""
    cells = f"#findings tbody td:nth-child({number})"
    return page.eval_on_selector_all(cells, "all => all.map(one => one.dataset.sort ?? one.textContent.trim())")


def test_headings_sort_by_click_and_by_key(made, chromium):
    with opened(chromium, made.folder, "index") as watched:
        page = watched.page
        by_cost = sorted(map(float, column(page, 4)))
        heading = page.locator("#findings thead th:nth-child(4)")
        heading.locator("button").click()
        assert list(map(float, column(page, 4))) == by_cost
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.locator("button").press("Enter")
        assert list(map(float, column(page, 4))) == by_cost[::-1]
        assert heading.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        assert column(page, 3) == sorted(column(page, 3))
        assert heading.get_attribute("aria-sort") is None


def test_waterfalls_mark_the_spans_of_their_finding(made, chromium):
    """As many figures follow the findings as findings name traces, and every waterfall marks spans."""
    for family, name in (("chatty", "02-chatty-calls"), ("shared_data", "03-shared-data")):
        own = [finding for finding in findings_of(made.folder) if finding["family"] == family]
        assert all(finding["exemplars"] and finding["exemplars"][0]["span_ids"] for finding in own)
        with opened(chromium, made.folder, name) as watched:
            waterfalls = watched.page.locator(".figure.drawn", has_text=re.compile("trace [0-9a-f]{32}"))
            texts = ["".join(figure.locator("text").all_text_contents()) for figure in waterfalls.all()]

            # A chapter may show a run of calls as a waterfall of its own.
            assert sum("▶" in text.replace("▶ marked", "") for text in texts) >= min(len(own), 5)


def test_page_is_readable_on_a_narrow_screen_and_in_print(made, chromium, tmp_path):
    with opened(chromium, made.folder, "index") as watched:
        page = watched.page
        page.set_viewport_size({"width": 600, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 600
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        page.pdf(path=tmp_path / "index.pdf", format="A4")
    assert (tmp_path / "index.pdf").read_bytes().startswith(b"%PDF")
