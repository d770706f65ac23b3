"""Which findings are new, which persist, which are resolved, and which of them nobody can say that of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from analysis.findings import SEVERITIES, Assessment, Finding, rank

__all__ = ["STATUSES", "Standing", "Status", "standings"]

Status = Literal["new", "persisting", "resolved", "unjudged"]
STATUSES: Final[tuple[Status, ...]] = ("new", "persisting", "resolved", "unjudged")


@dataclass(frozen=True)
class Standing:
    """A finding, and what became of it between two reviews.

    Attributes
    ----------
    status
        ``new``: found now and not before. ``persisting``: found before and now. ``resolved``: found before, and the
        detector looked now and did not find it. ``unjudged``: found before, and the detector could not judge now, so
        that nobody knows.
    after, before
        The finding in either review; at least one is there.
    judged_before
        With ``new``: whether its detector could judge before. Where it could not, the finding may be an old one that is
        seen for the first time.
    """

    status: Status
    after: Finding | None
    before: Finding | None
    judged_before: bool = True

    @property
    def finding(self) -> Finding:
        """The finding as it is now, or as it last was."""
        found = self.after or self.before
        if found is None:
            message = "a standing is of a finding before or after"
            raise ValueError(message)
        return found

    @property
    def graver(self) -> int:
        """Steps of severity that a persisting finding has risen (above 0) or fallen."""
        if self.after is None or self.before is None:
            return 0
        return SEVERITIES.index(self.after.severity) - SEVERITIES.index(self.before.severity)

    def to_json(self) -> dict[str, Any]:
        """Return identity, status and severities as the findings JSON holds them."""
        members = {"id": self.finding.id, "detector": self.finding.detector, "family": self.finding.family}
        return {
            **members,
            "status": self.status,
            "title": self.finding.title,
            "severity": None if self.after is None else self.after.severity,
            "severity_before": None if self.before is None else self.before.severity,
            "judged_before": self.judged_before,
        }


def standings(
    before: Sequence[Finding], outcomes_before: Mapping[str, str], after: Iterable[Assessment]
) -> tuple[Standing, ...]:
    """Say of every finding what became of it.

    Findings are the same where their ids are: detector and subject. Findings before of a detector that was not asked
    now (``--family``, ``--detector``) are left out: nothing is known of them.

    Parameters
    ----------
    before
        The findings of the earlier review.
    outcomes_before
        What each detector answered then; a detector that is not named did not exist, or was not asked.
    after
        What the detectors answer now.

    Returns
    -------
    tuple of Standing
        New ones first, then persisting, resolved and unjudged ones, each worst first.
    """
    answers = {item.detector: item for item in after}
    now = rank([finding for item in answers.values() for finding in item.findings])
    earlier = {finding.id: finding for finding in rank(before) if finding.detector in answers}
    found: list[Standing] = []
    for finding in now:
        known = earlier.pop(finding.id, None)
        judged = outcomes_before.get(finding.detector, "not_assessable") != "not_assessable"
        found.append(Standing("new" if known is None else "persisting", finding, known, judged or known is not None))
    for gone in earlier.values():
        blind = answers[gone.detector].outcome == "not_assessable"
        found.append(Standing("unjudged" if blind else "resolved", None, gone))
    return tuple(sorted(found, key=lambda standing: STATUSES.index(standing.status)))
