"""Run a notebook's cells in this process: what a kernel would show, without the seconds that it takes to start."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import plotly.graph_objects as go

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def run(path: Path, review: Path) -> list[Any]:
    """Run every cell of a notebook on a saved review, and return what it shows, in order."""
    shown: list[Any] = []
    # In a notebook `display` needs no import.
    names: dict[str, Any] = {"__name__": "__main__", "display": shown.append}
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            _run_cell(cell.source, f"{path.name}, cell {number}", names, shown.append)
            if "parameters" in cell.metadata.get("tags", []):
                names["review"] = str(review)
    return shown


def text_of(shown: list[Any]) -> str:
    """Return what was shown as one text: HTML of what has it, the texts of figures, the representation of all else."""
    return "\n".join(_text(value) for value in shown)


def _text(value: Any) -> str:
    if isinstance(value, go.Figure):
        return str(value.to_json())
    return str(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))


def _run_cell(source: str, name: str, names: dict[str, Any], show: Callable[[Any], None]) -> None:
    """Run a cell; the value of a last expression is shown, unless it is None."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        if value is not None:
            show(value)
