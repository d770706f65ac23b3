"""The forms of a report in a real browser and on paper: one file, slides, PDF, pictures, Markdown."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from pypdf import PdfReader

from analysis.report import Forms, ReportError
from analysis.report.browser import require_browser
from tests.report import hostile
from tests.report.test_pages import PAGES, findings_of, opened

pytestmark = pytest.mark.slow

INSIDE = "drawEverything().then(() => !document.querySelector('.page:not([hidden]) .figure:not(.drawn)'))"


def foreign(requests: list[str]) -> list[str]:
    return [url for url in requests if urlsplit(url).scheme not in {"file", "data", "blob"}]


@pytest.fixture(scope="module")
def alone(made, tmp_path_factory) -> Path:
    """The single file, sent to somebody who has nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copyfile(made.folder / "report.html", folder / "report.html")
    return folder


def test_one_file_shows_every_page_and_its_figures(made, alone, chromium):
    findings = findings_of(made.folder)
    with opened(chromium, alone, "report", drawn=INSIDE) as watched:
        page = watched.page
        assert page.locator(".page:visible").count() == 1
        page.locator(f"#index--findings a[href='#findings-{findings[0]['id']}']").click()
        page.wait_for_function(INSIDE)
        assert page.locator(".page:visible h1").inner_text().strip()
        assert page.locator(".page:visible .figure.drawn").count() == 1
        page.go_back()
        assert page.locator(".page:visible").get_attribute("id") == "index"
        for name in ("02-chatty-calls", "01-trust-the-data"):
            page.locator(f"nav a[href='#{name}']").click()
            page.wait_for_function(INSIDE)
            assert page.locator(".page:visible").get_attribute("id") == name
            assert page.locator("nav a[aria-current]").get_attribute("href") == f"#{name}"
        assert page.evaluate(f"typeof window.{hostile.FLAG}") == "undefined"
        assert foreign(watched.requests) == []
        assert watched.complaints == []


def test_every_link_of_the_one_file_leads_to_something_in_it(alone):
    text = (alone / "report.html").read_text(encoding="utf-8")
    body = text[text.index("<body>") :]
    ids = re.findall(r'\sid="([^"]*)"', body)
    assert len(ids) == len(set(ids)), "an id stands twice"
    targets = re.findall(r'<a [^>]*href="([^"]*)"', body)
    assert targets
    assert [target for target in targets if not target.startswith("#") or target[1:] not in ids] == []


def test_filters_work_in_the_one_file_too(made, alone, chromium):
    with opened(chromium, alone, "report", drawn=INSIDE) as watched:
        watched.page.select_option("select[name=family]", "chatty")
        chatty = sum(finding["family"] == "chatty" for finding in findings_of(made.folder))
        assert watched.page.locator("#index--findings tbody tr:visible").count() == chatty


SHOWN = "document.querySelectorAll('.present .figure:not(.drawn)').length === 0"


def test_slides_show_one_finding_each_with_notes(made, chromium):
    grave = [finding for finding in findings_of(made.folder) if finding["severity"] != "info"]
    with opened(chromium, made.folder, "slides", drawn=SHOWN) as watched:
        page = watched.page
        named = page.eval_on_selector_all("section[data-finding]", "all => all.map((one) => one.dataset.finding)")
        findings = [finding for finding in grave if finding["id"] in named]
        assert named == [finding["id"] for finding in findings]
        assert named[0] == grave[0]["id"]
        # Left out are those that cost nothing and for which one of their kind stands.
        passed_by = grave if len(named) < 10 else grave[: grave.index(findings[-1])]
        left = [finding for finding in passed_by if finding not in findings]
        assert not any(value for finding in left for value in finding["cost"].values())
        assert {finding["detector"] for finding in left} <= {finding["detector"] for finding in findings}
        for finding in findings:
            notes = page.locator(f"section[data-finding='{finding['id']}'] aside.notes").text_content()
            assert finding["detector"] in notes
            assert finding["exemplars"][0]["trace_id"] in notes
        total = page.evaluate("Reveal.getTotalSlides()")
        for _ in range(total):
            page.wait_for_function(SHOWN)
            slide = page.locator("section.present .slide")
            assert slide.evaluate("one => one.scrollHeight <= one.clientHeight + 1"), slide.inner_text()[:80]
            for frame in page.locator("section.present .figure.drawn").all():
                bottom = "one => one.getBoundingClientRect().bottom"
                inside = frame.evaluate(bottom) <= frame.locator("xpath=../..").evaluate(bottom) + 1
                assert inside, "a figure is cut"
            page.keyboard.press("ArrowRight")
        assert page.evaluate(f"typeof window.{hostile.FLAG}") == "undefined"
        assert foreign(watched.requests) == []
        assert watched.complaints == []


def serious(page) -> list[tuple[str, list[str]]]:
    """Return what axe finds on a page that keeps somebody from using it."""
    found = Axe().run(page).response["violations"]
    grave = [item for item in found if item["impact"] in {"serious", "critical"}]
    return [(item["id"], [node["html"][:200] for node in item["nodes"][:3]]) for item in grave]


@pytest.mark.parametrize("name", ["report", "slides"])
def test_forms_have_no_serious_violation_of_accessibility(name, made, chromium):
    """On a light screen, on a dark one, and in print: one page that is drawn once."""
    with opened(chromium, made.folder, name, drawn="true") as watched:
        page = watched.page
        assert serious(page) == []
        page.emulate_media(color_scheme="dark")
        assert serious(page) == []
        page.emulate_media(color_scheme="light", media="print")
        assert serious(page) == []


def test_paper_is_a4_and_holds_every_finding_and_every_figure_whole(made, tmp_path):
    paper = PdfReader(made.folder / "report.pdf")
    sizes = {(round(float(page.mediabox.width)), round(float(page.mediabox.height))) for page in paper.pages}
    assert sizes == {(596, 843)}
    sheets = [page.extract_text() for page in paper.pages]
    text = " ".join(" ".join(sheets).split())
    for finding in findings_of(made.folder):
        assert finding["detector"] in text
    # What is drawn is drawn in lines: pictures of points would blur.
    assert any("marked by the finding" in said for said in sheets)
    # A figure stands on one sheet: where a trace is named, its last line is too.
    for said in sheets:
        assert said.count("ms since the start of the trace") == said.count("marked by the finding")


@pytest.mark.parametrize("name", ["report", "slides"])
def test_paper_holds_lines_and_no_pictures_of_points(name, made):
    """Hatched bars too: of each a browser would print a picture as large as the figure."""
    paper = PdfReader(made.folder / f"{name}.pdf")
    objects = (paper.get_object(number) for number in range(1, paper.trailer["/Size"]))
    dictionaries = [one for one in objects if isinstance(one, dict)]
    # The cells of a heat map are a few points each, made larger.
    assert sum(len(one._data) for one in dictionaries if one.get("/Subtype") == "/Image") < 100_000


def test_nothing_on_paper_is_wider_than_a_sheet(made, chromium):
    """Else the browser makes every sheet smaller, until nobody can read it."""
    for name in PAGES:
        with opened(chromium, made.folder, name) as watched:
            page = watched.page
            page.set_viewport_size({"width": 976, "height": 1300})
            page.emulate_media(media="print")
            page.evaluate("showAll(1300)")
            assert page.evaluate("document.documentElement.scrollWidth") <= 976, name


def test_slides_on_paper_are_one_sheet_each(made, tmp_path):
    paper = PdfReader(made.folder / "slides.pdf")
    ratios = {round(float(page.mediabox.width) / float(page.mediabox.height), 2) for page in paper.pages}
    assert ratios == {1.78}
    text = (made.folder / "slides.html").read_text(encoding="utf-8")
    assert len(paper.pages) == len(re.findall(r'^<section.*><div class="slide( finding)?">$', text, re.MULTILINE))


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm is not installed (Debian: poppler-utils)")
def test_sheets_turn_into_pictures(made, tmp_path):
    """Poppler draws every sheet, and none is empty."""
    done = subprocess.run(
        ["pdftoppm", "-r", "20", "-gray", str(made.folder / "report.pdf"), str(tmp_path / "sheet")], check=False
    )
    assert done.returncode == 0
    sheets = sorted(tmp_path.glob("sheet*.pgm"))
    assert len(sheets) == len(PdfReader(made.folder / "report.pdf").pages)
    for sheet in sheets:
        assert min(sheet.read_bytes()[-10_000:]) < 200 or min(sheet.read_bytes()[20:]) < 200, f"{sheet.name} is empty"


def test_every_figure_is_there_as_vectors_and_as_points(made):
    pictures = {path.name for path in (made.folder / "figures").iterdir()}
    assert len(pictures) % 2 == 0
    for name in sorted(pictures):
        content = (made.folder / "figures" / name).read_bytes()
        assert content.startswith(b"<svg") if name.endswith(".svg") else content.startswith(b"\x89PNG"), name
        assert f"{name[:-3]}{'png' if name.endswith('svg') else 'svg'}" in pictures
    assert "index-1.svg" in pictures
    for finding in findings_of(made.folder):
        assert f"findings-{finding['id']}-1.svg" in pictures


def test_markdown_for_a_wiki(made):
    text = (made.folder / "review.md").read_text(encoding="utf-8")
    assert text.startswith("# Architecture review\n")
    assert all(f"finding-{finding['id']}" in text for finding in findings_of(made.folder))
    assert "<script" not in text


def test_without_a_browser_it_is_said_before_anything_is_read(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ReportError, match=r"need Chromium, and none of chromium.*apt-get install chromium"):
        Forms(pdf=True).check()
    monkeypatch.setenv("ARCHREVIEW_BROWSER", "/nowhere/chrome")
    with pytest.raises(ReportError, match="ARCHREVIEW_BROWSER=/nowhere/chrome names none"):
        require_browser()
    Forms(single_file=True, slides=True, markdown=True).check()
