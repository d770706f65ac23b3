"""What a report is made of: the review, what it is compared with, and what its pages say of a finding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.compare import Comparison
from analysis.finding_html import SEVERITY_BARS
from analysis.findings import Finding
from analysis.history import History
from analysis.report.chapters import CHAPTERS
from analysis.report.pictures import Strips
from analysis.report.wording import number_of, saving_of
from analysis.review import Review

__all__ = ["Told"]


@dataclass(frozen=True, eq=False)
class Told:
    """What is reported.

    Attributes
    ----------
    review
        What was found.
    title
        Heading of the report.
    comparison
        The same beside an earlier review; None without one.
    history
        This review and those before it; None where none are kept.
    earlier
        Folders of earlier reports that are kept, the latest first.
    """

    review: Review
    title: str
    comparison: Comparison | None = None
    history: History | None = None
    earlier: tuple[str, ...] = ()

    @cached_property
    def strips(self) -> Strips:
        """Draws small pictures."""
        return Strips(self.review)

    def row(self, finding: Finding) -> dict[str, Any]:
        """Return what lists say of a finding."""
        number, counts = number_of(finding)
        chapter = CHAPTERS[finding.family]
        status = self.comparison.status_of(finding.id) if self.comparison else ""
        teams = sorted({self.review.catalogue.teams.get(service, "") for service in finding.services} - {""})
        return {
            "finding": finding,
            "bar": SEVERITY_BARS[finding.severity],
            "chapter": chapter.words,
            "chapter_file": chapter.file,
            "file": f"findings/{finding.id}.html",
            "number": number,
            "counts": counts,
            "measured": bool(any(finding.cost.values())),
            "saving": saving_of(finding),
            "total_ms": float(finding.cost.get("total_ms") or 0.0),
            "status": status,
            "teams": teams,
            "age": self.history.age(finding.id) if self.history else (0, ""),
        }

    def standing(self, finding: Finding) -> Any:
        """Return what became of a finding since the earlier review; None without one."""
        if self.comparison is None:
            return None
        return self.comparison.standing_of(finding.id)
