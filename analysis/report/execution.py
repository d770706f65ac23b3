"""Execute notebooks through papermill, each in a kernel of its own."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError

import analysis
from analysis.report.kernels import ReportKernel, kernel_config

__all__ = ["ReportError", "execute", "notebooks", "write_small"]

#: A machine under load takes its time to start a kernel.
_START_SECONDS: Final = 300
_WORDS_OF_ERROR: Final = 500


class ReportError(RuntimeError):
    """A report could not be built; the message says which notebook failed, and how."""


def notebooks() -> list[Path]:
    """Return the notebooks that make up the report, in order.

    Raises
    ------
    ReportError
        If they are not there: the package was installed without them.
    """
    folder = Path(analysis.__file__).resolve().parent.parent / "notebooks"
    found = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    if not found:
        message = f"no notebooks in {folder}: run archreview from a clone of the project (make setup)"
        raise ReportError(message)
    return found


def execute(source: Path, target: Path, parameters: Mapping[str, Any]) -> Path:
    """Execute one notebook with parameters, and keep the result with its outputs.

    The kernel works in the folder of the executed notebook: paths among the parameters are relative to that, so that
    the notebook can be run again wherever it has been moved to together with what it reads.

    Parameters
    ----------
    source, target
        The notebook, and where the executed one goes.
    parameters
        Values for the cell tagged ``parameters``; the notebook must know each of them.

    Raises
    ------
    ReportError
        If a parameter is not known, a cell failed or the kernel died; then ``target`` holds what was executed so far.
    """
    _check(source, parameters)
    target = target.resolve()
    diary = target.with_suffix(".log")
    with tempfile.TemporaryDirectory(prefix="archreview-kernel-") as scratch, _event_loop():
        try:
            papermill.execute_notebook(
                nbformat.read(source, as_version=4),
                # Papermill puts parameters in the place of braces in a path.
                str(target).replace("{", "{{").replace("}", "}}"),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=_START_SECONDS,
                # Given as `cwd`, papermill would change the folder of this process, under the feet of other threads.
                resources={"metadata": {"path": str(target.parent)}},
                kernel_manager_class=ReportKernel,
                config=kernel_config(diary, Path(scratch)),
            )
        except papermill.PapermillExecutionError as error:
            message = f"{source.name} failed in cell {error.cell_index}: {_told(error)}; see {target}"
            raise ReportError(message) from error
        except (DeadKernelError, RuntimeError) as error:
            message = f"{source.name} lost its kernel ({error}); see {target} and {diary}"
            raise ReportError(message) from error
    diary.unlink(missing_ok=True)
    _forget_the_machine(source, target)
    return target


@contextmanager
def _event_loop() -> Iterator[None]:
    """Close the event loop that speaks with the kernel: Jupyter opens one a thread, and leaves it open."""
    loop = ensure_event_loop()
    try:
        yield
    finally:
        if not loop.is_running():
            loop.close()
            asyncio.set_event_loop(None)


def _check(source: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that the notebook does not know: papermill would pass it, and nothing would come of it."""
    known = papermill.inspect_notebook(str(source).replace("{", "{{").replace("}", "}}"))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        message = f"{source.name} has no parameter {', '.join(unknown)}; it knows {', '.join(sorted(known))}"
        raise ReportError(message)


def _told(error: papermill.PapermillExecutionError) -> str:
    text = " ".join(f"{error.ename}: {error.evalue}".split())
    return text if len(text) <= _WORDS_OF_ERROR else text[:_WORDS_OF_ERROR] + "…"


def _forget_the_machine(source: Path, target: Path) -> None:
    """Replace the paths that papermill notes by names: a report is handed on, the machine it was made on is not."""
    notebook = nbformat.read(target, as_version=4)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            # Papermill draws a random id; the same input gives the same notebook, but for the times.
            cell.id = "injected-parameters"
    notebook.metadata.papermill.input_path = source.name
    notebook.metadata.papermill.output_path = target.name
    for cell in notebook.cells:
        # How long a cell took, and when, is of no use to whoever reads it.
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    write_small(notebook, target)


def write_small(notebook: nbformat.NotebookNode, target: Path) -> None:
    """Write an executed notebook in half the room that nbformat takes."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        # Whatever opens a notebook shows the richer form: the other one only doubles it.
        if "text/html" in output.get("data", {}):
            output["data"].pop("text/plain", None)
    # nbformat insists on a line for each number of a figure, which takes as much room again.
    text = json.dumps(notebook, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    target.write_text(text + "\n", encoding="utf-8", newline="\n")
