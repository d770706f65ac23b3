"""Findings as rows for a spreadsheet; a cell that would be taken for a formula is quoted."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from analysis._wording import plain
from analysis.compare import Comparison
from analysis.review import Review

__all__ = ["COLUMNS", "cell", "write"]

COLUMNS: Final = (
    "id",
    "severity",
    "family",
    "detector",
    "title",
    "summary",
    "services",
    "confidence",
    "traces_seen",
    "traces_affected",
    "share",
    "total_ms",
    "critical_path_ms_p50",
    "critical_path_ms_p95",
    "exemplars",
    "remedy",
)
#: A spreadsheet evaluates what begins with one of these (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide forms count too


def write(review: Review, comparison: Comparison | None = None) -> str:
    """Return the findings as CSV (RFC 4180), worst first; a header row even where there is none.

    Beside an earlier review a last column ``status`` marks new and persisting ones, and the resolved and unjudged ones
    follow as they were.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = COLUMNS if comparison is None else (*COLUMNS, "status")
    writer.writerow(columns)
    gone = [standing.finding for standing in comparison.standings if standing.after is None] if comparison else []
    for finding in (*review.finding_objects, *gone):
        members = finding.to_json()
        row = {
            **members,
            **{name: members["cost"].get(name, "") for name in COLUMNS if name.endswith(("_ms", "_p50", "_p95"))},
            "services": " ".join(plain(service) for service in finding.services),
            "exemplars": " ".join(example.trace_id for example in finding.exemplars),
            "status": comparison.status_of(finding.id) if comparison else "",
        }
        writer.writerow([_value(row[name]) for name in columns])
    return out.getvalue()


def _value(value: Any) -> Any:
    return cell(value) if isinstance(value, str) else value


def cell(text: str) -> str:
    """Return a text as a cell: on one line, and never a formula."""
    line = plain(text)
    return f"'{line}" if line.startswith(_FORMULA) else line
