"""Measure what a browser spends to open pages: python -m tests.benchmarks.pages [REPORT].

Without a report it is the first page of 300 services, 3,000 edges and 1,000 findings; of a report every page of its
folder. Seconds are those of the page's main thread (the browser's TaskDuration) until every figure is drawn, the lowest
of five: other work on the machine only adds to it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from analysis.report.browser import require_browser
from tests.report.large import large_review, write_first_page

RUNS = 5
#: They draw only what is shown.
ONE_FILE = ("report.html", "slides.html")


def main(arguments: Sequence[str]) -> int:
    """Open pages, and print what each cost."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        if arguments:
            pages = sorted(set(Path(arguments[0]).glob("*.html")) - {Path(arguments[0], name) for name in ONE_FILE})
        else:
            write_first_page(large_review(Path(scratch)), Path(scratch))
            pages = [Path(scratch) / "index.html"]
        browser = playwright.chromium.launch(executable_path=require_browser(), args=["--no-sandbox", "--disable-gpu"])
        for path in pages:
            costs = [opened(browser.new_page(), path) for _ in range(RUNS)]
            print(f"{min(costs):6.2f} s  {path.stat().st_size / 1e6:6.2f} MB  {path.name}")
        browser.close()
    return 0


def opened(page: Page, path: Path) -> float:
    """Open a page until all of it is drawn, and return the seconds of its main thread."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(path.resolve().as_uri())
    page.wait_for_function("!document.querySelector('.figure:not(.drawn)')")
    metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return float(metrics["TaskDuration"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
