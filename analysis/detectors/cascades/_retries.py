"""What the detectors of retries share: logical calls put together by who calls whom with what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from analysis._histogram import Histogram
from analysis.detectors import Evidence
from analysis.detectors._requests import shortened
from analysis.detectors._rows import Rows

__all__ = ["SENSITIVE_TO", "Retried", "missing_evidence", "retried_calls"]

#: Doubts that weaken what is said of retries.
SENSITIVE_TO: Final = ("compressed", "kinds", "orphans", "sampling")
_SUBJECT: Final = ["service", "operation", "target", "template"]
_PERCENTILE: Final = 0.95


@dataclass(frozen=True)
class Retried:
    """The logical calls of one template to one target that one operation makes, some of them tried again.

    Attributes
    ----------
    service, operation, target, template
        What a finding names.
    rows
        Of the fact ``attempts``.
    gaps
        Of the fact ``retry_gaps``.
    evidence
        What they are judged by.
    """

    service: str
    operation: str
    target: str
    template: str
    rows: Rows
    gaps: Rows
    evidence: Evidence

    @cached_property
    def again(self) -> Rows:
        """The rows of calls that were tried again."""
        return self.rows.only(self.rows["retried"])

    @property
    def calls(self) -> int:
        """Logical calls."""
        return self.rows.total("calls")

    @property
    def attempts(self) -> int:
        """Attempts of these."""
        return self.rows.total("attempts")

    @property
    def mean(self) -> float:
        """Attempts per logical call."""
        return self.attempts / max(1, self.calls)

    @property
    def most(self) -> int:
        """Attempts of the logical call that had most."""
        return int(self.rows["most"].max())

    @property
    def tried_again(self) -> int:
        """Logical calls with more than one attempt."""
        return self.again.total("calls")

    @property
    def answered_by(self) -> frozenset[str]:
        """The operations of the target that answered."""
        return frozenset(self.rows["callee_operation"]) - {""}

    @property
    def where(self) -> str:
        """The operation, as a reader names it."""
        return f"{self.operation} of {self.service}" if self.operation else self.service

    @property
    def whom(self) -> str:
        """The target, as a reader names it."""
        return self.target or "a callee that nothing names"

    @property
    def what(self) -> str:
        """The template, short enough for a title."""
        return shortened(self.template)

    @property
    def subject(self) -> dict[str, str]:
        """What a finding is about."""
        return {name: getattr(self, name) for name in _SUBJECT}

    @property
    def services(self) -> tuple[str, ...]:
        """The services concerned, as far as the target is one that was seen."""
        return tuple(sorted({self.service, *({self.target} if self.answered_by else ())} - {""}))

    @property
    def traces(self) -> int:
        """Traces in which a call was tried again."""
        return min(self.evidence.traces, self.again.total("traces"))

    @property
    def share(self) -> float:
        """Share (0..1) of the traces in which a call was tried again."""
        return round(self.traces / self.evidence.traces, 4) if self.evidence.traces else 0.0

    @cached_property
    def critical(self) -> Histogram:
        """Time on the critical path that the attempts before the last took, per call tried again; ns."""
        return self.again.histogram("critical_per_call")

    def share_of_requests(self) -> float:
        """Return the largest share (0..1) of an entry operation's requests in which a call was tried again."""
        largest = 0.0
        for entry, rows in self.again.by_entry():
            whole = self.evidence.request_count.get(entry, 0)
            largest = max(largest, rows.total("traces") / whole if whole else 0.0)
        return round(min(1.0, largest), 6)

    def share_of_p95(self) -> float:
        """Return the largest share (0..1) of an entry operation's p95 that the attempts before the last take.

        Requests without a retry count as free of cost.
        """
        largest = 0.0
        for entry, rows in self.again.by_entry():
            free = max(0, self.evidence.request_count.get(entry, 0) - rows.total("traces"))
            none = Histogram.from_values(np.zeros(1, np.int64), np.array([free]))
            spent = Histogram.merged([rows.histogram("critical_per_call"), none])
            largest = max(largest, self.evidence.share_of_p95(entry, spent.percentile(_PERCENTILE)))
        return round(largest, 4)


def retried_calls(evidence: Evidence) -> tuple[Retried, ...]:
    """Return, in order of their names, the calls of which some were tried again."""
    return tuple(_retried_calls(evidence))


def _retried_calls(evidence: Evidence) -> Iterator[Retried]:
    gaps = evidence.rows("retry_gaps")
    by_name, none = dict(gaps.groups(*_SUBJECT)), gaps.only(np.empty(0, np.int64))
    for name, rows in evidence.rows("attempts").groups(*_SUBJECT):
        if rows["retried"].any():
            # Attempts that only a count tells of have no gaps between them that were seen.
            service, operation, target, template = name
            yield Retried(service, operation, target, template, rows, by_name.get(name, none), evidence)


def missing_evidence(evidence: Evidence) -> tuple[str, ...]:
    """Return what forbids any answer about retries: no calls that say their kind, no word on how they ended."""
    if not len(evidence["attempts"]):
        return ("spans of calls to others that say their kind (client)",)
    if not evidence.rows("coverage").total("with_outcome"):
        return ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
    return ()
