"""Where traces break: spans that lost their parent, by the edge that they came over."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

__all__ = ["UNKNOWN_CALLER", "lost_edges"]

#: Where nobody was ever seen to call the operation, nor the service.
UNKNOWN_CALLER = "(not seen)"


def lost_edges(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List the edges over which trace context is lost.

    Parameters
    ----------
    facts
        The merged facts of a review; ``orphans`` and ``passages`` are used.

    Returns
    -------
    pandas.DataFrame
        One row for each ``caller``, ``service`` and ``operation``, the most orphans first: ``orphans`` (spans whose
        parent is not in the export, without those at its ends), ``with_parent`` (spans of the operation that name one),
        ``share`` (0..1), ``traces``. The caller is who calls the operation most where the parent is there, else who
        calls the service most; ``(not seen)`` where nobody is: then what stands before it records no span.
    """
    orphans, passages = facts["orphans"], facts["passages"]
    known = passages[(passages["caller"] != "") & (passages["caller_kind"] != "user")]
    by_operation = _most(known, ["service", "operation"])
    by_service = _most(known, ["service"])
    rows = []
    for key, group in orphans.groupby(["service", "operation"], sort=True):
        service, operation = (str(part) for part in key)
        lost = int(group["orphans"].sum() - group["cut"].sum())
        if not lost:
            continue
        whole = int(group["with_parent"].sum() - group["cut"].sum())
        caller = by_operation.get((service, operation)) or by_service.get((service,)) or UNKNOWN_CALLER
        traces = int(group.loc[group["lost"], "traces"].sum())
        rows.append((caller, service, operation, lost, whole, round(lost / whole, 6), traces))
    columns = ["caller", "service", "operation", "orphans", "with_parent", "share", "traces"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(
        ["orphans", "service", "operation"], ascending=[False, True, True], kind="stable", ignore_index=True
    )


def _most(known: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], str]:
    """Return for each key the caller with the most visits; the first by name among equals."""
    counts = known.groupby([*keys, "caller"], sort=True)["visits"].sum().reset_index()
    found: dict[tuple[str, ...], tuple[int, str]] = {}
    for *key, caller, visits in counts.itertuples(index=False, name=None):
        place = tuple(str(part) for part in key)
        if place not in found or int(visits) > found[place][0]:
            found[place] = (int(visits), str(caller))
    return {place: caller for place, (_, caller) in found.items()}
