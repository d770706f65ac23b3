"""Five marks for each service, one a chapter, with the findings behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from analysis.findings import FAMILIES, SEVERITIES, Assessment, Finding, rank

__all__ = ["MARKS", "UNJUDGED", "scorecard"]

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
