"""Notebooks are thin: prose, a call, a figure, how to read it; what computes lives in analysis/."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
CODE_LINES_MAX = 10


def style_problems(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what the notebook does against the rules, a sentence each, in the order of its cells."""
    problems = []
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        problems.append("the first cell is no heading of level one")
    if sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells) != 1:
        problems.append("not exactly one cell is tagged parameters")
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            problems += [f"cell {position}: {problem}" for problem in _code_problems(cell)]
    return problems


def _code_problems(cell: nbformat.NotebookNode) -> list[str]:
    problems = []
    line_count = len(cell.source.splitlines())
    if cell.outputs or cell.execution_count is not None:
        problems.append("is committed with its output")
    if line_count > CODE_LINES_MAX:
        problems.append(f"has {line_count} lines of code, more than {CODE_LINES_MAX}")
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if any(isinstance(node, definitions) for node in ast.walk(ast.parse(cell.source))):
        problems.append("defines a function or a class")
    return problems


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_keeps_the_style(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert style_problems(notebook) == []


def thin_notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    parameters = new_code_cell("review = None", metadata={"tags": ["parameters"]})
    return new_notebook(cells=[new_markdown_cell("# Shared data"), parameters, *cells])


def test_thin_notebook_has_no_problem():
    ten_lines = "\n".join(f"line = {number}" for number in range(10))
    assert style_problems(thin_notebook(new_code_cell(ten_lines))) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\n".join(f"line = {number}" for number in range(11)), "cell 2: has 11 lines of code, more than 10"),
        ("def total(rows):\n    return sum(rows)", "cell 2: defines a function or a class"),
        ("if True:\n    class Row: ...", "cell 2: defines a function or a class"),
    ],
)
def test_thick_cell_is_named(source, problem):
    assert style_problems(thin_notebook(new_code_cell(source))) == [problem]


def test_output_is_named():
    cell = new_code_cell("1 + 1", execution_count=3, outputs=[])
    assert style_problems(thin_notebook(cell)) == ["cell 2: is committed with its output"]


def test_missing_heading_and_parameters_are_named():
    assert style_problems(new_notebook(cells=[new_markdown_cell("## Shared data")])) == [
        "the first cell is no heading of level one",
        "not exactly one cell is tagged parameters",
    ]
    assert len(style_problems(new_notebook(cells=[]))) == 2
