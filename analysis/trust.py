"""How far the telemetry can be trusted: judged first, it lowers the confidence of every other statement through one mechanism."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["LOW_SUPPORT_TRACES", "Doubt", "Trust"]

#: Below this many traces a statement has low support (house default, as in the catalogue).
LOW_SUPPORT_TRACES: Final = 20
_LOW_SUPPORT_FACTOR: Final = 0.6


@dataclass(frozen=True)
class Doubt:
    """Something about the telemetry that weakens statements which depend on it.

    Attributes
    ----------
    share
        0..1: how much of what a statement rests on is affected.
    weight
        0..1: how much confidence is lost where all of it is affected.
    sentence
        What to say beside a finding that it weakens.
    """

    share: float
    weight: float
    sentence: str

    @property
    def factor(self) -> float:
        """What confidence is multiplied by."""
        return 1.0 - min(1.0, max(0.0, self.share)) * self.weight


@dataclass(frozen=True)
class Trust:
    """The trust report.

    Attributes
    ----------
    measures
        The members of ``trust`` in the findings JSON.
    doubts
        By name: ``orphans``, ``skew``, ``sampling``, ``compressed``, ``truncated_statements``, ``kinds``, ``status``.
    """

    measures: Mapping[str, Any] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)

    def confidence(self, base: float, sensitive_to: Iterable[str], traces: int) -> float:
        """Return a confidence of 0..1, lowered by every doubt that the statement is sensitive to and by low support.

        Parameters
        ----------
        base
            Confidence in the rule itself when the telemetry is perfect.
        sensitive_to
            Names of doubts; one that does not apply changes nothing.
        traces
            Traces that the statement rests on.
        """
        value = base
        for name in sorted(set(sensitive_to)):
            if name in self.doubts:
                value *= self.doubts[name].factor
        if traces < LOW_SUPPORT_TRACES:
            value *= _LOW_SUPPORT_FACTOR
        return round(max(0.0, min(1.0, value)), 3)

    def sentences(self, sensitive_to: Iterable[str], traces: int) -> tuple[str, ...]:
        """Return why confidence was lowered, a sentence a reason."""
        reasons = [
            self.doubts[name].sentence
            for name in sorted(set(sensitive_to))
            if name in self.doubts and self.doubts[name].factor < 1.0
        ]
        if traces < LOW_SUPPORT_TRACES:
            reasons.append(f"low support: seen in {traces} traces, fewer than {LOW_SUPPORT_TRACES}")
        return tuple(reasons)

    def to_json(self) -> dict[str, Any]:
        """Return the members of ``trust`` in the findings JSON."""
        return dict(self.measures)
