"""Five marks for each service and each team, one a chapter, with the findings behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from analysis.findings import FAMILIES, SEVERITIES, Assessment, Finding, rank

__all__ = ["MARKS", "UNJUDGED", "scorecard", "team_scorecard"]

#: The mark of a service in a chapter follows from its worst finding there: none, info, low, medium, high.
MARKS: Final = ("A", "B", "C", "D", "E")
#: No detector of the chapter could be assessed.
UNJUDGED: Final = "?"


def scorecard(
    services: Sequence[str], assessments: Sequence[Assessment], teams: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Mark every service.

    Parameters
    ----------
    services
        Services seen.
    assessments
        What the detectors said.
    teams
        Team by service, where known.

    Returns
    -------
    DataFrame
        service, team, one column a family with a mark (A best, E worst, ? where nothing could be assessed), and
        findings (tuple of ids, worst first). Sorted by service.
    """
    judged = {family: [item for item in assessments if item.family == family] for family in FAMILIES}
    rows: list[dict[str, Any]] = []
    for service in sorted(services):
        row: dict[str, Any] = {"service": service, "team": (teams or {}).get(service, "")}
        concerned: list[Finding] = []
        for family in FAMILIES:
            own = [finding for item in judged[family] for finding in item.findings if service in finding.services]
            concerned += own
            if not any(item.outcome != "not_assessable" for item in judged[family]):
                row[family] = UNJUDGED
            else:
                row[family] = MARKS[max((SEVERITIES.index(finding.severity) + 1 for finding in own), default=0)]
        row["findings"] = tuple(finding.id for finding in rank(concerned))
        rows.append(row)
    return pd.DataFrame(rows, columns=["service", "team", *FAMILIES, "findings"])


def team_scorecard(services: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
    """Mark every team: by the worst mark that one of its services has in a chapter.

    Parameters
    ----------
    services
        What :func:`scorecard` says of the services.
    findings
        What the review found.

    Returns
    -------
    DataFrame
        team, services (tuple of names), one column a family with a mark, and findings (tuple of ids, worst first).
        Sorted by team; services of no known team are left out.
    """
    order = {finding.id: place for place, finding in enumerate(rank(findings))}
    rows: list[dict[str, Any]] = []
    for team, own in services[services["team"] != ""].groupby("team", sort=True):
        row: dict[str, Any] = {"team": str(team), "services": tuple(own["service"])}
        for family in FAMILIES:
            known = [mark for mark in own[family] if mark != UNJUDGED]
            row[family] = max(known, key=MARKS.index) if known else UNJUDGED
        row["findings"] = tuple(sorted({name for ids in own["findings"] for name in ids}, key=lambda name: order[name]))
        rows.append(row)
    return pd.DataFrame(rows, columns=["team", "services", *FAMILIES, "findings"])
