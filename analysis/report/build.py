"""Build a report: review once, execute every notebook on it, write the pages and their index."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from analysis.engine import Progress
from analysis.report.execution import ReportError, execute, notebooks
from analysis.report.index import write_index
from analysis.report.pages import Page, copy_assets, write_page
from analysis.review import Review

__all__ = ["ReportError", "build_report"]

#: Kernels at once: each is a process with numba, pandas and plotly loaded, about 300 MB.
_KERNELS: Final = 2


def build_report(review: Review, out: str | Path, *, title: str, progress: Progress | None = None) -> Path:
    """Write a report.

    Parameters
    ----------
    review
        What is reported; it is saved under ``review/`` and opened by each notebook.
    out
        Folder of the report: ``index.html``, a page a notebook, ``assets/``, ``findings.json``, and the executed
        notebooks under ``notebooks/``. Pages of an earlier report there are replaced.
    title
        Heading of the report.
    progress
        Called as ``progress("notebooks", executed, of how many)``.

    Returns
    -------
    Path
        ``index.html``.

    Raises
    ------
    ReportError
        If a notebook failed; the partly executed notebook is kept, and the message names it and the error.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    saved = review.save(folder / "review")
    shutil.copyfile(saved / "findings.json", folder / "findings.json")
    executed = _execute_all(folder, saved, title, progress)
    copy_assets(folder)
    pages = [Page.of(path) for path in executed]
    for page in pages:
        write_page(page, pages, folder, title)
    return write_index(review, pages, folder, title)


def _execute_all(folder: Path, saved: Path, title: str, progress: Progress | None) -> list[Path]:
    """Execute every notebook, some at a time, and return them in the order of their names."""
    sources = notebooks()
    target = folder / "notebooks"
    target.mkdir(exist_ok=True)
    parameters = {"review": str(saved.resolve()), "title": title}
    with ThreadPoolExecutor(_KERNELS) as pool:
        futures = [pool.submit(execute, source, target / source.name, parameters) for source in sources]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            if progress is not None:
                progress("notebooks", done, len(sources))
    return [target / source.name for source in sources]
