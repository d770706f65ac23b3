"""The truth beside each window: what was planted, what follows from it, what only looks like it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.samples.recordings import SAMPLES

SEVERITIES = ("info", "low", "medium", "high")


@dataclass(frozen=True)
class Entry:
    """One thing that is known of a window.

    Attributes
    ----------
    about
        Words that name it: each occurs in the title, the subject or the services of its finding.
    subject
        Members that the finding's subject has as well, where words would not be clear enough.
    measures
        By name: the value expected, and how far from it a recording may be.
    pending
        The detector does not exist yet.
    optional
        Found or not: the evidence may not suffice.
    not_yet
        Why the analysis does not see it so yet; the test says when it does.
    """

    detector: str
    about: tuple[str, ...]
    because: str
    severity: str = "info"
    at_most: str = "info"
    subject: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pending: bool = False
    optional: bool = False
    not_yet: str = ""

    def __str__(self) -> str:
        return f"{self.detector} {' '.join(self.about)}"

    def fits(self, finding: Mapping[str, Any]) -> bool:
        """Tell whether `finding`, as the findings JSON holds it, is about this."""
        told = json.dumps([finding["title"], finding["subject"], finding["services"]], ensure_ascii=False)
        return (
            finding["detector"] == self.detector
            and all(word in told for word in self.about)
            and all(finding["subject"].get(name) == value for name, value in self.subject.items())
        )


@dataclass(frozen=True)
class Truth:
    """Everything that is known of a window."""

    planted: tuple[Entry, ...]
    accepted: tuple[Entry, ...]
    innocents: tuple[Entry, ...]
    repaired: tuple[Entry, ...]


def read_truth(window: str) -> Truth:
    """Read the truth of one window."""
    document = yaml.safe_load((SAMPLES / window / "truth.yml").read_text())

    def entries(part: str) -> tuple[Entry, ...]:
        return tuple(Entry(**{**item, "about": tuple(item["about"])}) for item in document.get(part, ()))

    return Truth(*(entries(part) for part in ("planted", "accepted", "innocents", "repaired")))


def is_near(value: Any, expected: Mapping[str, Any]) -> bool:
    """Tell whether a measure is what the truth says, within its tolerance."""
    if "tolerance" not in expected:
        return bool(value == expected["expected"])
    return bool(abs(value - expected["expected"]) <= expected["tolerance"])
