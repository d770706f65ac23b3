"""How much two services, or two modules, belong together: by calls, shared tables, common traces and failures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import pandas as pd

from analysis.detectors import NO_ROLES, Roles
from analysis.detectors._requests import front_services, is_proxy
from analysis.detectors.boundaries._services import is_probe
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.facts.failed_modules import INSIDE
from analysis.graph import module_name, several_modules

__all__ = ["LEAST_CALLS", "WEIGHTS", "Affinities", "Pair", "fronts_among", "of_modules", "of_services"]

#: How much each kind of evidence counts (house defaults). Calls and tables must change together when one side does;
#: being used together may only mean that one page shows both.
WEIGHTS: Final = {"calls": 0.45, "tables": 0.3, "traces": 0.15, "failures": 0.1}
#: Calls between two units that share no table, fewer of which tell nothing (house default).
LEAST_CALLS: Final = 5
_CACHES: Final = ("redis", "memcached", "valkey", "hazelcast")
_ACCESS: Final = ("read", "write", "unknown")

Names = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """What ties two units together; shares are cosines: what both have by the geometric mean of what each has.

    Attributes
    ----------
    calls, call_share
        Calls between the two, in both directions, and their share.
    tables, table_share
        Tables that both use.
    traces, trace_share
        Traces with both.
    failures, failure_share
        Failures that took both down.
    """

    calls: int = 0
    call_share: float = 0.0
    tables: tuple[str, ...] = ()
    table_share: float = 0.0
    traces: int = 0
    trace_share: float = 0.0
    failures: int = 0
    failure_share: float = 0.0

    @property
    def weight(self) -> float:
        """All of it together, 0..1.

        Traces alone tie nothing, as one page may show what two unrelated services say; nor do a few calls.
        """
        if not self.tables and self.calls < LEAST_CALLS:
            return 0.0
        return round(
            WEIGHTS["calls"] * self.call_share
            + WEIGHTS["tables"] * self.table_share
            + WEIGHTS["traces"] * self.trace_share
            + WEIGHTS["failures"] * self.failure_share,
            6,
        )


@dataclass
class Affinities:
    """The units of a system and what ties each two together.

    Attributes
    ----------
    units
        Sorted names.
    fronts
        Gateways and proxies: they call everybody on purpose, so they tie nothing together and are in no context.
    calls, tables, traces, failures
        What each unit has in all.
    pairs
        By two names in their order; pairs that nothing ties together are left out.
    """

    units: tuple[str, ...]
    fronts: tuple[str, ...]
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tables: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    traces: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pairs: dict[Names, Pair] = field(default_factory=dict)

    def pair(self, one: str, other: str) -> Pair:
        """Return what ties two units together."""
        return self.pairs.get((min(one, other), max(one, other)), Pair())


def fronts_among(services: Iterable[str], calls: pd.DataFrame, roles: Roles = NO_ROLES) -> tuple[str, ...]:
    """Return the gateways and proxies among services, sorted; the configuration has the last word."""
    guessed = front_services(calls)
    return tuple(name for name in sorted(services) if roles.gateway(name, otherwise=name in guessed or is_proxy(name)))


def of_services(facts: Mapping[str, pd.DataFrame], roles: Roles = NO_ROLES) -> Affinities:
    """Measure the services of a review."""
    calls = facts["calls"]
    seen = sorted(set(facts["coverage"]["service"]) - {""})
    fronts = fronts_among(seen, calls, roles)
    found = Affinities(tuple(name for name in seen if name not in fronts), fronts)
    between = _added(_between(calls))
    access = facts["data_access"]
    known = access[(access["service"] != "") & (access["table"] != UNKNOWN_TABLE)]
    known = known[~known["store_system"].isin(_CACHES)]
    for service, store, table in known[["service", "store", "table"]].drop_duplicates().itertuples(index=False):
        found.tables[str(service)].add(f"{store} {table}")
    for caller, callee, number in _ends(calls):
        for name in {caller, callee}:
            found.calls[name] += number
    sets = facts["trace_services"]
    sets = sets[~sets["entry_operation"].map(is_probe).astype(bool)]
    traces = _together(found.traces, zip(sets["services"], sets["traces"], strict=True))
    failures = _together(found.failures, _failed(facts["failures"], found.units))
    _tie(found, between, traces, failures)
    return found


def of_modules(facts: Mapping[str, pd.DataFrame], roles: Roles = NO_ROLES) -> Affinities:
    """Measure the modules of a review, and the services that name none; a failure is a trace in which both failed."""
    rows = several_modules(facts["module_calls"])
    own = rows[rows["kind"] == "own"]
    modular = set(own["service"])
    services = of_services(facts, roles)
    alone = [name for name in services.units if name not in modular]
    named = {(service, module): module_name(service, module) for service, module in _columns(own, "service", "module")}
    rest = {
        name
        for name in modular
        if name in {*_texts(rows, "module", "service"), *_texts(rows, "callee_module", "callee")}
    }
    found = Affinities(tuple(sorted({*alone, *named.values(), *rest})), services.fronts)
    for name in alone:
        found.calls[name], found.traces[name] = services.calls[name], services.traces[name]
        found.tables[name] = services.tables[name]
    between: dict[Names, int] = defaultdict(int)
    traces: dict[Names, int] = defaultdict(int)
    for (one, other), pair in services.pairs.items():
        if one in alone and other in alone:
            between[one, other], traces[one, other] = pair.calls, pair.traces
    for kind, service, module, callee, inner, number, seen in rows[
        ["kind", "service", "module", "callee", "callee_module", "calls", "traces"]
    ].itertuples(index=False, name=None):
        caller = module_name(service, module)
        if kind == "own":
            found.traces[caller] += int(seen)
        elif kind in _ACCESS:
            found.tables[caller].add(f"{callee} {inner}")
        else:
            called = module_name(callee, inner)
            for name in {caller, called}:
                found.calls[name] += int(number)
            pair_names = (min(caller, called), max(caller, called))
            between[pair_names] += int(number)
            traces[pair_names] = max(traces[pair_names], int(seen))
    failed = facts["failed_modules"]
    known = set(found.units)
    sets = [_units(units, known) for units in failed["units"]]
    _tie(found, between, traces, _together(found.failures, zip(sets, failed["traces"], strict=True)))
    return found


def _units(units: Iterable[str], known: Collection[str]) -> set[str]:
    """Return the units that failed together; what has no unit of its own counts for its service where that is one."""
    found = set()
    for unit in units:
        service, _, module = unit.partition(INSIDE)
        name = module_name(service, module)
        found.add(name if name in known else service)
    return found & set(known)


def _texts(rows: pd.DataFrame, module: str, service: str) -> set[str]:
    """Return the services of which some calls belong to no module."""
    return set(rows.loc[(rows[module] == "") & rows["kind"].isin(["inside", "sync", "async"]), service])


def _columns(rows: pd.DataFrame, *names: str) -> Iterable[tuple[str, ...]]:
    return rows[list(names)].drop_duplicates().itertuples(index=False, name=None)


def _ends(calls: pd.DataFrame) -> Iterable[tuple[str, str, int]]:
    """Yield every call and message of a service to or from anything but a store."""
    counted = calls[(calls["kind"] != "data") & (calls["caller"] != calls["callee"])]
    for caller, callee, number in counted[["caller", "callee", "calls"]].itertuples(index=False, name=None):
        yield str(caller), str(callee), int(number)


def _between(calls: pd.DataFrame) -> Iterable[tuple[str, str, int]]:
    """Yield the calls from service to service, and messages from the producers of a queue to its consumers."""
    service = (calls["caller_kind"] == "service") & (calls["callee_kind"] == "service")
    direct = calls[service & (calls["caller"] != calls["callee"]) & (calls["kind"] != "data")]
    yield from (
        (str(one), str(other), int(number))
        for one, other, number in direct[["caller", "callee", "calls"]].itertuples(index=False, name=None)
    )
    sent = calls[(calls["caller_kind"] == "service") & (calls["callee_kind"] == "queue")]
    taken = calls[(calls["caller_kind"] == "queue") & (calls["callee_kind"] == "service")]
    for queue, producers in sent.groupby("callee", sort=True):
        for producer, published in producers[["caller", "calls"]].itertuples(index=False, name=None):
            consumers = taken.loc[taken["caller"] == queue, ["callee", "calls"]]
            for consumer, received in consumers.itertuples(index=False, name=None):
                if producer != consumer:
                    yield str(producer), str(consumer), min(int(published), int(received))


def _added(counts: Iterable[tuple[str, str, int]]) -> dict[Names, int]:
    found: dict[Names, int] = defaultdict(int)
    for one, other, number in counts:
        found[min(one, other), max(one, other)] += number
    return found


def _together(alone: dict[str, int], sets: Iterable[tuple[Iterable[str], int]]) -> dict[Names, int]:
    """Count how often each unit occurs, and each two in one set."""
    both: dict[Names, int] = defaultdict(int)
    for members, number in sets:
        names = sorted({str(name) for name in members} - {""})
        for name in names:
            alone[name] += int(number)
        for pair in combinations(names, 2):
            both[pair] += int(number)
    return both


def _failed(failures: pd.DataFrame, services: Iterable[str]) -> Iterable[tuple[Iterable[str], int]]:
    """Yield the services that each failure took down; a hop of a path is "service operation"."""
    known = sorted(services, key=lambda name: (-len(name), name))
    hops = {hop for path in failures["path"] for hop in path}
    service = {hop: next((name for name in known if f"{hop} ".startswith(f"{name} ")), "") for hop in hops}
    for path, number in zip(failures["path"], failures["failures"], strict=True):
        yield {service[hop] for hop in path}, int(number)


def _tie(
    found: Affinities, between: Mapping[Names, int], traces: Mapping[Names, int], failures: Mapping[Names, int]
) -> None:
    for one, other in combinations(found.units, 2):
        shared = found.tables[one] & found.tables[other]
        key = (one, other)
        calls, common, failed = between.get(key, 0), traces.get(key, 0), failures.get(key, 0)
        if not (calls or shared or common or failed):
            continue
        found.pairs[key] = Pair(
            calls=calls,
            call_share=_cosine(calls, found.calls[one], found.calls[other]),
            tables=tuple(sorted(table.rpartition(" ")[2] for table in shared)),
            table_share=_cosine(len(shared), len(found.tables[one]), len(found.tables[other])),
            traces=common,
            trace_share=_cosine(common, found.traces[one], found.traces[other]),
            failures=failed,
            failure_share=_cosine(failed, found.failures[one], found.failures[other]),
        )


def _cosine(both: int, one: int, other: int) -> float:
    return round(min(1.0, both / math.sqrt(one * other)), 6) if both and one and other else 0.0
