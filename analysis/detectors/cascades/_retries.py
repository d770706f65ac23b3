"""What the detectors of retries share: logical calls put together by who calls whom with what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis.detectors import Evidence
from analysis.detectors._evidence import merged_histogram
from analysis.detectors._requests import shortened

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
    rows: pd.DataFrame
    gaps: pd.DataFrame
    evidence: Evidence

    @property
    def again(self) -> pd.DataFrame:
        """The rows of calls that were tried again."""
        return self.rows[self.rows["retried"]]

    @property
    def calls(self) -> int:
        """Logical calls."""
        return int(self.rows["calls"].sum())

    @property
    def attempts(self) -> int:
        """Attempts of these."""
        return int(self.rows["attempts"].sum())

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
        return int(self.again["calls"].sum())

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
        return min(self.evidence.traces, int(self.again["traces"].sum()))

    @property
    def share(self) -> float:
        """Share (0..1) of the traces in which a call was tried again."""
        return round(self.traces / self.evidence.traces, 4) if self.evidence.traces else 0.0

    @cached_property
    def critical(self) -> Histogram:
        """Time on the critical path that the attempts before the last took, per call tried again; ns."""
        return merged_histogram(self.again["critical_per_call"])

    def share_of_requests(self) -> float:
        """Return the largest share (0..1) of an entry operation's requests in which a call was tried again."""
        largest = 0.0
        for key, rows in self.again.groupby(["entry_service", "entry_operation"], sort=True):
            whole = self.evidence.request_count.get((str(key[0]), str(key[1])), 0)
            largest = max(largest, int(rows["traces"].sum()) / whole if whole else 0.0)
        return round(min(1.0, largest), 6)

    def share_of_p95(self) -> float:
        """Return the largest share (0..1) of an entry operation's p95 that the attempts before the last take.

        Requests without a retry count as free of cost.
        """
        largest = 0.0
        for key, rows in self.again.groupby(["entry_service", "entry_operation"], sort=True):
            entry = (str(key[0]), str(key[1]))
            free = max(0, self.evidence.request_count.get(entry, 0) - int(rows["traces"].sum()))
            none = Histogram.from_values(np.zeros(1, np.int64), np.array([free]))
            spent = Histogram.merged([merged_histogram(rows["critical_per_call"]), none])
            largest = max(largest, self.evidence.share_of_p95(entry, spent.percentile(_PERCENTILE)))
        return round(largest, 4)


def retried_calls(evidence: Evidence) -> Iterator[Retried]:
    """Yield, in order of their names, the calls of which some were tried again."""
    attempts, gaps = evidence["attempts"], evidence["retry_gaps"]
    by_name = {_texts(key): rows for key, rows in gaps.groupby(_SUBJECT, sort=True)}
    for key, rows in attempts.groupby(_SUBJECT, sort=True):
        if rows["retried"].any():
            name = _texts(key)
            # Attempts that only a count tells of have no gaps between them that were seen.
            yield Retried(*name, rows=rows, gaps=by_name.get(name, gaps.iloc[:0]), evidence=evidence)


def missing_evidence(evidence: Evidence) -> tuple[str, ...]:
    """Return what forbids any answer about retries: no calls that say their kind, no word on how they ended."""
    if evidence["attempts"].empty:
        return ("spans of calls to others that say their kind (client)",)
    if not int(evidence["coverage"]["with_outcome"].sum()):
        return ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
    return ()


def _texts(key: Any) -> tuple[str, str, str, str]:
    service, operation, target, template = map(str, key)
    return service, operation, target, template
