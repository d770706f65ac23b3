"""What a detector says: findings, and for every detector one of three answers.

A detector answers *found*, *not found* or *not assessable*; the last names the evidence that is missing. A finding is a
claim that can be defended: its cost, its exemplar traces, its confidence, and what was looked at against it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from analysis import finding_html

__all__ = [
    "FAMILIES",
    "OUTCOMES",
    "SEVERITIES",
    "Assessment",
    "Example",
    "Finding",
    "finding_id",
    "rank",
]

Severity = Literal["info", "low", "medium", "high"]
Outcome = Literal["found", "not_found", "not_assessable"]

#: Families in the order of the report's chapters; observability runs and is judged first.
FAMILIES: Final = ("chatty", "shared_data", "cascades", "boundaries", "observability")
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "medium", "high")
OUTCOMES: Final[tuple[Outcome, ...]] = ("found", "not_found", "not_assessable")


@dataclass(frozen=True)
class Example:
    """A trace in which a finding can be seen.

    Attributes
    ----------
    trace_id
        32 lower-case hexadecimal digits.
    span_ids
        The offending spans, all of them, in order; 16 hexadecimal digits each.
    why
        ``median``, ``worst`` or ``recent``.
    value
        What the trace was ranked by, in the unit of the finding's measure (ns for times).
    url
        Where the trace can be opened, or "".
    """

    trace_id: str
    span_ids: tuple[str, ...]
    why: str
    value: float = 0.0
    url: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the members of the findings JSON."""
        return {"trace_id": self.trace_id, "span_ids": list(self.span_ids), "why": self.why, "url": self.url}


@dataclass(frozen=True)
class Finding:
    """One claim about the architecture, with its evidence.

    Attributes
    ----------
    subject
        What the finding is about, by names only (no counts): its identity between runs.
    measures
        Numbers the claim rests on; each name carries its unit.
    limits
        The limits that were in force.
    cost, saving
        Cost in the reader's units and what the remedy would save (``critical_path_ms_p50`` …).
    traces_seen, traces_affected, share
        How many traces could have shown it, how many did, and their ratio.
    considered
        What was looked at against the claim, each a sentence.
    acknowledged
        Reason, owner and last day (``expires``) where the configuration says that the finding is accepted for a time.
    """

    detector: str
    family: str
    severity: Severity
    confidence: float
    title: str
    summary: str
    services: tuple[str, ...]
    subject: Mapping[str, Any]
    measures: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    saving: Mapping[str, Any] = field(default_factory=dict)
    traces_seen: int = 0
    traces_affected: int = 0
    share: float = 0.0
    exemplars: tuple[Example, ...] = ()
    considered: tuple[str, ...] = ()
    remedy: str = ""
    acknowledged: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        """Identity that is stable across runs and inputs: a hash of detector and subject."""
        return finding_id(self.detector, self.subject)

    def _repr_html_(self) -> str:
        return finding_html.section(self)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as the findings JSON holds it."""
        members = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        members["exemplars"] = [example.to_json() for example in self.exemplars]
        plain: dict[str, Any] = _plain({"id": self.id, **members})
        return plain

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Finding:
        """Read a finding back from the findings JSON; unknown members are ignored, as fields may be added."""
        known = {item.name for item in dataclasses.fields(cls)}
        values = {name: value for name, value in members.items() if name in known}
        values["services"] = tuple(values["services"])
        values["considered"] = tuple(values.get("considered", ()))
        values["exemplars"] = tuple(
            Example(item["trace_id"], tuple(item["span_ids"]), item["why"], url=item.get("url", ""))
            for item in values.get("exemplars", ())
        )
        return cls(**values)


@dataclass(frozen=True)
class Assessment:
    """A detector's answer.

    Attributes
    ----------
    missing
        With ``not_assessable``: the attributes or evidence whose absence forbids an answer. With the other outcomes:
        what was missing in part, so that the answer covers the rest only.
    suppressed
        What this detector saw but leaves to a finding of another detector, which stands for it.
    """

    detector: str
    family: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the assessment as the findings JSON holds it."""
        return {
            "detector": self.detector,
            "family": self.family,
            "outcome": self.outcome,
            "missing": list(self.missing),
            "suppressed": list(self.suppressed),
            "findings": len(self.findings),
        }


def finding_id(detector: str, subject: Mapping[str, Any]) -> str:
    """Return the identity of a finding: 16 hexadecimal digits that depend on detector and subject only."""
    text = json.dumps([detector, _plain(dict(subject))], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def rank(findings: Sequence[Finding]) -> list[Finding]:
    """Order findings by severity, then by what they cost, then by identity, so that the order is total."""

    def key(finding: Finding) -> tuple[int, float, str]:
        return (-SEVERITIES.index(finding.severity), -float(finding.cost.get("total_ms") or 0.0), finding.id)

    return sorted(findings, key=key)


def _plain(value: Any) -> Any:
    """Turn tuples, numpy scalars and mappings into what JSON knows; floats are rounded, what is not finite is null.

    Six digits after the point are more than any measure has.
    """
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
