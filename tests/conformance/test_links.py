"""Zipkin's dependency links: openzipkin's DependencyLinkerTest, and cases worked out by hand from its linker."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.dataset import open_export
from analysis.links import calls
from tests.conformance.cases_of import cases, export, load


@pytest.mark.parametrize("path", cases("links", "zipkin-dependencylinker"))
def test_dependency_links(path: Path, tmp_path: Path) -> None:
    case = load(path)
    table = calls(open_export([export(case, tmp_path)]), links="zipkin")
    found = sorted(zip(table["caller"], table["callee"], table["calls"], table["errors"], strict=True))
    links = case["expected"]["dependency_links"]
    assert found == sorted((link["parent"], link["child"], link["callCount"], link["errorCount"]) for link in links)
