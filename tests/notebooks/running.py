"""Run a notebook's cells in this process: what a kernel would show, without the seconds that it takes to start."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import plotly.graph_objects as go
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_output

from analysis.report.execution import write_small

PLOTLY = "application/vnd.plotly.v1+json"
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def run(path: Path, review: Path) -> list[Any]:
    """Run every cell of a notebook on a saved review, and return what it shows, in order."""
    shown: list[Any] = []
    # In a notebook `display` needs no import.
    names: dict[str, Any] = {"__name__": "__main__", "display": shown.append}
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            run_cell(cell.source, f"{path.name}, cell {number}", names, shown.append)
            if "parameters" in cell.metadata.get("tags", []):
                names["review"] = str(review)
    return shown


def execute_here(source: Path, target: Path, parameters: Mapping[str, str]) -> Path:
    """Execute a notebook as a report does, in this process, and keep it with what its cells show and print."""
    notebook = nbformat.read(source, as_version=4)
    shown: list[Any] = []
    names: dict[str, Any] = {"__name__": "__main__", "display": shown.append}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            shown.clear()
            printed = io.StringIO()
            with redirect_stdout(printed), redirect_stderr(printed):
                run_cell(cell.source, f"{source.name}, cell {number}", names, shown.append)
            if "parameters" in cell.metadata.get("tags", []):
                names["review"] = str(target.parent / parameters["review"])
            cell.outputs = [new_output("display_data", data=_forms(value)) for value in shown]
            if printed.getvalue():
                cell.outputs.append(new_output("stream", text=printed.getvalue()))
    write_small(notebook, target)
    return target


def _forms(value: Any) -> dict[str, Any]:
    """Return a value in all forms in which IPython shows it; a figure as data, as the kernels of a report do."""
    if isinstance(value, go.Figure):
        return {PLOTLY: json.loads(value.to_json())}
    return dict(DisplayFormatter().format(value)[0])


def text_of(shown: list[Any]) -> str:
    """Return what was shown as one text: HTML of what has it, the texts of figures, the representation of all else."""
    return "\n".join(_text(value) for value in shown)


def _text(value: Any) -> str:
    if isinstance(value, go.Figure):
        return str(value.to_json())
    return str(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))


def run_cell(source: str, name: str, names: dict[str, Any], show: Callable[[Any], None]) -> None:
    """Run a cell; the value of a last expression is shown, unless it is None."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        if value is not None:
            show(value)
