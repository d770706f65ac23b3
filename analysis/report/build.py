"""Build a report: review once, execute every notebook on it, write the pages and their index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from analysis import outputs
from analysis._wording import plain
from analysis.alerts import rules_text
from analysis.compare import Comparison
from analysis.dataset import Dataset
from analysis.engine import Progress
from analysis.history import History
from analysis.report.execution import ReportError, execute, notebooks
from analysis.report.finding_pages import finding_pages
from analysis.report.first_page import first_page
from analysis.report.folder import keep_earlier, prepare, publish
from analysis.report.forms import Forms, write_forms
from analysis.report.pages import Page, chapter_document
from analysis.report.service_pages import service_pages
from analysis.report.site import Site, copy_assets, write_site
from analysis.report.told import Told
from analysis.report.whole import keep_whole
from analysis.review import Review

__all__ = ["ReportError", "build_report"]

#: Kernels at once: each is a process with numba, pandas and plotly loaded, about 300 MB.
_KERNELS: Final = 2
#: Where the executed notebooks find the saved review: a report can be moved as a whole, and run again.
_REVIEW_FROM_NOTEBOOKS: Final = "../review"


def build_report(
    review: Review,
    out: str | Path,
    *,
    title: str,
    data: Dataset | None = None,
    before: Dataset | None = None,
    comparison: Comparison | None = None,
    forms: Forms | None = None,
    history: History | None = None,
    keep: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write a report.

    It is built under ``unfinished/`` and takes the place of an earlier one when it is whole, the index last.

    Parameters
    ----------
    review
        What is reported; it is saved under ``review/`` and opened by each notebook.
    out
        Folder of the report: ``index.html``, a page a notebook, a page a finding and a service under ``findings/`` and
        ``services/``, ``assets/``, ``findings.json``, ``alerts.yml`` (proposed alert rules), and the executed notebooks
        under ``notebooks/``. The files of an earlier report there are removed; other files stay.
    title
        Heading of the report.
    data
        What was reviewed. All of it is ranked by where an incident began, and replayed; when not given, nothing is
        ranked, and replayed are the traces that findings name.
    before
        What it is held against to see where an incident began; a window of the same data when not given.
    comparison
        The review beside an earlier one: what became better and worse.
    forms
        What is written beside the pages: one file, slides, PDF, pictures, Markdown.
    history
        This review and those before it: the trend, and the age of each finding.
    keep
        How many earlier reports stay under ``earlier/``; none is kept, and none removed, for 0.
    progress
        Called as ``progress("notebooks", executed, of how many)``.

    Returns
    -------
    Path
        ``index.html``.

    Raises
    ------
    ReportError
        If a notebook failed, which is kept partly executed under ``unfinished/``, or if ``out`` holds files that the
        report would overwrite and that no report has written.
    """
    folder = Path(out)
    unfinished = prepare(folder)
    review.save(unfinished / "review")
    if data is not None:
        keep_whole(review, data, before, unfinished / "review")
    if comparison is not None:
        comparison.save(unfinished / "review")
    (unfinished / "findings.json").write_text(outputs.write(review, "json", comparison), encoding="utf-8", newline="\n")
    (unfinished / "alerts.yml").write_text(rules_text(review), encoding="utf-8", newline="\n")
    executed = _execute_all(unfinished / "notebooks", progress)
    earlier = keep_earlier(folder, keep)
    told = Told(review, plain(title) or "Architecture review", comparison, history, tuple(earlier))
    site = Site(
        told.title,
        first_page(told),
        tuple(chapter_document(Page.of(path)) for path in executed),
        finding_pages(told),
        service_pages(told),
    )
    copy_assets(unfinished)
    write_site(site, unfinished)
    write_forms(site, told, unfinished, forms or Forms(), progress)
    publish(unfinished, folder)
    return folder / "index.html"


def _execute_all(target: Path, progress: Progress | None) -> list[Path]:
    """Execute every notebook, some at a time, and return them in the order of their names."""
    sources = notebooks()
    target.mkdir()
    parameters = {"review": _REVIEW_FROM_NOTEBOOKS}
    with ThreadPoolExecutor(_KERNELS) as pool:
        futures = [pool.submit(execute, source, target / source.name, parameters) for source in sources]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                if progress is not None:
                    progress("notebooks", done, len(sources))
        except BaseException:
            # What has not begun is not worth waiting for.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [target / source.name for source in sources]
