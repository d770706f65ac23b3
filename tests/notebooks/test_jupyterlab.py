"""The notebooks in JupyterLab, in a real browser: opened, run from the first cell to the last, and looked at."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import analysis as an
from tests.conftest import REPOSITORY
from tests.exports import log, otlp
from tests.notebooks.running import NOTEBOOKS
from tests.shop import shop_file

pytestmark = pytest.mark.slow

TOKEN = "for-this-test"
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
PLOTLY = "application/vnd.plotly.v1+json"
#: These run as they are, on the samples that their first cell names; all others open a review of the same sample.
AS_THEY_ARE = ("00-architecture-review", "08-where-did-it-begin", "09-what-if")
#: Every cell of code has run.
DONE = """() => {
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
  const prompts = cells.map((one) => one.querySelector('.jp-InputPrompt').textContent);
  return prompts.length > 0 && prompts.every((one) => /[0-9]/.test(one));
}"""
#: Nothing runs: all is done, or a cell failed.
RESTS = "![...document.querySelectorAll('.jp-InputPrompt')].some((one) => one.textContent.includes('*'))"
STOPPED = "document.querySelector(\".jp-Notebook [data-mime-type*='error']\")"
#: Close what is open, and open a notebook in the kernel of the one before, where there was one.
OPEN = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  if (window.opened) {
    await window.opened.context.save();
    window.opened.dispose();
  }
  const kernel = window.kernel ? { id: window.kernel } : undefined;
  window.opened = await app.commands.execute('docmanager:open', { path, factory: 'Notebook', kernel });
  await window.opened.context.ready;
  await window.opened.sessionContext.ready;
  const { kernel: running } = window.opened.sessionContext.session;
  await running.info;
  // What is run before the kernel rests is lost, and a widget that is made before stays empty.
  while (running.status !== 'idle') await new Promise((then) => setTimeout(then, 100));
  window.kernel = running.id;
}"""
#: Answers come before what is shown: a further request ends only when all that went before it is shown.
SHOWN = """async () => {
  const { kernel } = window.opened.sessionContext.session;
  await kernel.requestExecute({ code: '', silent: true, store_history: false }).done;
}"""
#: Figures that are drawn.
FIGURES = ".js-plotly-plot:has(.main-svg)"
#: What the notebook that is open would be saved as.
OUTPUTS = "window.opened.content.model.toJSON().cells.flatMap((cell) => cell.outputs ?? [])"


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that is open in a browser, and whom its page has asked so far."""

    page: Any
    asked: list[str]


def put(target: Path, sources: list[Path], review: Path | None) -> None:
    """Write notebooks as one, each of them on a saved review where one is given.

    All run in one kernel, which loads what they import once; each finds it without a name.
    """
    cells = []
    for source in sources:
        cells.append(new_code_cell("%reset -f"))
        for cell in nbformat.read(source, as_version=4).cells:
            cells.append(cell)
            if review is not None and "parameters" in cell.metadata.get("tags", []):
                cells.append(new_code_cell(f"review = {str(review)!r}"))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), target)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium) -> Iterator[Lab]:
    """Open JupyterLab on the notebooks, and on one with the cells of all of them for each poor export: once for all."""
    home = tmp_path_factory.mktemp("lab")
    root = home / "work" / "notebooks"
    root.mkdir(parents=True)
    (root.parent / "data").symlink_to(REPOSITORY / "data", target_is_directory=True)
    sample = an.review(an.open_source(REPOSITORY / "data/samples/shop/before")).save(home / "sample")
    for source in NOTEBOOKS:
        put(root / source.name, [source], None if source.stem in AS_THEY_ARE else sample)
    panel = f"import analysis as an\nan.explore(an.open_review({str(sample)!r}))"
    nbformat.write(new_notebook(cells=[new_code_cell(panel)], metadata=KERNEL), root / "panel.ipynb")
    logs, nothing = home / "logs.json", home / "nothing.json"
    logs.write_bytes(otlp(logs=[log("order placed"), log("order failed", service="payment")]))
    nothing.write_bytes(otlp())
    for name, export in {"traces": shop_file(home / "traces.jsonl"), "logs": logs, "nothing": nothing}.items():
        put(root / f"{name}.ipynb", NOTEBOOKS, an.review(an.open_export(export)).save(home / name))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    options += [f"--ServerApp.root_dir={root.parent}", "--LabApp.news_url=None"]
    options += ["--expose-app-in-browser", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (home / "lab.log").open("wb") as diary:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment(home), stdout=diary, stderr=diary
        )
    try:
        started(f"http://127.0.0.1:{port}", home / "lab.log")
        with chromium.new_context(viewport={"width": 1400, "height": 1000}) as session:
            page = session.new_page()
            page.set_default_timeout(120_000)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"http://127.0.0.1:{port}/lab?token={TOKEN}&reset")
            page.wait_for_function("window.jupyterapp")
            yield Lab(page, asked)
    finally:
        server.terminate()
        server.wait(60)


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a user who has set up nothing."""
    folders = {"CONFIG": "config", "RUNTIME": "runtime", "DATA": "share"}
    return os.environ | {
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "JUPYTER_PREFER_ENV_PATH": "1",
        **{f"JUPYTER_{name}_DIR": str(home / folder) for name, folder in folders.items()},
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }


def started(address: str, diary: Path) -> None:
    """Wait until JupyterLab answers."""
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"JupyterLab did not start: {diary.read_text()[-2000:]}")


@dataclass(frozen=True)
class Seen:
    """What a notebook showed when all of it was run."""

    text: str
    figures: int
    drawn: int
    failed: list[str]
    elsewhere: list[str]


def run_all(lab: Lab, name: str) -> Seen:
    """Open a notebook, run all its cells by the menu, and return what it shows and whom the page asked."""
    page = lab.page
    lab.asked.clear()
    page.evaluate(OPEN, f"notebooks/{name}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator("[data-command='runmenu:run-all']").click()
    page.wait_for_function(f"({DONE})() || ({STOPPED} && {RESTS})")
    page.evaluate(SHOWN)
    outputs = page.evaluate(OUTPUTS)
    figures = sum(PLOTLY in output.get("data", {}) for output in outputs)
    page.wait_for_function(f"document.querySelectorAll('{FIGURES}').length >= {figures}")
    return Seen(
        page.locator(".jp-Notebook").first.text_content(),
        figures,
        page.locator(FIGURES).count(),
        [f"{one['ename']}: {one['evalue']}" for one in outputs if one["output_type"] == "error"],
        sorted({url for url in lab.asked if urlsplit(url).hostname not in {"127.0.0.1", None}}),
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_the_first_cell_to_the_last(notebook, lab):
    seen = run_all(lab, notebook.name)
    assert seen.failed == []
    assert seen.elsewhere == []
    assert seen.figures > 0
    assert seen.drawn == seen.figures


#: What the notebooks say of a poor export, all of them in a row.
SAID = {
    "traces": ("no log records", "not_assessable"),
    "logs": ("2 log records", "Not assessable", "No calls were seen.", "No finding names a trace"),
    "nothing": (
        "No service was seen.",
        "Nothing is worth fixing first.",
        "No calls were seen.",
        "nothing can be ranked",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_missing_is_said(name, lab):
    seen = run_all(lab, f"{name}.ipynb")
    assert seen.failed == []
    assert seen.elsewhere == []
    assert seen.drawn == seen.figures > len(NOTEBOOKS)
    assert [words for words in SAID[name] if words not in seen.text] == []


#: The map stands there with its nodes: the widget draws an empty one first.
DRAWN = "document.querySelector('.js-plotly-plot')?.data?.some((trace) => trace.name === 'nodes')"
#: Where a point of the map is, from its upper left corner: the node of a name, or a place that belongs to an edge.
PLACE = """([trace, name]) => {
  const figure = document.querySelector('.js-plotly-plot');
  const {xaxis, yaxis} = figure._fullLayout;
  const drawn = figure.data.find((one) => one.name === trace);
  const place = name ? drawn.customdata.indexOf(name) : Math.floor(drawn.x.length / 2);
  return {x: xaxis._offset + xaxis.d2p(drawn.x[place]), y: yaxis._offset + yaxis.d2p(drawn.y[place])};
}"""


def test_a_click_on_a_node_of_the_map_shows_its_findings(lab):
    page = lab.page
    seen = run_all(lab, "panel.ipynb")
    assert seen.failed == []
    page.wait_for_function(DRAWN)
    assert "findings anywhere." in page.locator(".jp-OutputArea").first.text_content()
    drawn = page.locator(".js-plotly-plot")
    drawn.hover(position=page.evaluate(PLACE, ["ways", ""]))
    page.wait_for_selector(".hoverlayer .hovertext:has-text('trace')")
    drawn.click(position=page.evaluate(PLACE, ["nodes", "orders"]))
    page.wait_for_selector("text=/[0-9]+ findings? at orders\\./")
    page.wait_for_function(f"{DRAWN} && document.querySelector('.gtitle')?.textContent.includes('orders and what is')")
    assert drawn.count() == 1
    titles = page.locator(".widget-select option").all_text_contents()
    assert len(titles) > 5
