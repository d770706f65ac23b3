"""Where suggested contexts differ from today's services, teams and domains, argued for and against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, Protocol

import pandas as pd

from analysis._wording import counted, listed, percent
from analysis.catalogue import Catalogue
from analysis.contexts._affinity import Affinities

__all__ = ["COLUMNS", "argued"]

COLUMNS: Final = ("compared_with", "kind", "context", "units", "says", "speaks_for", "speaks_against")
#: Below this stability a group is said to be one of several that are as good.
_STABLE: Final = 0.9
_NAMED: Final = 6
#: Below this share of all their calls, calls between two parts are few (house default).
_FEW: Final = 0.1


class _Context(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def members(self) -> tuple[str, ...]: ...

    @property
    def stability(self) -> float: ...

    @property
    def evidence(self) -> tuple[str, ...]: ...


def argued(measured: Affinities, found: Sequence[_Context], catalogue: Catalogue, grain: str) -> pd.DataFrame:
    """Return every difference of suggested contexts from what is, with what speaks for following it and against.

    Parameters
    ----------
    measured
        The units and their ties.
    found
        The contexts.
    catalogue
        Teams, domains and systems; may be empty.
    grain
        ``service`` or ``module``.
    """
    rows: list[dict[str, Any]] = []
    for context in found:
        if len(context.members) > 1:
            rows += _against_services(measured, context, catalogue, grain)
    for label, owners in (("team", catalogue.teams), ("domain", catalogue.domains)):
        if owners:
            rows += _against_owners(measured, found, owners, label)
    if catalogue and grain == "service":
        rows += _not_listed(measured, catalogue)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    compared_with: str, kind: str, context: str, units: Iterable[str], says: str, **sides: Iterable[str]
) -> dict[str, Any]:
    return {
        "compared_with": compared_with,
        "kind": kind,
        "context": context,
        "units": tuple(units),
        "says": says,
        "speaks_for": tuple(sides["speaks_for"]),
        "speaks_against": tuple(sides["speaks_against"]),
    }


def _service_of(unit: str) -> str:
    return unit.partition("/")[0]


def _against_services(
    measured: Affinities, context: _Context, catalogue: Catalogue, grain: str
) -> Iterable[dict[str, Any]]:
    """Tell that one context is several services, and at the grain of modules that it runs through services."""
    services = sorted({_service_of(unit) for unit in context.members}) if grain == "module" else list(context.members)
    if len(services) < 2:
        return
    against = [*_weak(measured, context), *_own_lives(measured, context.members)]
    teams = sorted({catalogue.teams[name] for name in services if name in catalogue.teams})
    if len(teams) > 1:
        against.append(f"it would join the teams {listed(teams, _NAMED)}")
    against.append("scaling, compliance and the skills of teams leave no trace")
    yield _row(
        "service",
        "one context in several services",
        context.name,
        context.members,
        f"{listed(context.members, _NAMED)} act as one context, and are {counted(len(services), 'service')}.",
        speaks_for=context.evidence,
        speaks_against=against,
    )


def _weak(measured: Affinities, context: _Context) -> list[str]:
    """Tell what is loose in a context."""
    said = []
    if context.stability < _STABLE:
        said.append(f"the grouping is not the only one: together in {percent(context.stability)} of the runs")
    loose = [
        f"{one} and {other}" for one, other in combinations(context.members, 2) if not measured.pair(one, other).calls
    ]
    if loose:
        said.append(f"no call between {listed(loose, _NAMED)}")
    if not any(measured.pair(one, other).tables for one, other in combinations(context.members, 2)):
        said.append("no table in common")
    return said


def _own_lives(measured: Affinities, members: Sequence[str]) -> list[str]:
    """Tell which members have most of their calls with others."""
    said = []
    for name in members:
        whole = measured.calls[name]
        inside = sum(measured.pair(name, other).calls for other in members if other != name)
        if whole and inside < whole / 2:
            said.append(f"{percent(1 - inside / whole)} of the calls of {name} are with others")
    return said


def _against_owners(
    measured: Affinities, found: Sequence[_Context], owners: Mapping[str, str], label: str
) -> Iterable[dict[str, Any]]:
    """Tell which contexts are cut between owners, and which owners hold several contexts."""
    held: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for context in found:
        by_owner: dict[str, list[str]] = defaultdict(list)
        for unit in context.members:
            owner = owners.get(_service_of(unit), "")
            if owner:
                by_owner[owner].append(unit)
                held[owner][context.name].append(unit)
        if len(by_owner) > 1:
            names = sorted(by_owner)
            ties = [
                (pair.weight, one, other)
                for first, second in combinations(names, 2)
                for one in by_owner[first]
                for other in by_owner[second]
                if (pair := measured.pair(one, other)).weight
            ]
            across = [sentence for sentence in context.evidence if _crosses(sentence, owners)] or list(context.evidence)
            counts = ", ".join(f"{name} has {listed(by_owner[name], _NAMED)}" for name in names)
            yield _row(
                label,
                f"one context, several {label}s",
                context.name,
                context.members,
                f"The context of {context.name} is cut between the {label}s {listed(names, _NAMED)}: {counts}.",
                speaks_for=[*across, f"{counted(len(ties), 'tie')} across the line"],
                speaks_against=[
                    *_weak(measured, context),
                    f"a {label} line may follow people, not code: what they agreed on leaves no trace",
                ],
            )
    for owner, parts in sorted(held.items()):
        if len(parts) > 1:
            yield _several(measured, owner, parts, label)


def _crosses(sentence: str, owners: Mapping[str, str]) -> bool:
    """Tell whether a sentence of evidence is about units of two owners."""
    ends = sentence.partition(": ")[0].split(" and ")
    return len({owners.get(_service_of(end), end) for end in ends}) > 1


def _several(measured: Affinities, owner: str, parts: Mapping[str, Sequence[str]], label: str) -> dict[str, Any]:
    units = sorted(unit for members in parts.values() for unit in members)
    lists = [listed(parts[name], _NAMED) for name in sorted(parts)]
    ties = [
        measured.pair(one, other)
        for first, second in combinations(sorted(parts), 2)
        for one in parts[first]
        for other in parts[second]
    ]
    calls = sum(pair.calls for pair in ties)
    tables = sorted({table for pair in ties for table in pair.tables})
    whole = sum(measured.calls[unit] for unit in units)
    share = 2 * calls / whole if whole else 0.0
    told = (
        f"{counted(calls, 'call')} between them, {percent(share)} of all of theirs" if calls else "no call between them"
    )
    sides = [
        (share < _FEW, told),
        (not tables, f"they share {listed(tables, _NAMED)}" if tables else "no table in common"),
    ]
    apart = [sentence for speaks_for, sentence in sides if speaks_for]
    joined = [sentence for speaks_for, sentence in sides if not speaks_for]
    return _row(
        label,
        f"one {label}, several contexts",
        owner,
        units,
        f"The {label} {owner} holds parts of {counted(len(parts), 'context')}: {'; '.join(lists)}.",
        speaks_for=apart or ["the ties between these parts are weaker than those inside them"],
        speaks_against=[
            *joined,
            f"a {label} may own several contexts: it matters only where they compete for its time",
        ],
    )


def _not_listed(measured: Affinities, catalogue: Catalogue) -> Iterable[dict[str, Any]]:
    seen, entered = {*measured.units, *measured.fronts}, {entry.service for entry in catalogue.entries}
    unknown, silent = sorted(seen - entered), sorted(entered - seen)
    if unknown:
        yield _row(
            "catalogue",
            "not in the catalogue",
            "",
            unknown,
            f"{listed(unknown, _NAMED)} record spans and stand in no catalogue: nobody is known to own them.",
            speaks_for=["each of them was seen"],
            speaks_against=["the catalogue may know them by another name (an annotation .../service-name says which)"],
        )
    if silent:
        yield _row(
            "catalogue",
            "not seen",
            "",
            silent,
            f"{listed(silent, _NAMED)} stand in the catalogue and record no span here.",
            speaks_for=["no span of theirs is in the export"],
            speaks_against=["they may be idle, not instrumented, or export elsewhere"],
        )
