"""Scores of detectors, on truths made by hand, and on real exports where these are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.detectors import discover
from analysis.findings import Finding
from tests.benchmarks.accuracy import FAMILIES, Score, added, matched, of_exports
from tests.detectors.stories import fits


def finding(title: str, **subject: Any) -> Finding:
    return Finding("x", "chatty", "low", 1.0, title, "", ("a",), subject)


def test_each_wanted_finding_takes_one() -> None:
    found = [finding("one", table="t"), finding("two", table="u"), finding("three", table="v")]
    wanted = [{"subject": {"table": "t"}}, {"subject": {"table": "t"}}, {"subject": {"table": "v"}}]
    assert matched("x", "cases", found, wanted, fits) == Score("x", "cases", hits=2, accusations=1, misses=1)


def test_precision_and_recall() -> None:
    score = Score("x", "cases", hits=6, accusations=2, misses=4)
    assert (score.precision, score.recall) == (0.75, 0.6)
    assert (Score("x", "cases").precision, Score("x", "cases").recall) == (None, None)


def test_scores_add_up_by_detector_and_over_all() -> None:
    scores = [Score("b", "cases", 1, 0, 2), Score("a", "cases", 3, 1, 0), Score("b", "cases", 1, 1, 0)]
    assert added(scores) == [Score("a", "cases", 3, 1, 0), Score("b", "cases", 2, 1, 2), Score("all", "cases", 5, 2, 2)]


@pytest.mark.slow
def test_real_exports_have_neither_miss_nor_false_accusation(shared_exports: Path) -> None:
    names = [name for name, detector in discover().items() if detector.INFO.family in FAMILIES]
    scores = [score for score in added(list(of_exports(names, shared_exports))) if score.misses or score.accusations]
    assert scores == []
