"""Requests held up by others: a service whose threads or connections wait elsewhere is slow, and not the origin."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.origins.blame import Explained
from analysis.origins.recorded import Recorded

__all__ = ["held_up"]

#: How much of a request must be lost below a span for it to hold up others.
_WAITS: Final = 0.5


def held_up(during: Recorded, slow: pd.DataFrame, seen: Explained) -> pd.Series[Any]:
    """Return for each slow span the service that its lost time is given to.

    Time that a service lost itself, while other requests of it waited for a change elsewhere, is given to where they
    waited: they began before, they were still waiting for half of the time that was lost, and what they held (a thread,
    a connection) was missing here.

    Parameters
    ----------
    during
        The incident.
    slow
        Slow spans: ``row``, ``service``, ``gap``, ``lost_ns``.
    seen
        What is shown below each span.
    """
    spans = during.spans
    service = spans["service"].to_numpy()
    start = spans["start_ns"].to_numpy(np.int64)
    end = start + spans["duration_ns"].to_numpy(np.int64)
    given = slow["service"].to_numpy().copy()
    waiting = np.flatnonzero((seen.waited >= _WAITS) & (seen.cause >= 0))
    waiting = waiting[service[seen.cause[waiting]] != service[waiting]]
    rows, gap = slow["row"].to_numpy(np.int64), slow["gap"].to_numpy(bool)
    until = start[rows] + slow["lost_ns"].to_numpy(np.float64) / 2
    for name in np.unique(service[waiting]):
        mine = waiting[service[waiting] == name]
        mine = mine[np.argsort(start[mine], kind="stable")]
        # Of those that began before, the one that waits longest.
        last = np.maximum.accumulate(end[mine])
        longest = mine[np.maximum.accumulate(np.where(end[mine] == last, np.arange(len(mine)), 0))]
        candidates = np.flatnonzero(~gap & (service[rows] == name) & (seen.waited[rows] < _WAITS))
        place = np.searchsorted(start[mine], start[rows[candidates]], side="left") - 1
        held = (place >= 0) & (last[np.maximum(place, 0)] >= until[candidates])
        given[candidates[held]] = service[seen.cause[longest[place[held]]]]
    return pd.Series(given, slow.index)
