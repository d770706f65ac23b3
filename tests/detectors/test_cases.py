"""Every story of every detector, through the public surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analysis as an
from tests.detectors.stories import differences, export, settings, stories

STORIES = list(stories())


@pytest.mark.parametrize(
    ("detector", "story"), [(d, s) for d, _, s in STORIES], ids=[f"{d}-{n}" for d, n, _ in STORIES]
)
def test_story(detector: str, story: dict[str, Any], tmp_path: Path) -> None:
    data = an.open_export(str(export(story, tmp_path / "traces.jsonl")))
    config = settings(story, detector, tmp_path)
    before = [tuple(edge) for edge in story["edges_before"]] if "edges_before" in story else None
    result = an.review(data, config=config, edges_before=before)
    [assessment] = [item for item in result.assessments_made if item.detector == detector]
    assert not differences(assessment, story["expect"]), story["why"]
