"""One mechanism gates confidence: where all telemetry is doubtful, no detector is sure of what it found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analysis as an
from analysis import detectors, trust
from analysis.doubts import with_implied
from analysis.trust import DOUBTS, Doubt, Trust
from tests.detectors.stories import export, settings, stories

DOUBTFUL = {name: Doubt(1.0, 0.5, f"all is doubtful: {name}") for name in DOUBTS}
#: The first story of each detector in which something is found.
FIRES = {detector: story for detector, name, story in reversed(list(stories())) if name.startswith("fires_")}
#: Why no doubt about spans can weaken these: what they say is read from the records themselves, one by one.
APART = {
    "exposed_secrets": "a secret that was written down is there, whatever else is missing; more may be elsewhere",
    "unstructured_logs": "whether a record is data or a sentence is seen in the record alone",
}


@pytest.mark.slow
@pytest.mark.parametrize("detector", sorted(set(FIRES) - set(APART)))
def test_doubt_lowers_the_confidence_of_every_finding(
    detector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story: dict[str, Any] = FIRES[detector]
    data = an.open_export(str(export(story, tmp_path / "traces.jsonl")))
    before = [tuple(edge) for edge in story["edges_before"]] if "edges_before" in story else None
    judged = trust.report
    monkeypatch.setattr(trust, "report", lambda *given: Trust(judged(*given).measures, DOUBTFUL))
    result = an.review(data, config=settings(story, detector, tmp_path), edges_before=before, only=[detector])
    findings = result.finding_objects
    assert findings
    for finding in findings:
        assert finding.confidence <= 0.5
        assert any(sentence.startswith("all is doubtful") for sentence in finding.considered)


@pytest.mark.parametrize("detector", sorted(APART))
def test_what_stands_apart_names_no_doubt(detector: str) -> None:
    assert not hasattr(detectors.discover()[detector], "_SENSITIVE_TO")
    assert APART[detector]


def test_every_doubt_weakens_some_detector() -> None:
    named = {name for module in detectors.discover().values() for name in getattr(module, "_SENSITIVE_TO", ())}
    # Without a call between services there is no answer, and no suggested context, to be weakened.
    assert set(with_implied(named)) == set(DOUBTS) - {"propagation"}


@pytest.mark.parametrize(
    ("detector", "doubts"),
    [
        ("silent_failure", {"logs"}),
        ("time_blind_spot", {"logs", "skew", "resolution"}),
        ("absent_circuit_breaker", {"logs"}),
        ("foreign_write", {"truncated_statements", "statements", "conventions"}),
        ("hub_service", {"orphans", "kinds", "peers", "conventions"}),
        ("mega_service", {"routes"}),
        ("shared_topic", {"destinations"}),
        ("unbounded_wait", {"error_types", "compressed"}),
        ("timeout_inversion", {"skew", "resolution"}),
        ("n_plus_one_queries", {"compressed", "sampling"}),
    ],
)
def test_what_a_statement_rests_on_gates_it(detector: str, doubts: set[str]) -> None:
    assert doubts <= set(with_implied(detectors.discover()[detector]._SENSITIVE_TO))
