"""What a figure asks of a review: the merged facts and the findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from analysis.figures._text import shown

__all__ = ["Reviewed", "catalogued", "fact", "findings_by_service", "milliseconds", "trace_lines"]

#: Severities from the gravest to the mildest.
SEVERITIES = ("high", "medium", "low", "info")
_TRACES = 3


class Reviewed(Protocol):
    """A review, or anything with its two tables."""

    @property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """Merged fact tables by name."""

    @property
    def findings(self) -> pd.DataFrame:
        """One row a finding."""


def fact(result: Reviewed, name: str) -> pd.DataFrame | None:
    """Return a merged fact table, or None where it is missing or has no rows."""
    table = result.facts.get(name)
    return None if table is None or table.empty else table


def catalogued(result: Reviewed) -> tuple[str, Mapping[str, str]]:
    """Return how a service catalogue groups services: by domain, else by team; by nothing without one."""
    catalogue = getattr(result, "catalogue", None)
    for kind, attribute in (("domain", "domains"), ("team", "teams")):
        known = getattr(catalogue, attribute, None)
        if known:
            return kind, known
    return "", {}


def findings_by_service(result: Reviewed) -> dict[str, dict[str, int]]:
    """Return how many findings of each severity name a service."""
    counts: dict[str, dict[str, int]] = {}
    if result.findings.empty:
        return counts
    for services, severity in zip(result.findings["services"], result.findings["severity"], strict=True):
        for service in services:
            of = counts.setdefault(str(service), dict.fromkeys(SEVERITIES, 0))
            of[str(severity)] = of.get(str(severity), 0) + 1
    return counts


def trace_lines(exemplars: Any) -> list[str]:
    """Return hover lines that name the exemplar traces; none for no exemplars."""
    ids = trace_ids(exemplars)
    lines = [f"trace {shown(trace_id, 32)}" for trace_id in ids[:_TRACES]]
    return ["", *lines] if lines else []


def trace_ids(exemplars: Any) -> list[str]:
    """Return the distinct trace ids of exemplars (objects or mappings), in their order."""
    found: dict[str, None] = {}
    listed: Sequence[Any] = exemplars if isinstance(exemplars, (list, tuple)) else ()
    for exemplar in listed:
        trace_id = exemplar["trace_id"] if isinstance(exemplar, Mapping) else exemplar.trace_id
        found[str(trace_id)] = None
    return list(found)


def milliseconds(value: float | None) -> str:
    """Return a duration in milliseconds with three significant digits, "n/a" where it is unknown."""
    if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
        return "n/a"
    if abs(value) >= 100:
        return f"{value:,.0f} ms"
    return f"{value:.3g} ms"


def percent(part: float, whole: float) -> str:
    """Return a share in per cent, two significant digits below ten; a share above zero is never shown as zero."""
    if whole <= 0:
        return "n/a"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    return f"{share:.0f} %" if share >= 9.95 or share == 0 else f"{share:.1f} %"


def joined(parts: Iterable[str]) -> str:
    """Join the parts that are not empty to one note."""
    return "; ".join(part for part in parts if part)
