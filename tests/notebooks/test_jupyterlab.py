"""The notebooks in JupyterLab, in a real browser: opened, run from the first cell to the last, and looked at."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
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
PLOTLY = "application/vnd.plotly.v1+json"
#: These run as they are, on the samples that their first cell names; all others open a review of the same sample.
AS_THEY_ARE = ("00-architecture-review", "08-where-did-it-begin", "09-what-if")
#: Every cell of code has run.
DONE = """() => {
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
  const prompts = cells.map((one) => one.querySelector('.jp-InputPrompt').textContent);
  return prompts.length > 0 && prompts.every((one) => /[0-9]/.test(one));
}"""
#: The kernel answers: what is run before is lost, though the notebook's own sign says that it idles.
CONNECTED = "document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')"
#: Nothing runs: all is done, or, where the kernel was not ready after all, lost.
RESTS = "![...document.querySelectorAll('.jp-InputPrompt')].some((one) => one.textContent.includes('*'))"
TRIES = 4
STOPPED = "document.querySelector(\".jp-Notebook [data-mime-type*='error']\")"


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs, and the folder that it shows."""

    address: str
    root: Path

    def ask(self, method: str, path: str) -> Any:
        """Ask the server what its pages ask."""
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{self.address}/api/{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def stop_kernels(self) -> None:
        """Stop every kernel: each holds a few hundred megabytes."""
        for session in self.ask("GET", "sessions"):
            self.ask("DELETE", f"sessions/{session['id']}")


def put(target: Path, sources: list[Path], review: Path | None) -> None:
    """Write notebooks as one, each of them on a saved review where one is given."""
    cells = []
    for source in sources:
        for cell in nbformat.read(source, as_version=4).cells:
            cells.append(cell)
            if review is not None and "parameters" in cell.metadata.get("tags", []):
                cells.append(new_code_cell(f"review = {str(review)!r}"))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), target)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """Start JupyterLab on the notebooks, and on one with the cells of all of them for each poor export."""
    home = tmp_path_factory.mktemp("lab")
    root = home / "work" / "notebooks"
    root.mkdir(parents=True)
    (root.parent / "data").symlink_to(REPOSITORY / "data", target_is_directory=True)
    sample = an.review(an.open_source(REPOSITORY / "data/samples/shop/before")).save(home / "sample")
    for source in NOTEBOOKS:
        put(root / source.name, [source], None if source.stem in AS_THEY_ARE else sample)
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
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (home / "lab.log").open("wb") as diary:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment(home), stdout=diary, stderr=diary
        )
    try:
        started(f"http://127.0.0.1:{port}", home / "lab.log")
        yield Lab(f"http://127.0.0.1:{port}", root)
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


def run_all(chromium: Any, lab: Lab, name: str) -> Seen:
    """Open a notebook, run all its cells by the menu, save it, and return what it shows and whom it asked."""
    with chromium.new_context(viewport={"width": 1400, "height": 1000}) as session:
        page = session.new_page()
        page.set_default_timeout(240_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{lab.address}/doc/tree/notebooks/{name}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function(CONNECTED)
        for _ in range(TRIES):
            page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
            page.locator("[data-command='runmenu:run-all']").click()
            page.wait_for_timeout(2_000)
            page.wait_for_function(RESTS)
            if page.evaluate(f"({DONE})() || Boolean({STOPPED})"):
                break
        saved = kept(page, lab.root / name)
        lab.stop_kernels()
        figures = sum(PLOTLY in output.get("data", {}) for output in saved)
        page.wait_for_function(f"document.querySelectorAll('.js-plotly-plot .main-svg').length >= {figures}")
        return Seen(
            page.locator(".jp-Notebook").first.text_content(),
            figures,
            page.locator(".js-plotly-plot:has(.main-svg)").count(),
            [f"{one.ename}: {one.evalue}" for one in saved if one.output_type == "error"],
            sorted({url for url in asked if urlsplit(url).hostname not in {"127.0.0.1", None}}),
        )


def kept(page: Any, path: Path) -> list[Any]:
    """Save a notebook and return its outputs: while it is being saved, half of it stands there."""
    for turn in range(240):
        if turn % 40 == 0:
            page.keyboard.press("Control+s")
        with suppress(nbformat.reader.NotJSONError):
            cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
            outputs = [output for cell in cells for output in cell.outputs]
            if all(cell.execution_count for cell in cells) or any(one.output_type == "error" for one in outputs):
                return outputs
        page.wait_for_timeout(250)
    pytest.fail(f"{path.name} was not run and saved")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_the_first_cell_to_the_last(notebook, lab, chromium):
    seen = run_all(chromium, lab, notebook.name)
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
def test_what_is_missing_is_said(name, lab, chromium):
    seen = run_all(chromium, lab, f"{name}.ipynb")
    assert seen.failed == []
    assert seen.elsewhere == []
    assert seen.drawn == seen.figures > len(NOTEBOOKS)
    assert [words for words in SAID[name] if words not in seen.text] == []
