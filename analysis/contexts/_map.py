"""Suggested bounded contexts of a review, with what holds each together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pandas as pd

from analysis._wording import counted, percent
from analysis.catalogue import Catalogue
from analysis.contexts._affinity import Affinities, Pair, of_modules, of_services
from analysis.contexts._arguments import argued
from analysis.contexts._communities import stable_groups
from analysis.detectors import Roles
from analysis.graph import several_modules
from analysis.trust import LOW_SUPPORT_TRACES, NO_CROSSING, Trust

__all__ = ["Context", "ContextMap", "Reviewed", "contexts"]

_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "propagation", "truncated_statements")
_CONFIDENCE: Final = 0.7
#: Pairs named as evidence of a context.
_TIES_TOLD: Final = 3


class Reviewed(Protocol):
    """A review, or anything with its facts, its trust report and its catalogue."""

    @property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """Merged fact tables by name."""

    @property
    def trust_report(self) -> Trust:
        """How far the telemetry can be trusted."""

    @property
    def catalogue(self) -> Catalogue:
        """Teams, domains and systems."""

    @property
    def roles(self) -> Roles:
        """Which part services play, as configured."""

    @property
    def totals(self) -> Mapping[str, Any]:
        """What was read."""


@dataclass(frozen=True)
class Context:
    """Services, or modules, that had better change together.

    Attributes
    ----------
    name
        The member that most of the calls inside go through.
    members
        Sorted.
    stability
        0..1: in what share of the runs two of its members were together.
    inside_share
        0..1: calls between members by all calls of the members.
    evidence
        What ties the members together, a sentence each, the strongest first.
    confidence
        0..1, lowered by the trust report.
    """

    name: str
    members: tuple[str, ...]
    stability: float
    inside_share: float
    evidence: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class ContextMap:
    """Suggested contexts, and how they differ from what is.

    Attributes
    ----------
    grain
        ``service`` or ``module``.
    contexts
        The largest first.
    fronts
        Gateways and proxies, which belong to no context.
    pairs
        A row for each two units that something ties together: ``one``, ``other``, ``calls``, ``call_share``,
        ``tables``, ``table_share``, ``traces``, ``trace_share``, ``failures``, ``failure_share``, ``weight``,
        ``together`` (in one context); the strongest first.
    differences
        From today's services, teams and domains: ``compared_with``, ``kind``, ``context``, ``units``, ``says``,
        ``speaks_for``, ``speaks_against``.
    reason
        Why there is no map; "" where there is one.
    """

    grain: str
    contexts: tuple[Context, ...] = ()
    fronts: tuple[str, ...] = ()
    pairs: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    differences: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    reason: str = ""

    @property
    def context_of(self) -> dict[str, str]:
        """Name of the context by unit."""
        return {member: context.name for context in self.contexts for member in context.members}

    @property
    def table(self) -> pd.DataFrame:
        """The contexts as a table: context, members, evidence, inside_share, stability, confidence."""
        rows = [
            (item.name, item.members, item.evidence, item.inside_share, item.stability, item.confidence)
            for item in self.contexts
        ]
        columns = ["context", "members", "evidence", "inside_share", "stability", "confidence"]
        return pd.DataFrame(rows, columns=columns)


def contexts(result: Reviewed, *, grain: str = "service") -> ContextMap:
    """Suggest bounded contexts, and compare them with services, teams and domains.

    Parameters
    ----------
    result
        A review.
    grain
        ``service``, or ``module``: modules inside services, for a modular monolith.

    Raises
    ------
    ValueError
        If there is no such grain.

    Notes
    -----
    Two units are tied by the calls between them, the tables that both use, the traces and the failures that have both
    (:data:`analysis.contexts._affinity.WEIGHTS`); groups are those that Louvain finds in most of its runs. Gateways and
    proxies are left out.
    """
    measured: Affinities
    if grain not in ("service", "module"):
        message = f"unknown grain {grain!r}: use service or module"
        raise ValueError(message)
    if "propagation" in result.trust_report.doubts:
        return ContextMap(grain, reason=f"Which services belong together cannot be judged: {NO_CROSSING}.")
    traces = int(result.totals["traces"])
    if traces < LOW_SUPPORT_TRACES:
        reason = (
            f"What belongs together cannot be told from {counted(traces, 'trace')}, fewer than {LOW_SUPPORT_TRACES}."
        )
        return ContextMap(grain, reason=reason)
    if grain == "module" and several_modules(result.facts["module_calls"]).empty:
        reason = "No service names two modules of its own, by code.namespace or by an instrumentation scope."
        return ContextMap(grain, reason=reason)
    measure = of_services if grain == "service" else of_modules
    measured = measure(result.facts, result.roles)
    if len(measured.units) < 2:
        return ContextMap(
            grain, fronts=measured.fronts, reason="There are not two services that could belong together."
        )
    weights = {names: pair.weight for names, pair in measured.pairs.items()}
    groups = stable_groups(measured.units, weights)
    confidence = result.trust_report.confidence(_CONFIDENCE, _SENSITIVE_TO, traces)
    found = tuple(_context(measured, members, stability, confidence) for members, stability in groups)
    return ContextMap(
        grain, found, measured.fronts, _pairs(measured, found), argued(measured, found, result.catalogue, grain)
    )


def _context(measured: Affinities, members: Sequence[str], stability: float, confidence: float) -> Context:
    inner: Counter[str] = Counter()
    ties: list[tuple[str, str, Pair]] = []
    for index, one in enumerate(members):
        for other in members[index + 1 :]:
            pair = measured.pair(one, other)
            inner[one] += pair.calls
            inner[other] += pair.calls
            if pair.weight:
                ties.append((one, other, pair))
    whole = sum(measured.calls[name] for name in members)
    inside = sum(inner.values())
    name = min(members, key=lambda member: (-inner[member], -measured.calls[member], member))
    ties.sort(key=lambda tie: (-tie[2].weight, tie[0], tie[1]))
    told = tuple(evidence(measured, one, other, pair) for one, other, pair in ties[:_TIES_TOLD])
    if not told:
        told = ("nothing ties it to another more than to the rest",)
    elif len(ties) > _TIES_TOLD:
        told += (f"{counted(len(ties) - _TIES_TOLD, 'weaker tie')} more",)
    share = round(inside / whole, 4) if whole else 0.0
    return Context(name, tuple(members), stability, share, told, round(confidence * stability, 3))


def evidence(measured: Affinities, one: str, other: str, pair: Pair) -> str:
    """Return what ties two units together, in words."""
    parts = []
    if pair.calls:
        smaller = min((one, other), key=lambda name: (measured.calls[name], name))
        share = pair.calls / measured.calls[smaller] if measured.calls[smaller] else 0.0
        parts.append(f"{counted(pair.calls, 'call')}, {percent(min(1.0, share))} of those of {smaller}")
    if pair.tables:
        parts.append(f"both use {', '.join(pair.tables[:3])}{' …' if len(pair.tables) > 3 else ''}")
    if pair.traces:
        fewer = min((one, other), key=lambda name: (measured.traces[name], name))
        share = pair.traces / measured.traces[fewer] if measured.traces[fewer] else 0.0
        parts.append(f"together in {percent(min(1.0, share))} of the traces of {fewer}")
    if pair.failures:
        parts.append(f"failed together {pair.failures:,} times")
    return f"{one} and {other}: {'; '.join(parts)}"


def _pairs(measured: Affinities, found: Sequence[Context]) -> pd.DataFrame:
    context = {member: place for place, item in enumerate(found) for member in item.members}
    rows = [
        {
            "one": one,
            "other": other,
            "calls": pair.calls,
            "call_share": pair.call_share,
            "tables": pair.tables,
            "table_share": pair.table_share,
            "traces": pair.traces,
            "trace_share": pair.trace_share,
            "failures": pair.failures,
            "failure_share": pair.failure_share,
            "weight": pair.weight,
            "together": context[one] == context[other],
        }
        for (one, other), pair in sorted(measured.pairs.items(), key=lambda item: (-item[1].weight, item[0]))
    ]
    columns = ["one", "other", "calls", "call_share", "tables", "table_share", "traces", "trace_share"]
    return pd.DataFrame(rows, columns=[*columns, "failures", "failure_share", "weight", "together"])
