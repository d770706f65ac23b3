"""What detectors of boundaries share: calls between services, probes, and what the way between services costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import pandas as pd

from analysis.detectors import NO_ROLES, Evidence, Roles
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, entries, largest_share
from analysis.detectors._rows import Rows
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.findings import Assessment, Example
from analysis.trust import NO_CROSSING

__all__ = [
    "NOT_CROSSING",
    "Way",
    "added_ways",
    "answers_of",
    "called_operations",
    "callers_of",
    "calls_between",
    "is_adapter",
    "is_probe",
    "known_tables",
    "not_assessable",
    "told_by",
    "way_of",
]

NOT_CROSSING: Final = f"synchronous calls between two services: {NO_CROSSING}"
#: Operations by which platforms ask whether a process lives: they say nothing about the architecture.
_PROBES: Final = re.compile(
    r"(?:^|[/\s._-])(?:health(?:z|-?check)?|livez?|liveness|readyz?|readiness|startupz|ping|metrics|actuator|prometheus)"
    r"(?:$|[/\s?])|grpc\.health\.",
    re.IGNORECASE,
)

#: Names of what hides one model from another on purpose.
_ADAPTERS: Final = re.compile(
    r"(?:^|[^a-z])(?:adapters?|fa[cç]ade|anti-?corruption\S*|acl|translator|connector|bridge|wrapper)(?:$|[^a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Way:
    """What the way between services costs the requests that take it.

    Attributes
    ----------
    cost
        ``critical_path_ms_p50``, ``critical_path_ms_p95`` (per request), ``calls_per_trace_p95``, ``total_ms``,
        ``calls``.
    share_of_p95
        The largest share (0..1) of an entry operation's p95.
    entries
        The entry operations, as "service operation".
    traces
        Traces that take it.
    exemplars
        The median, the worst and the most recent by the time on the way.
    """

    cost: Mapping[str, Any]
    share_of_p95: float
    entries: tuple[str, ...]
    traces: int
    exemplars: tuple[Example, ...]

    @property
    def saving(self) -> dict[str, Any]:
        """What a request would save if there were no way."""
        return {name: self.cost[name] for name in ("critical_path_ms_p50", "critical_path_ms_p95", "total_ms", "calls")}


def is_adapter(service: str) -> bool:
    """Tell by its name whether a service is there to stand between two others."""
    return _ADAPTERS.search(service) is not None


def is_probe(operation: str, roles: Roles = NO_ROLES) -> bool:
    """Tell by its name, or by the configuration, whether an operation only says that the process lives."""
    return roles.health_check(operation, otherwise=_PROBES.search(operation) is not None)


def calls_between(evidence: Evidence) -> pd.DataFrame:
    """Return the synchronous calls from one service to another."""
    calls = evidence["calls"]
    return calls[
        (calls["kind"] == "sync")
        & (calls["caller_kind"] == "service")
        & (calls["callee_kind"] == "service")
        & (calls["caller"] != calls["callee"])
    ]


def called_operations(evidence: Evidence) -> pd.DataFrame:
    """Return the passages of named services without those of probes."""
    passages = evidence["passages"]
    probes = passages["operation"].map(lambda name: is_probe(name, evidence.roles)).astype(bool)
    return passages[(passages["service"] != "") & ~probes & ~passages["kind"].isin(["client", "producer"])]


def known_tables(evidence: Evidence) -> pd.DataFrame:
    """Return the data accesses of named services whose table is known; caches have key prefixes in their place."""
    access = evidence["data_access"]
    return access[(access["service"] != "") & (access["table"] != UNKNOWN_TABLE)]


def way_of(evidence: Evidence, rows: Rows) -> Way:
    """Add up rows of the fact ``hops``, of one grain."""
    way, calls = rows.histogram("way_per_request"), rows.histogram("calls_per_request")
    median = way.percentile(0.5) if way.count else 0.0
    return Way(
        cost={
            "critical_path_ms_p50": ms(median),
            "critical_path_ms_p95": ms(way.percentile(PERCENTILE)) if way.count else 0.0,
            "calls_per_trace_p95": round(calls.percentile(PERCENTILE), 2) if calls.count else 0.0,
            "total_ms": ms(rows["way_ns"].sum()),
            "calls": rows.total("calls"),
        },
        share_of_p95=largest_share(evidence, rows, "way_per_request"),
        entries=tuple(entries(rows)),
        traces=affected_traces(evidence, rows["traces"]),
        exemplars=examples(rows.exemplars, median),
    )


def added_ways(ways: Sequence[Way]) -> Way:
    """Add up the ways of calls that a request takes one after the other.

    Percentiles are added, which is exact where the same requests are slow on each. Of each example of the first way
    the spans that the others have of the same trace follow.
    """
    first = ways[0]
    cost = {name: round(sum(float(way.cost[name]) for way in ways), 3) for name in first.cost}
    spans: dict[str, tuple[str, ...]] = {}
    for example in (example for way in ways for example in way.exemplars):
        known = spans.get(example.trace_id, ())
        spans[example.trace_id] = known + tuple(span for span in example.span_ids if span not in known)
    return Way(
        cost={**cost, "calls": int(cost["calls"])},
        share_of_p95=round(min(1.0, sum(way.share_of_p95 for way in ways)), 4),
        entries=tuple(sorted({entry for way in ways for entry in way.entries})),
        traces=min(way.traces for way in ways),
        exemplars=tuple(replace(example, span_ids=spans[example.trace_id]) for example in first.exemplars),
    )


def callers_of(visits: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return for each service how many visits came from each node that is known to call it."""
    known = visits[visits["caller"] != ""]
    found: dict[str, dict[str, int]] = {}
    counts = known.groupby(["service", "caller"], sort=True)["visits"].sum().reset_index()
    for service, caller, number in counts.itertuples(index=False, name=None):
        found.setdefault(str(service), {})[str(caller)] = int(number)
    return found


def not_assessable(name: str, *missing: str) -> Assessment:
    """Answer that evidence is missing."""
    return Assessment(name, "boundaries", "not_assessable", missing=missing)


def answers_of(name: str, suppressed: Iterable[str], missing: Iterable[str] = ()) -> partial[Assessment]:
    """Return an answer that only lacks its outcome and its findings."""
    return partial(Assessment, name, "boundaries", suppressed=tuple(suppressed), missing=tuple(missing))


def told_by(evidence: Evidence, detector: str, member: str) -> frozenset[str]:
    """Return the services that findings of a detector stand for: those that their subject names as ``member``."""
    answer = evidence.answers.get(detector)
    named = (finding.subject.get(member, ()) for finding in (answer.findings if answer else ()))
    return frozenset(name for item in named for name in ((item,) if isinstance(item, str) else item))
