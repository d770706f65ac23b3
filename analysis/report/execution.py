"""Execute notebooks through papermill, each in a kernel of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import papermill
from traitlets.config import Config

import analysis

__all__ = ["ReportError", "execute", "notebooks"]

#: What is said to kernels is encrypted where they can: nobody else on the machine can listen.
_KERNELS: Final = Config({"KernelManager": {"transport_encryption": "auto"}})


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

    Parameters
    ----------
    source, target
        The notebook, and where the executed one goes.
    parameters
        Values for the cell tagged ``parameters``; the notebook must know each of them.

    Raises
    ------
    ReportError
        If a parameter is not known, or a cell failed; then ``target`` holds what was executed so far.
    """
    known = papermill.inspect_notebook(str(source))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        message = f"{source.name} has no parameter {', '.join(unknown)}; it knows {', '.join(sorted(known))}"
        raise ReportError(message)
    # The kernel must be that of this environment, whatever kernels the user has registered; figures must come as data.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    try:
        papermill.execute_notebook(
            str(source),
            str(target),
            parameters=dict(parameters),
            kernel_name="python3",
            cwd=str(source.parent),
            progress_bar=False,
            config=_KERNELS,
        )
    except papermill.PapermillExecutionError as error:
        message = f"{source.name} failed in cell {error.cell_index}: {error.ename}: {error.evalue} (see {target})"
        raise ReportError(message) from error
    return target
