"""One mechanism gates confidence: where all telemetry is doubtful, no detector is sure of what it found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analysis as an
from analysis import trust
from analysis.trust import DOUBTS, Doubt, Trust
from tests.detectors.stories import export, settings, stories

DOUBTFUL = Trust({}, {name: Doubt(1.0, 0.5, f"all is doubtful: {name}") for name in DOUBTS})
#: The first story of each detector in which something is found.
FIRES = {detector: story for detector, name, story in reversed(list(stories())) if name.startswith("fires_")}
#: What these say is a doubt itself, or is read from log lines alone: doubts about spans cannot weaken it.
THEMSELVES = {
    "attribute_gaps",
    "clock_skew",
    "disconnected_logs",
    "exposed_secrets",
    "high_cardinality_names",
    "sampling_bias",
    "unstructured_logs",
}


@pytest.mark.slow
@pytest.mark.parametrize("detector", sorted(set(FIRES) - THEMSELVES))
def test_doubt_lowers_the_confidence_of_every_finding(
    detector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story: dict[str, Any] = FIRES[detector]
    data = an.open_export(str(export(story, tmp_path / "traces.jsonl")))
    before = [tuple(edge) for edge in story["edges_before"]] if "edges_before" in story else None
    monkeypatch.setattr(trust, "report", lambda *_: DOUBTFUL)
    result = an.review(data, config=settings(story, detector, tmp_path), edges_before=before, only=[detector])
    findings = result.finding_objects
    assert findings
    for finding in findings:
        assert finding.confidence <= 0.5
        assert any(sentence.startswith("all is doubtful") for sentence in finding.considered)
