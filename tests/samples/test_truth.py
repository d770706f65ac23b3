"""The review of each window, held against what is known to be true of it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

import analysis
from analysis.detectors import discover
from tests.samples.recordings import SAMPLES, WINDOWS
from tests.samples.truth import SEVERITIES, Entry, Truth, is_near, read_truth


@cache
def findings(window: str) -> list[dict[str, Any]]:
    """Return the findings of a window, as the findings JSON holds them."""
    data = analysis.open_export(str(SAMPLES / window))
    return [finding.to_json() for finding in analysis.review(data).finding_objects]


@cache
def truth(window: str) -> Truth:
    return read_truth(window)


def found(window: str, entry: Entry) -> list[dict[str, Any]]:
    return [finding for finding in findings(window) if entry.fits(finding)]


def _marks(entry: Entry) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason=entry.not_yet, strict=True)] if entry.not_yet else []


def cases(part: str) -> list[Any]:
    """Return a case for each entry of a part of the truth whose detector exists."""
    existing = discover()
    return [
        pytest.param(window, entry, id=f"{window}: {entry}", marks=_marks(entry))
        for window in WINDOWS
        for entry in getattr(truth(window), part)
        if entry.detector in existing
    ]


def test_pending_are_just_the_detectors_that_do_not_exist_yet() -> None:
    existing = set(discover())
    for window in WINDOWS:
        for entry in (*truth(window).planted, *truth(window).innocents, *truth(window).repaired):
            assert entry.pending == (entry.detector not in existing), f"{window}: {entry}"


@pytest.mark.slow
@pytest.mark.parametrize(("window", "entry"), cases("planted"))
def test_what_was_planted_is_found_with_its_measure(window: str, entry: Entry) -> None:
    matching = found(window, entry)
    if entry.optional and not matching:
        return
    assert matching, f"not found: {entry.because}"
    best = matching[0]
    assert SEVERITIES.index(best["severity"]) >= SEVERITIES.index(entry.severity)
    for name, expected in entry.measures.items():
        assert is_near(best["measures"][name], expected), f"{name} is {best['measures'][name]}, not {expected}"


@pytest.mark.slow
@pytest.mark.parametrize(("window", "entry"), cases("innocents"))
def test_what_only_looks_like_a_problem_is_not_called_one(window: str, entry: Entry) -> None:
    for finding in found(window, entry):
        assert SEVERITIES.index(finding["severity"]) <= SEVERITIES.index(entry.at_most), finding["title"]


@pytest.mark.slow
@pytest.mark.parametrize(("window", "entry"), cases("repaired"))
def test_what_was_repaired_is_gone(window: str, entry: Entry) -> None:
    assert [finding["title"] for finding in found(window, entry) if finding["severity"] != "info"] == []


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_that_matters_is_found_beside_the_truth(window: str) -> None:
    known = (*truth(window).planted, *truth(window).accepted)
    unknown = [
        f"{finding['severity']} {finding['detector']}: {finding['title']}"
        for finding in findings(window)
        if finding["severity"] in ("medium", "high") and not any(entry.fits(finding) for entry in known)
    ]
    assert unknown == []


@pytest.mark.parametrize("window", WINDOWS)
def test_large_numbers_in_sentences_have_their_thousands_apart(window):
    sentences = [
        sentence
        for finding in findings(window)
        for sentence in (finding["title"], finding["summary"], finding["remedy"], *finding["considered"])
    ]
    assert any(re.search(r"\b\d,\d{3}\b", sentence) for sentence in sentences)
    assert [sentence for sentence in sentences if re.search(r"(?<![\w.,:/-])\d{4,}(?![\w:/-])", sentence)] == []
