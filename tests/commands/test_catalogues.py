"""``archreview detectors`` and ``archreview formats``: a list, and a page of each."""

from __future__ import annotations

import pytest

from analysis import detectors, sources
from analysis.schema import LOGS, SPANS
from tests.commands.run import run


def test_every_detector_is_listed_and_has_a_page(capsys):
    listed = run(capsys, "detectors").out
    for name, detector in detectors.discover().items():
        assert name in listed
        said = run(capsys, "detectors", name)
        assert said.code == 0
        assert "What it can mistake" in said.out
        for limit in detector.INFO.limits:
            assert limit in said.out


@pytest.mark.parametrize("source", sources.discover(), ids=lambda source: source.NAME)
def test_every_format_is_listed_and_has_a_page(capsys, source):
    assert source.NAME in run(capsys, "formats").out
    said = run(capsys, "formats", source.NAME)
    assert said.code == 0
    assert len(said.out.splitlines()) > 3


def test_rows_of_ones_own_are_listed_and_every_column_has_a_meaning(capsys):
    assert "--map columns.yml" in run(capsys, "formats").out
    said = run(capsys, "formats", "rows")
    assert said.code == 0
    for column in (*SPANS, *LOGS):
        assert (f"  {column.name} " in said.out) is not (column.derived or column.name == "links")
