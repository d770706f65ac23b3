"""What to say in a review: a line for each finding with its evidence, and what mending the first few would save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, Protocol

import pandas as pd

from analysis._wording import counted, duration, percent
from analysis.findings import Finding
from analysis.ownership import ownership

__all__ = ["savings", "talking_points"]

_MS_PER_HOUR: Final = 3_600_000
_TOGETHER: Final = "together, at most"
_COLUMNS: Final = (
    "finding",
    "severity",
    "confidence",
    "saved_ms_p95",
    "saved_share_of_p95",
    "hours_a_day",
    "calls_a_day",
    "pairs_freed",
)


class Reviewed(Protocol):
    """A review, or anything with its facts and findings."""

    @property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """Merged fact tables by name."""

    def of_family(self, family: str) -> tuple[Finding, ...]:
        """Return the findings of one chapter, worst first."""


def talking_points(result: Reviewed, family: str) -> pd.DataFrame:
    """Return what to say in the review for each finding of a chapter.

    Parameters
    ----------
    result
        A review.
    family
        ``chatty``, ``shared_data``, ``cascades``, ``boundaries`` or ``observability``.

    Returns
    -------
    pandas.DataFrame
        A finding a row, worst first: ``severity``; ``say``, the claim with what it costs; ``how we know``, traces and
        confidence; ``against it``, what was considered first; ``ask for``, the remedy.
    """
    rows = [
        {
            "severity": finding.severity,
            "say": _claim(finding),
            "how we know": _evidence(finding),
            "against it": finding.considered[0] if finding.considered else "",
            "ask for": finding.remedy,
        }
        for finding in result.of_family(family)
    ]
    return pd.DataFrame(rows, columns=["severity", "say", "how we know", "against it", "ask for"])


def _claim(finding: Finding) -> str:
    said = [f"{finding.title}."]
    spent, saved = (part.get("critical_path_ms_p95", 0) for part in (finding.cost, finding.saving))
    if spent:
        said.append(f"It takes {duration(spent)} of a request at p95")
        said.append(f"and would save {duration(saved)} of it if mended." if saved else "")
    share = finding.measures.get("saved_share_of_p95", 0)
    if saved and share:
        said.append(f"That is {percent(share)} of what users wait for.")
    text = " ".join(part for part in said if part)
    return text if text.endswith(".") else f"{text}."


def _evidence(finding: Finding) -> str:
    seen = f"{counted(finding.traces_affected, 'trace')} of {finding.traces_seen:,}"
    first = f"; look at trace {finding.exemplars[0].trace_id}" if finding.exemplars else ""
    return f"{seen}, {finding.confidence:.0%} sure{first}"


def savings(result: Reviewed, family: str, top: int = 3) -> pd.DataFrame:
    """Estimate what mending the first findings of a chapter would save.

    Findings are taken by what they save in all, worst severity first where they save no time; those for information
    only are left out. The last row adds them up: an upper bound, as two findings may hold the same time.

    Parameters
    ----------
    result
        A review; its findings and the fact ``data_access``.
    family
        ``chatty`` or ``shared_data``; others have fewer numbers.
    top
        How many findings.

    Returns
    -------
    pandas.DataFrame
        ``finding`` (its title), ``severity``, ``confidence`` (0..1), ``saved_ms_p95`` (ms of a request, on the critical
        path), ``saved_share_of_p95`` (0..1 of the entry operation's p95), ``hours_a_day`` and ``calls_a_day`` at the
        traffic seen, ``pairs_freed`` (pairs of services that no table would couple any more). Not a number where a
        finding says nothing of it; times of different requests are not added up.
    """
    worth = [finding for finding in result.of_family(family) if finding.severity != "info"]
    chosen = sorted(worth, key=lambda finding: -float(finding.saving.get("total_ms", 0)))[:top]
    if not chosen:
        return pd.DataFrame(columns=list(_COLUMNS))
    rows = [_row(finding, _pairs_freed(result, [finding])) for finding in chosen]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    whole = {name: frame[name].sum(min_count=1) for name in ("hours_a_day", "calls_a_day")}
    together = {"finding": _TOGETHER, "severity": "", "pairs_freed": _pairs_freed(result, chosen)} | whole
    frame.loc[len(frame)] = pd.Series(together).reindex(_COLUMNS)
    return frame


def _row(finding: Finding, pairs_freed: float) -> dict[str, object]:
    daily = finding.saving.get("total_ms_per_day")
    nothing = float("nan")
    return {
        "finding": finding.title,
        "severity": finding.severity,
        "confidence": round(finding.confidence, 2),
        "saved_ms_p95": round(finding.saving.get("critical_path_ms_p95", nothing), 1),
        "saved_share_of_p95": round(finding.measures.get("saved_share_of_p95", nothing), 3),
        "hours_a_day": round(daily / _MS_PER_HOUR, 2) if daily is not None else nothing,
        "calls_a_day": finding.saving.get("calls_per_day", nothing),
        "pairs_freed": pairs_freed,
    }


def _pairs_freed(result: Reviewed, findings: Sequence[Finding]) -> float:
    """Count the pairs of services that only the tables of some findings couple; not a number where none is of one."""
    named = [finding.subject for finding in findings if "store" in finding.subject]
    gone = {
        (str(subject["store"]), str(subject.get("table", subject.get("prefix", ""))))
        for subject in named
        if "table" in subject or "prefix" in subject
    }
    if not gone or "data_access" not in result.facts:
        return float("nan")
    pairs: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for key, rows in ownership(result).groupby(["store", "table"], sort=True):
        table = (str(key[0]), str(key[1]))
        for pair in combinations(sorted(set(rows["service"])), 2):
            pairs.setdefault(pair, set()).add(table)
    return float(sum(tables <= gone for tables in pairs.values()))
