"""The runs of a forest, what is measured of them and what that tells: found once, shared by the facts that ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts import _repeated_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._once import calls_of, critical_of_calls
from analysis.facts._repeated_calls import Calls
from analysis.facts._run_kernels import MEASURES, count_values, measure_runs
from analysis.facts._run_keys import VERDICTS, verdict_of
from analysis.facts._runs import Runs, find_runs
from analysis.forest import Forest

__all__ = ["COLUMNS", "JudgedRuns", "judged_runs"]

Int64s = npt.NDArray[np.int64]

COLUMNS: Final = (*_repeated_calls.COLUMNS, "time_resolution_ns")


@dataclass(frozen=True, eq=False)
class JudgedRuns:
    """Runs, an entry a run.

    Attributes
    ----------
    calls, runs
        The calls of the forest, and which of them make a run.
    measured
        By name: the measures of :data:`analysis.facts._run_kernels.MEASURES`, ``length``, ``values`` and
        ``saving_ns``.
    verdict
        Place in :data:`analysis.facts._run_keys.VERDICTS`.
    concurrent
        At least half of the calls begin while an earlier one runs.
    """

    calls: Calls
    runs: Runs
    measured: dict[str, Int64s]
    verdict: npt.NDArray[np.int32]
    concurrent: npt.NDArray[np.bool_]

    def where(self, verdict: str) -> npt.NDArray[np.bool_]:
        """Mark the runs of a verdict."""
        return np.asarray(self.verdict == VERDICTS.index(verdict), np.bool_)


_known: Final[WeakKeyDictionary[Forest, JudgedRuns]] = WeakKeyDictionary()


def judged_runs(forest: Forest) -> JudgedRuns:
    """Return the runs of a forest planted with the columns of :data:`COLUMNS`."""
    known = _known.get(forest)
    if known is None:
        calls, entry = calls_of(forest), local_entries(forest)
        runs = find_runs(forest, calls, entry)
        measured = _measure(forest, calls, runs, entry)
        verdict, concurrent = verdict_of(forest, calls, runs, measured)
        known = _known[forest] = JudgedRuns(calls, runs, measured, verdict, concurrent)
    return known


def _measure(forest: Forest, calls: Calls, runs: Runs, entry: npt.NDArray[np.int32]) -> dict[str, Int64s]:
    """Return the measures of each run."""
    rows, values = calls.rows[runs.call], calls.values[runs.call]
    uses_store = np.zeros(forest.size, bool)
    uses_store[entry[calls.rows[~calls.remote]]] = True
    resolution = forest.array("time_resolution_ns", 1).astype(np.int64, copy=False)
    lines = measure_runs(
        runs.offset,
        rows,
        runs.call,
        values,
        critical_of_calls(forest, rows),
        (forest.start, forest.end, forest.duration, resolution),
        forest.multiplicity,
        forest.error,
        uses_store,
        calls.server,
        calls.partner,
        calls.routed,
        calls.resent,
    )
    measured = dict(zip(MEASURES, lines, strict=True))
    length = np.where(measured["logical"] > 1, measured["logical"], measured["logical"] + measured["retries"])
    # A pattern is as long as its rarest part.
    rarest = length.copy()
    np.minimum.at(rarest, runs.leader, length)
    return measured | {
        "length": rarest[runs.leader],
        "values": count_values(runs.offset, values),
        "saving_ns": np.maximum(measured["critical_ns"] - measured["longest_ns"], 0),
    }
