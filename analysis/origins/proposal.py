"""Which part of a recording departs from the rest of it: the window of an incident that nobody has named.

The requests of each entry operation are counted by the time at which they began, in steps of a minute, or finer in a
short recording. A request is bad where it failed, or took more than twice the median of its operation. Of all windows
that one is proposed whose share of bad requests tells most against the rest (the scan statistic of Kulldorff,
Communications in Statistics 1997), where that is more than chance gives among so many windows and operations, and than
the rest varies by itself. Something must have been recorded before it to hold it against: what a recording begins with
is never proposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.dataset import Dataset
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.origins.changes import likelihood_ratio
from analysis.origins.windows import Window
from analysis.planting import iter_forests

__all__ = ["Proposal", "propose"]

#: Steps, s; the least with which a recording has so many at most.
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_MOST_STEPS: Final = 120
#: A part of the requests that must have come before an incident, and requests that must.
_BEFORE: Final = 0.1
_LEAST_BEFORE: Final = 20
#: Bad requests that make an incident, their share of the requests in it, and how many times that of the rest it is.
_LEAST_BAD: Final = 10
_LEAST_SHARE: Final = 0.2
_TIMES: Final = 2.0
#: Part of the recording that an incident may take: what lasts longer is what is usual.
_LONGEST: Final = 0.5
#: In one of a hundred recordings chance gives as much.
_CHANCE: Final = 0.01
#: Times the median of its operation, beyond which a request is late.
_LATE: Final = 2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Proposal:
    """A window that departs from the rest, and the entry operation by which it was found.

    Attributes
    ----------
    window
        When.
    service, operation
        Whose requests failed or were late.
    bad, requests
        How many of them, of how many, in the window.
    bad_outside, requests_outside
        The same in the rest of the recording.
    """

    window: Window
    service: str
    operation: str
    bad: int
    requests: int
    bad_outside: int
    requests_outside: int


@dataclass(frozen=True)
class _Found:
    """Steps that tell most, and how much: the likelihood ratio by the spread of the rest."""

    begin: int
    end: int
    weight: float


def propose(data: Dataset) -> Proposal | None:
    """Return the window in which an operation's requests failed or were late more than chance gives, if there is one.

    Parameters
    ----------
    data
        What was recorded.
    """
    requests = _requests(data)
    if requests.empty:
        return None
    began = requests["began_ns"].to_numpy(np.int64)
    step = _step(int(began.min()), int(began.max()))
    first = int(began.min()) // step
    requests = requests.assign(place=began // step - first)
    steps = int(requests["place"].max()) + 1
    best: tuple[float, Proposal] | None = None
    operations = requests.groupby(["service", "operation"], sort=True)
    for named, mine in operations:
        place, is_bad = mine["place"].to_numpy(np.int64), mine["bad"].to_numpy(bool)
        if is_bad.sum() < _LEAST_BAD:
            continue
        bad, count = (np.bincount(rows, minlength=steps).astype(np.float64) for rows in (place[is_bad], place))
        found = _scanned(bad, count, operations.ngroups)
        if found is not None and (best is None or found.weight > best[0]):
            inside = slice(found.begin, found.end)
            window = Window((first + found.begin) * step, (first + found.end) * step)
            numbers = int(bad[inside].sum()), int(count[inside].sum())
            rest = int(bad.sum()) - numbers[0], int(count.sum()) - numbers[1]
            best = found.weight, Proposal(window, str(named[0]), str(named[1]), *numbers, *rest)
    return None if best is None else best[1]


def _step(first_ns: int, last_ns: int) -> int:
    """Return the step in ns."""
    fits = [step for step in _STEPS_S if (last_ns - first_ns) // (step * 1_000_000_000) < _MOST_STEPS]
    return (fits[0] if fits else (last_ns - first_ns) // (_MOST_STEPS * 1_000_000_000) + 1) * 1_000_000_000


def _requests(data: Dataset) -> pd.DataFrame:
    """Return a row a request: ``service``, ``operation``, ``began_ns`` and whether it was ``bad``."""
    parts = []
    for forest in iter_forests(data, ("operation", *FAILING_COLUMNS)):
        rows = np.flatnonzero((forest.root == np.arange(forest.size)) & ~forest.orphan & forest.has_time)
        service, operation = forest.service, forest.codes("operation")
        kinds = {"service": service, "operation": operation}
        parts.append(
            pd.DataFrame(
                {
                    "began_ns": forest.trace_start_ns[forest.trace_of[rows]] + forest.start[rows],
                    "duration_ns": forest.duration[rows],
                    "failed": failing(forest)[rows],
                    **{name: np.array([*codes.values, ""], object)[codes.codes[rows]] for name, codes in kinds.items()},
                }
            )
        )
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    usual = table.groupby(["service", "operation"])["duration_ns"].transform("median")
    return table.assign(bad=table["failed"] | (table["duration_ns"] > _LATE * usual))


def _scanned(bad: Floats, count: Floats, operations: int) -> _Found | None:
    """Return the window of an operation that tells most, where it is more than chance gives among so many."""
    steps, seen, all_bad = len(count), count.sum(), bad.sum()
    of_bad, of_count = (np.concatenate([[0.0], np.cumsum(values)]) for values in (bad, count))
    begin, end = np.triu_indices(steps + 1, 1)
    inside_bad, inside = of_bad[end] - of_bad[begin], of_count[end] - of_count[begin]
    before, outside = of_count[begin], seen - inside
    possible = (inside_bad >= _LEAST_BAD) & (before >= max(_LEAST_BEFORE, _BEFORE * seen))
    possible &= end - begin <= steps * _LONGEST
    # It begins and ends with what is bad: steps without requests would make it no less likely.
    possible &= (bad[begin] > 0) & (bad[end - 1] > 0)
    begin, end, inside_bad, inside, outside = (values[possible] for values in (begin, end, inside_bad, inside, outside))
    share = inside_bad / inside
    more = (share >= _LEAST_SHARE) & (share > _TIMES * (all_bad - inside_bad) / outside)
    if not more.any():
        return None
    ratio = np.where(more, likelihood_ratio(inside_bad, inside, all_bad - inside_bad, outside), 0.0)
    best = int(ratio.argmax())
    first, last = int(begin[best]), int(end[best])
    rest = np.r_[0:first, last:steps]
    weight = float(ratio[best]) / _spread(bad[rest], count[rest])
    looks = operations * steps * (steps + 1) / 2
    # The quantile of chi-squared with one degree of freedom, for each of so many looks.
    needed = NormalDist().inv_cdf(1 - _CHANCE / looks / 2) ** 2
    return _Found(first, last, weight) if weight > needed else None


def _spread(bad: Floats, count: Floats) -> float:
    """Return how many times as much the share varies from step to step as chance has it, 1 at least (Pearson)."""
    bad, count = bad[count > 0], count[count > 0]
    share = bad.sum() / count.sum()
    if len(count) < 2 or not 0 < share < 1:
        return 1.0
    return max(1.0, float(((bad - count * share) ** 2 / (count * share * (1 - share))).sum() / (len(count) - 1)))
