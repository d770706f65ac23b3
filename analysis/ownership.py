"""Who owns which data: the ownership table, coupling of services through data, cohesion of the data of a service."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final, Protocol

import pandas as pd

from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.stores import named_like

__all__ = ["cohesion", "coupling", "ownership"]

_OWNER_SHARE: Final = 0.8

#: Merged fact tables by name.
Facts = Mapping[str, pd.DataFrame]


class Reviewed(Protocol):
    """A review, or anything with its facts."""

    @property
    def facts(self) -> Facts:
        """Merged fact tables by name."""


def _access(result: Reviewed | Facts) -> pd.DataFrame:
    """Return the accesses to tables that something names, by services that are known."""
    access = (result if isinstance(result, Mapping) else result.facts)["data_access"]
    return access[(access["table"] != UNKNOWN_TABLE) & (access["service"] != "")]


def ownership(result: Reviewed | Facts, owner_share: float = _OWNER_SHARE) -> pd.DataFrame:
    """List who reads and writes each table, and who owns it.

    Parameters
    ----------
    result
        A review, or its facts; ``data_access`` is used.
    owner_share
        Share (0..1) of a table's writes from which a service is its owner, unless the table is called after another of
        its writers. A table that nobody writes is owned by its only reader, where it has one.

    Returns
    -------
    pandas.DataFrame
        One row for each ``store``, ``table`` and ``service``, in this order: ``reads`` and ``writes`` (calls),
        ``unknown`` (calls that do one or the other), ``owner`` ("" where nobody is) and ``confidence`` (0..1) that
        tables and modes are right. Tables that nothing names are left out.
    """
    known = _access(result)
    by = ["store", "table", "service"]
    columns = {"reads": "read", "writes": "write", "unknown": "unknown"}
    counts = {name: known["calls"].where(known["mode"] == mode, 0) for name, mode in columns.items()}
    table = known[[*by, "confidence"]].assign(**counts).groupby(by, sort=True, as_index=False)
    found = table.agg({**dict.fromkeys(columns, "sum"), "confidence": "min"})
    owners = {key: _owner(rows, owner_share) for key, rows in found.groupby(["store", "table"])}
    keys = zip(found["store"], found["table"], strict=True)
    found["owner"] = pd.Series([owners[key] for key in keys], index=found.index, dtype=object)
    return found[[*by, *columns, "owner", "confidence"]]


def _owner(rows: pd.DataFrame, owner_share: float) -> str:
    writes = rows.set_index("service")["writes"]
    if writes.sum():
        most = str(writes.idxmax())
        named = named_like(str(rows["table"].iloc[0]), [str(name) for name in writes.index[writes > 0]])
        return most if writes.max() >= owner_share * writes.sum() and named in ("", most) else ""
    return str(rows["service"].iloc[0]) if len(rows) == 1 else ""


def coupling(result: Reviewed | Facts) -> pd.DataFrame:
    """Return how many tables each two services share: a symmetric matrix, services sorted on both sides.

    The diagonal holds how many tables each service uses.
    """
    table = ownership(result)
    used = {
        str(service): set(zip(rows["store"], rows["table"], strict=True)) for service, rows in table.groupby("service")
    }
    names = sorted(used)
    return pd.DataFrame([[len(used[one] & used[other]) for other in names] for one in names], names, names, dtype=int)


def cohesion(result: Reviewed | Facts) -> pd.Series:
    """Return for each service how far its operations work on the same tables, 0..1 (SCOM).

    The sum of the tables that two operations share, over all pairs of operations, divided by the number of pairs times
    the largest number that a pair could share. Not a number where fewer than two operations use a known table.
    """
    known = _access(result)
    found = {}
    for service, rows in known.groupby("service", sort=True):
        tables = [set(zip(own["store"], own["table"], strict=True)) for _, own in rows.groupby("operation", sort=True)]
        pairs = list(combinations(tables, 2))
        largest = max((min(len(one), len(other)) for one, other in pairs), default=0)
        shared = sum(len(one & other) for one, other in pairs)
        found[str(service)] = shared / (len(pairs) * largest) if pairs else float("nan")
    return pd.Series(found, dtype=float, name="cohesion")
