"""Team mismatch.

What it finds
-------------
A service that works more with the services of another team than with those of its own: most of its calls, or of the
tables that it shares, lie across the line between the two.

Why it matters
--------------
What changes together should be changed by the same people. Where the line between teams runs through it, each change
needs two plans, two releases and a meeting, and independent deployment, which services are bought for, is lost (M. E.
Conway 1968; MacCormack, Baldwin and Rusnak 2012).

How it decides
--------------
By a service catalogue: Backstage's ``catalog-info.yaml`` or a CSV, named in the configuration as ``catalogue``. For a
service and another team, coupling is the mean of two shares, of which the second counts where tables are shared at all:

- calls with the services of that team, by all its calls with services whose team is known (in and out; messages from
  producer to consumer count; calls of gateways do not, which call everybody on purpose);
- tables that it shares with that team, by all tables that it shares with services whose team is known.

It is flagged where the coupling with the other team is at least ``coupling`` (0.5, house default) and above that with
its own team (catalogue). Its own team must have another service here. Where two services are flagged because of each
other, the one with the closer coupling is told, and the other named with the answer. Worth fixing from ``calls`` (20,
house default) calls across the line on; ``medium`` where the two teams write one table, which blocks independent
change.

Example
-------
Flagged: ``pricing`` belongs to team *revenue*, and 90 % of its calls are with ``cart`` of team *checkout*. Better:
``pricing`` goes to *checkout*, or what the cart needs becomes a part of it.

What it can mistake
-------------------
Gateways and platform services (called from three teams or more, none of which has most of the calls) work with
everybody on purpose: they are left out. A catalogue may be out of date. A window that shows one use case shows one side
of a service.

What to do
----------
Redraw ownership along the coupling: move the service to the team that it works with, or move the part that is shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from analysis._wording import percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._requests import finding, fronts_seen, is_proxy
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    calls_between,
    known_tables,
    not_assessable,
    way_of,
)
from analysis.detectors.shared_data._tables import CACHES
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="team_mismatch",
    family="boundaries",
    title="Team mismatch",
    facts=("calls", "data_access", "hops", "requests"),
    limits={
        "coupling": Limit(0.5, "", "with the other team, from which it is a mismatch"),
        "calls": Limit(20, "calls", "across the line, from which it is worth fixing"),
    },
)
_NO_CATALOGUE: Final = "a service catalogue that names teams (catalogue: in review.yml, Backstage or CSV)"
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "truncated_statements")
#: Teams that call a service, from which it serves everybody.
_PLATFORM_TEAMS: Final = 3


@dataclass
class _Ties:
    """What ties a service to each team, and by how many calls to which of its services."""

    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    partners: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    tables: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def share_of_calls(self, team: str) -> float:
        whole = sum(self.calls.values())
        return self.calls.get(team, 0) / whole if whole else 0.0

    def share_of_tables(self, team: str) -> float | None:
        whole = set().union(*self.tables.values()) if self.tables else set()
        return len(self.tables.get(team, set())) / len(whole) if whole else None

    def coupling(self, team: str) -> float:
        calls, tables = self.share_of_calls(team), self.share_of_tables(team)
        return calls if tables is None else (calls + tables) / 2

    def partner(self, team: str) -> str:
        """Return the service of a team with most of the calls; "" where there are none."""
        calls = self.partners.get(team, {})
        return min(calls, key=lambda name: (-calls[name], name), default="")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services work more with another team than with their own."""
    teams = evidence.catalogue.teams
    if not teams:
        return not_assessable(INFO.name, _NO_CATALOGUE)
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    seen = sorted({*between["caller"], *between["callee"]})
    known = [name for name in seen if name in teams]
    if len({teams[name] for name in known}) < 2:
        return not_assessable(INFO.name, "services of two teams of the catalogue that call one another")
    unlisted = [name for name in seen if name not in teams]
    missing = [f"the team of {', '.join(unlisted)}"] if unlisted else []
    fronts = evidence.shared(fronts_seen)
    ties = _ties(evidence, teams, fronts)
    flagged, suppressed = [], []
    for service in known:
        other = _rival(ties[service], teams[service], limits["coupling"])
        if not other:
            continue
        reason = _by_design(evidence, service, teams, fronts)
        if reason:
            suppressed.append(f"{service}: {reason}")
        else:
            flagged.append((service, other))
    told, left = _once(flagged, ties, teams)
    findings = [_finding(evidence, limits, service, other, ties[service]) for service, other in told]
    answer = answers_of(INFO.name, [*suppressed, *left], missing)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _rival(ties: _Ties, own: str, least: float) -> str:
    """Return the team that a service is tied to most, where that is closer than its own; "" where there is none."""
    rivals = sorted((set(ties.calls) | set(ties.tables)) - {own})
    other = max(rivals, key=lambda team: (ties.coupling(team), team), default="")
    close = bool(other) and ties.coupling(other) >= least and ties.coupling(other) > ties.coupling(own)
    return other if close else ""


def _once(
    flagged: list[tuple[str, str]], ties: Mapping[str, _Ties], teams: Mapping[str, str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Keep of two services that are flagged because of each other the one with the closer coupling."""
    order = sorted(flagged, key=lambda item: (-ties[item[0]].coupling(item[1]), item[0]))
    told: list[tuple[str, str]] = []
    left = []
    for service, other in order:
        reason = next(
            (
                known
                for known, team in told
                if team == teams[service] and teams[known] == other and ties[service].partner(other) == known
            ),
            "",
        )
        if reason:
            left.append(f"{service} works with {other}: the other side of {reason}")
        else:
            told.append((service, other))
    return sorted(told), left


def _by_design(evidence: Evidence, service: str, teams: Mapping[str, str], fronts: frozenset[str]) -> str:
    """Return why a service may work across teams; "" where nothing speaks for it."""
    if service in fronts or is_proxy(service):
        return "a gateway works with everybody"
    siblings = [name for name in sorted(teams) if teams[name] == teams[service] and name != service]
    present = set(evidence["calls"]["caller"]) | set(evidence["calls"]["callee"])
    if not present & set(siblings):
        return f"the only service of {teams[service]} seen here, so there is nothing within to compare"
    calls = evidence.shared(calls_between)
    callers = calls[calls["callee"] == service]
    by_team = callers.groupby(callers["caller"].map(lambda name: teams.get(str(name), "")))["calls"].sum()
    by_team = by_team.drop("", errors="ignore")
    if len(by_team) >= _PLATFORM_TEAMS and by_team.max() < by_team.sum() / 2:
        return f"{len(by_team)} teams call it, and none makes most of the calls: a platform service"
    return ""


def _ties(evidence: Evidence, teams: Mapping[str, str], fronts: frozenset[str]) -> dict[str, _Ties]:
    """Return what ties each service to the services of each team, its own among them; gateways tie to nobody."""
    found: dict[str, _Ties] = defaultdict(_Ties)
    for caller, callee, calls in _calls(evidence):
        for one, other in ((caller, callee), (callee, caller)):
            if other in teams and (other not in fronts or one in fronts):
                found[one].calls[teams[other]] += calls
                found[one].partners[teams[other]][other] += calls
    access = evidence.shared(known_tables)
    access = access[~access["store_system"].isin(CACHES)]
    for (store, table), rows in access.groupby(["store", "table"], sort=True):
        users = sorted(set(rows["service"]))
        for one in users:
            for other in users:
                if one != other and other in teams:
                    found[one].tables[teams[other]].add(f"{store} {table}")
    return found


def _calls(evidence: Evidence) -> list[tuple[str, str, int]]:
    """Return calls between services, and messages from the producers of a queue to its consumers."""
    calls = evidence["calls"]
    found = [
        (str(caller), str(callee), int(number))
        for caller, callee, number in evidence.shared(calls_between)[["caller", "callee", "calls"]].itertuples(
            index=False, name=None
        )
    ]
    sent = calls[(calls["caller_kind"] == "service") & (calls["callee_kind"] == "queue")]
    taken = calls[(calls["caller_kind"] == "queue") & (calls["callee_kind"] == "service")]
    both = sent.merge(taken, left_on="callee", right_on="caller", suffixes=("_sent", "_taken"))
    passed = both[["caller_sent", "callee_taken", "calls_sent", "calls_taken"]]
    return found + [
        (str(producer), str(consumer), min(int(published), int(received)))
        for producer, consumer, published, received in passed.itertuples(index=False, name=None)
        if producer != consumer
    ]


def _writers(evidence: Evidence) -> dict[str, set[str]]:
    access = evidence.shared(known_tables)
    written = access[(access["mode"] == "write") & ~access["store_system"].isin(CACHES)]
    return {str(table): set(rows["service"]) for (_, table), rows in written.groupby(["store", "table"], sort=True)}


def _finding(evidence: Evidence, limits: Limits, service: str, other: str, ties: _Ties) -> Finding:
    teams = evidence.catalogue.teams
    own = teams[service]
    contested = sorted(
        table
        for table, services in _writers(evidence).items()
        if service in services and any(teams.get(name) == other for name in services)
    )
    pair = evidence.rows("hops").where(grain="pair")
    members = {name for name, team in teams.items() if team == other}
    across = pair.only(
        ((pair["caller"] == service) & pair.among("callee", members))
        | ((pair["callee"] == service) & pair.among("caller", members))
    )
    way = way_of(evidence, across)
    partners = sorted(({*across["caller"], *across["callee"]} & members) - {service})
    tables = sorted(name.rpartition(" ")[2] for name in ties.tables.get(other, set()))
    shared = f"; they share {', '.join(tables)}" if tables else ""
    number = ties.calls.get(other, 0)
    return finding(
        evidence,
        INFO,
        limits,
        way.traces,
        0.7,
        _SENSITIVE_TO,
        (
            f"with its own team: {percent(ties.share_of_calls(own))} of the calls, coupling {ties.coupling(own):.2f}",
            "gateways and services that many teams call alike were left out",
            "a catalogue may be out of date, and one window may show one side of a service",
        ),
        severity=severity(
            Weight(passes_limits=number >= limits["calls"] or bool(contested), blocks_change=bool(contested))
        ),
        title=f"{service} of {own} works with {other}",
        summary=(
            f"{percent(ties.share_of_calls(other))} of the calls of {service} with services of known teams are with "
            f"{other} ({', '.join(partners) or 'by messages or tables'}), {percent(ties.share_of_calls(own))} with its "
            f"own team {own}{shared}."
        ),
        services=tuple(sorted({service, *partners})),
        subject={"service": service, "team": own, "other_team": other},
        measures={
            "coupling_across": round(ties.coupling(other), 4),
            "coupling_within": round(ties.coupling(own), 4),
            "calls_across": number,
            "calls_within": ties.calls.get(own, 0),
            "shared_tables": tables,
            "written_by_both": contested,
        },
        cost=dict(way.cost),
        saving={},
        exemplars=way.exemplars,
        remedy=(
            f"Let {other} own {service}, or move what {other} needs of it; argue it with both teams on the context map."
        ),
    )
