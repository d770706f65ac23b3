"""Conformance cases: an export and what is to be said of it. The project's own, and those beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED

OWN = Path(__file__).parent / "cases"

Case = dict[str, Any]


def cases(own: str, *shared: str) -> list[Any]:
    """Return the cases of the project's folder and of folders beside the checkout, as parameters of a test."""
    found = sorted((OWN / own).glob("*.json"))
    folders = [SHARED / "conformance" / folder for folder in shared]
    found += sorted(path for folder in folders for path in folder.glob("*.json"))
    parameters = [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in found]
    if not all(folder.is_dir() for folder in folders):
        reason = "../shared/conformance is not beside this checkout"
        parameters.append(pytest.param(None, id="shared", marks=pytest.mark.skip(reason=reason)))
    return parameters


def load(path: Path) -> Case:
    """Read a case."""
    case: Case = json.loads(path.read_text(encoding="utf-8"))
    return case


def export(case: Case, folder: Path) -> str:
    """Write the export of a case to a file, as its system would; return the file's path."""
    path = folder / "export.json"
    path.write_text(json.dumps(case["input"]), encoding="utf-8")
    return str(path)
