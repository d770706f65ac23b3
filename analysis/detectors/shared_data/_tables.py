"""What the detectors of shared data have in common: who uses a table, who owns it, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import combinations
from typing import Final

import pandas as pd

from analysis._wording import listed
from analysis.detectors import NO_ROLES, Evidence, Roles
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.operations import template
from analysis.stores import ambiguous, likeness, named_like

__all__ = [
    "BACK_OFFICE",
    "CACHES",
    "NO_DATA_CALLS",
    "by_design",
    "bystanders",
    "contender",
    "how",
    "known_accesses",
    "owner_of",
    "split_stores",
    "store_confidence",
    "traces_of",
    "unknown_share",
    "write_counts",
]

CACHES: Final = tuple(sorted(template.CACHES))
NO_DATA_CALLS: Final = "spans of database calls (db.system.name with db.query.text or db.collection.name)"
_AMBIGUOUS_FACTOR: Final = 0.7
#: Words of the names of services that use foreign tables by design.
BACK_OFFICE: Final = "back office"
_BY_DESIGN: Final = {
    BACK_OFFICE: re.compile(r"\b(back ?office|admin|administration|support tool|operator console)\b"),
    "change data capture": re.compile(r"\b(cdc|debezium|dms|maxwell|kafka connect)\b"),
    "migrations": re.compile(r"\b(migrat\w*|flyway|liquibase|alembic)\b"),
    "reporting": re.compile(r"\b(reports?|reporting|analytics|bi|etl|warehouse loader|metabase|superset)\b"),
}


def by_design(service: str, roles: Roles = NO_ROLES) -> str:
    """Return why a service, by the words of its name, uses foreign tables by design; "" where it does not.

    One of ``back office``, on which the configuration has the last word, ``change data capture``, ``migrations`` and
    ``reporting``.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^0-9A-Za-z]+", " ", service).lower()
    guessed = next((reason for reason, pattern in _BY_DESIGN.items() if pattern.search(words)), "")
    if roles.back_office(service, otherwise=guessed == BACK_OFFICE):
        return BACK_OFFICE
    return "" if guessed == BACK_OFFICE else guessed


def bystanders(services: Iterable[str], roles: Roles = NO_ROLES) -> dict[str, str]:
    """Return the services that migrate, copy or report, with the reason: they are no users of a table like others."""
    reasons = {service: by_design(service, roles) for service in sorted(set(services))}
    return {service: reason for service, reason in reasons.items() if reason not in ("", BACK_OFFICE)}


def known_accesses(evidence: Evidence) -> pd.DataFrame:
    """Return the accesses to tables (not caches) by services that are known, the tables known or not."""
    access = evidence["data_access"]
    return access[(access["service"] != "") & ~access["store_system"].isin(CACHES)]


def unknown_share(access: pd.DataFrame) -> tuple[str, ...]:
    """Return what is missing where the tables of some calls are not known."""
    unknown = int(access.loc[access["table"] == UNKNOWN_TABLE, "calls"].sum())
    if not unknown:
        return ()
    whole = int(access["calls"].sum())
    return (f"the table of {unknown:,} of {whole:,} data calls (db.query.text or db.collection.name)",)


def write_counts(rows: pd.DataFrame) -> pd.Series:
    """Return how many calls of each service write, sorted by service; those that do not write are left out."""
    return rows[rows["mode"] == "write"].groupby("service")["calls"].sum().sort_index()


def owner_of(writes: pd.Series) -> tuple[str, float]:
    """Return the service that writes most and its share (0..1) of the writes; "" and 0 where nobody writes."""
    total = float(writes.sum())
    return (str(writes.idxmax()), float(writes.max()) / total) if total else ("", 0.0)


def contender(table: str, writes: pd.Series, owner: str) -> str:
    """Return the writer that a table is called after, where it is not the one that writes most; "" elsewhere."""
    other = named_like(table, [str(service) for service in writes.index])
    return other if other != owner else ""


def traces_of(
    evidence: Evidence, grain: str, store: str, table: str, services: Collection[str], modes: Iterable[str] = ()
) -> int:
    """Count the distinct traces in which one of some services uses a table, schema or server (``grain``).

    ``modes`` narrows the uses: read, write, unknown; any by default.
    """
    use = evidence["table_use"]
    rows = use[(use["grain"] == grain) & (use["store"] == store) & (use["table"] == table)]
    wanted = set(modes)

    def concerned(users: tuple[str, ...]) -> bool:
        parts = (user.partition(" ") for user in users)
        return any(service in services and (not wanted or mode in wanted) for mode, _, service in parts)

    return int(rows.loc[rows["users"].map(concerned).astype(bool), "traces"].sum())


def store_confidence(store: str) -> tuple[float, tuple[str, ...]]:
    """Return what confidence is multiplied by for the name of a store, and what to say of it."""
    address = store.partition("://")[2].partition("/")[0].lstrip("[").partition(":")[0]
    if not ambiguous(address):
        return 1.0, ()
    said = f"{address or 'no address'} may be another store on each host: confidence is lowered"
    return _AMBIGUOUS_FACTOR, (said,)


def split_stores(access: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each two stores that may be one by their names, and in which tables are called the same."""
    stores = {str(store): set(rows["table"]) for store, rows in access.groupby("store", sort=True)}
    said = []
    for one, other in combinations(sorted(stores), 2):
        same = sorted(stores[one] & stores[other])
        why = likeness(one, other) if same else ""
        if why:
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            said.append(
                f"{same[0]}{more} of {one} and of {other} were taken for two: {why}. "
                "An alias of stores in the configuration makes them one"
            )
    return tuple(said)


def how(writers: tuple[str, ...], readers: tuple[str, ...]) -> str:
    """Return who writes and who reads, as part of a sentence."""
    parts = []
    if writers:
        parts.append(f"{listed(writers)} write{'s' if len(writers) == 1 else ''} it")
    if readers:
        parts.append(f"{listed(readers)} {'only read' if writers else 'read'}{'s' if len(readers) == 1 else ''} it")
    return ", ".join(parts)
