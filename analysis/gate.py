"""What fails a pipeline: findings from a severity on, all or only new ones, but for those that are acknowledged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

from analysis._wording import counted
from analysis.compare import Comparison
from analysis.config import Acknowledgement
from analysis.findings import SEVERITIES, Finding, Severity
from analysis.review import Review

__all__ = ["LIMITS", "Gate", "Verdict"]

_NEW: Final = "new-"
#: What `--fail-on` takes.
LIMITS: Final = (*SEVERITIES, *(f"{_NEW}{severity}" for severity in SEVERITIES))


@dataclass(frozen=True)
class Gate:
    """The limits of a pipeline.

    Attributes
    ----------
    limits
        Of ``LIMITS``; a finding that reaches one of them fails the pipeline.
    acknowledgements
        Findings that are accepted for a time.
    today
        The day on which acknowledgements must hold, in UTC.
    """

    limits: tuple[str, ...]
    acknowledgements: tuple[Acknowledgement, ...] = ()
    today: dt.date = dt.date.min

    @property
    def needs_baseline(self) -> bool:
        """Whether it can only be judged beside an earlier review."""
        return any(limit.startswith(_NEW) for limit in self.limits)

    def judge(self, review: Review, comparison: Comparison | None = None) -> Verdict:
        """Say which findings of a review reach a limit.

        Raises
        ------
        ValueError
            If a limit is of new findings and there is nothing to compare with.
        """
        if self.needs_baseline and comparison is None:
            message = "new findings can only be told with something to compare with: --baseline"
            raise ValueError(message)
        new = {item.finding.id for item in comparison.of_status("new")} if comparison is not None else set()
        reaching = [finding for finding in review.finding_objects if self._reached(finding, new=finding.id in new)]
        return Verdict(self, tuple(reaching), tuple(finding.id for finding in review.finding_objects))

    def _reached(self, finding: Finding, *, new: bool) -> bool:
        rank = SEVERITIES.index(finding.severity)
        return any(
            rank >= SEVERITIES.index(cast("Severity", limit.removeprefix(_NEW)))
            for limit in self.limits
            if new or not limit.startswith(_NEW)
        )


@dataclass(frozen=True)
class Verdict:
    """What a gate says of a review.

    Attributes
    ----------
    gate
        Its limits.
    reaching
        Findings that reach one, acknowledged or not, worst first.
    seen
        Ids of all findings of the review.
    """

    gate: Gate
    reaching: tuple[Finding, ...]
    seen: Sequence[str]

    @cached_property
    def _known(self) -> dict[str, Acknowledgement]:
        return {item.finding: item for item in self.gate.acknowledgements}

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that fail the pipeline, worst first."""
        return tuple(finding for finding in self.reaching if not self._accepted(finding))

    @property
    def accepted(self) -> tuple[Finding, ...]:
        """Those that reach a limit and are acknowledged."""
        return tuple(finding for finding in self.reaching if self._accepted(finding))

    @property
    def passed(self) -> bool:
        """Whether the pipeline may go on."""
        return not self.failing

    def _accepted(self, finding: Finding) -> bool:
        known = self._known.get(finding.id)
        return known is not None and known.holds(self.gate.today)

    def sentences(self) -> Iterator[str]:
        """Say what decided, a sentence each."""
        limits = " or ".join(self.gate.limits)
        if self.failing:
            count = counted(len(self.failing), "finding")
            yield f"{count} reach{'es' if len(self.failing) == 1 else ''} {limits}: {_listed(self.failing)}"
        elif self.gate.limits:
            yield f"no finding reaches {limits}"
        for finding in self.accepted:
            known = self._known[finding.id]
            yield f"{finding.id} is acknowledged by {known.owner} until {known.expires}: {known.reason}"
        for known in self.gate.acknowledgements:
            if not known.holds(self.gate.today):
                yield f"the acknowledgement of {known.finding} by {known.owner} expired on {known.expires}"
            elif known.finding not in self.seen:
                yield f"the acknowledgement of {known.finding} by {known.owner} is of a finding that is not there"


def _listed(findings: Iterable[Finding], most: int = 5) -> str:
    found = list(findings)
    named = ", ".join(f"{item.detector} {item.id}" for item in found[:most])
    return f"{named} and {len(found) - most} more" if len(found) > most else named
