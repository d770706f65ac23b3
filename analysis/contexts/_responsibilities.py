"""What each service owns, in one sentence from its operations and tables, for its owner to correct."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from analysis._wording import counted, listed, percent
from analysis.contexts._affinity import fronts_among
from analysis.detectors import NO_ROLES, Roles
from analysis.detectors.boundaries._services import is_probe
from analysis.ownership import ownership

__all__ = ["responsibilities"]

_SERVED: Final = ("server", "consumer", "unspecified")
_NAMED: Final = 3
_CACHES: Final = ("redis", "memcached", "valkey", "hazelcast")
_VERB: Final = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+", re.IGNORECASE)
_PLACE: Final = re.compile(r"^(?:[{<:*].*|\d+|v\d+|api|rest)$", re.IGNORECASE)
_UNCLEAR: Final = 0.5


def responsibilities(facts: Mapping[str, pd.DataFrame], roles: Roles = NO_ROLES) -> pd.DataFrame:
    """Say in one sentence what each service owns.

    Parameters
    ----------
    facts
        The merged facts of a review; ``passages``, ``calls``, ``data_access`` and ``coverage`` are used.
    roles
        Which part services play, as configured: ``result.roles``.

    Returns
    -------
    pandas.DataFrame
        One row a ``service``, sorted: ``sentence``; ``subjects`` (what its operations are about, the most frequent
        first), ``owns`` (tables that it owns), ``uses`` (tables of others), ``callers``; and ``doubts``: what makes its
        boundary unclear, "" where nothing does.
    """
    owned = ownership(facts)
    calls, passages = facts["calls"], facts["passages"]
    seen = sorted(set(facts["coverage"]["service"]) - {""})
    fronts = fronts_among(seen, calls, roles)
    rows = []
    for service in seen:
        own = passages[(passages["service"] == service) & passages["kind"].isin(_SERVED)]
        own = own[~own["operation"].map(is_probe).astype(bool)]
        subjects = _subjects(own)
        tables = owned[owned["service"] == service].copy()
        keys = tables["store"].str.split(":").str[0].isin(_CACHES)
        tables["table"] = tables["table"].where(~keys, "the keys " + tables["table"])
        mine = sorted(set(tables.loc[tables["owner"] == service, "table"]))
        others = sorted({f"{table} of {owner}" for table, owner in _foreign(tables, service)})
        contested = sorted(set(tables.loc[tables["owner"] == "", "table"]))
        callers = sorted(set(own.loc[own["caller_kind"].isin(["service", "queue"]), "caller"]) - {"", service})
        front = service in fronts
        rows.append(
            {
                "service": service,
                "sentence": _sentence(service, subjects, mine, callers, own, front=front),
                "subjects": tuple(name for name, _ in subjects),
                "owns": tuple(mine),
                "uses": tuple(others),
                "callers": tuple(callers),
                "doubts": "; ".join(_doubts(subjects, others, contested, front=front)),
            }
        )
    columns = ["service", "sentence", "subjects", "owns", "uses", "callers", "doubts"]
    return pd.DataFrame(rows, columns=columns)


def _foreign(tables: pd.DataFrame, service: str) -> list[tuple[str, str]]:
    others = tables[(tables["owner"] != service) & (tables["owner"] != "")]
    return [(str(table), str(owner)) for table, owner in zip(others["table"], others["owner"], strict=True)]


def _subjects(own: pd.DataFrame) -> list[tuple[str, int]]:
    """Return what operations are about, with their visits; the most frequent first."""
    counts: Counter[str] = Counter()
    for operation, visits in zip(own["operation"], own["visits"], strict=True):
        name = _subject(str(operation))
        if name:
            counts[name] += int(visits)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _subject(operation: str) -> str:
    """Return what an operation is about: the first word of a path, the service of a remote procedure, a destination."""
    path = _VERB.sub("", operation)
    if path.startswith("/"):
        parts = [part for part in path.split("?")[0].split("/") if part]
        if parts and "." in parts[0] and len(parts) == 2:
            return parts[0].rpartition(".")[2]
        named = [part for part in parts if not _PLACE.match(part)]
        return named[0] if named else ("the home page" if not parts else "")
    if "/" in path:
        return path.partition("/")[0].rpartition(".")[2]
    return re.sub(r"\s+(?:process|receive|publish|send|consume|deliver|settle)$", "", path)


def _sentence(
    service: str,
    subjects: Sequence[tuple[str, int]],
    mine: Sequence[str],
    callers: Sequence[str],
    own: pd.DataFrame,
    *,
    front: bool,
) -> str:
    about = listed([name for name, _ in subjects], _NAMED)
    for_whom = f" for {listed(callers, _NAMED)}" if callers else ""
    if front:
        return (
            f"{service} stands in front: it passes requests about {about or 'everything'} on to the services behind it."
        )
    if mine and about:
        return f"{service} answers for {about}{for_whom}, and owns {listed(mine, _NAMED)}."
    if mine:
        return f"{service} owns {listed(mine, _NAMED)}; what it is asked for was not seen."
    if about:
        touches = int(own.loc[own["data"].astype(bool), "visits"].sum())
        keeps = "keeps no table of its own" if touches else "keeps no data"
        return f"{service} answers for {about}{for_whom}, and {keeps}."
    return f"{service} only calls others here: what it is for was not seen."


def _doubts(
    subjects: Sequence[tuple[str, int]],
    others: Sequence[str],
    contested: Sequence[str],
    *,
    front: bool,
) -> list[str]:
    """Tell what makes a boundary unclear."""
    said = []
    whole = sum(visits for _, visits in subjects)
    if not front and len(subjects) >= 2 * _NAMED and subjects[0][1] < _UNCLEAR * whole:
        share = percent(subjects[0][1] / whole)
        said.append(
            f"{counted(len(subjects), 'subject')}, the largest with {share} of the visits: several things at once?"
        )
    if others:
        said.append(f"reaches into {listed(others, _NAMED)}")
    if contested:
        said.append(f"{listed(contested, _NAMED)}: several write, none owns")
    if not subjects and not front:
        said.append("no operation of its own was seen")
    return said
