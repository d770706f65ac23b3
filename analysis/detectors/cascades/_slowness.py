"""Which callee's slowness makes which caller slow, from counts of pairs of durations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from analysis.detectors._evidence import merged_exemplars
from analysis.facts import Exemplar
from analysis.facts.slowdowns import STEPS_AN_OCTAVE

__all__ = ["SlowPair", "slow_pairs"]

_KEYS: Final = ["caller_service", "caller_operation", "callee_service", "callee_operation"]


@dataclass(frozen=True)
class SlowPair:
    """A caller and a callee (service, operation), and how often both were slow at once; times in ns."""

    caller: tuple[str, str]
    callee: tuple[str, str]
    slow_callee: int
    both: int
    slow_alone: int
    traces: int
    probability: float
    lift: float
    callee_median_ns: float
    caller_median_ns: float
    slow_median_ns: float
    excess_ns: float
    exemplars: tuple[Exemplar, ...]


def slow_pairs(slowdowns: pd.DataFrame, slow: float) -> Iterator[SlowPair]:
    """Yield every pair in which some visit had both slow.

    Parameters
    ----------
    slowdowns
        The fact of that name.
    slow
        How many times the median makes a visit slow; it is compared in half octaves.
    """
    beyond = round(STEPS_AN_OCTAVE * np.log2(slow))
    for key, rows in slowdowns.groupby(_KEYS, sort=True):
        callee_median = _median(rows["callee_step"], rows["visits"])
        caller_median = _median(rows["caller_step"], rows["visits"])
        callee_slow = rows["callee_step"] >= callee_median + beyond
        caller_slow = rows["caller_step"] >= caller_median + beyond
        slow_callee = int(rows.loc[callee_slow, "visits"].sum())
        together = rows[callee_slow & caller_slow]
        both = int(together["visits"].sum())
        if not both:
            continue
        others = int(rows.loc[~callee_slow, "visits"].sum())
        slow_alone = int(rows.loc[~callee_slow & caller_slow, "visits"].sum())
        base = (slow_alone + 1) / (others + 2)
        usual = 2.0 ** (callee_median / STEPS_AN_OCTAVE)
        caller_service, caller_operation, callee_service, callee_operation = map(str, key)
        yield SlowPair(
            caller=(caller_service, caller_operation),
            callee=(callee_service, callee_operation),
            slow_callee=slow_callee,
            both=both,
            slow_alone=slow_alone,
            traces=int(together["traces"].sum()),
            probability=both / slow_callee,
            lift=both / slow_callee / base,
            callee_median_ns=usual,
            caller_median_ns=2.0 ** (caller_median / STEPS_AN_OCTAVE),
            slow_median_ns=2.0 ** (_median(together["callee_step"], together["visits"]) / STEPS_AN_OCTAVE),
            excess_ns=max(0.0, float(together["callee_ns"].sum()) - both * usual),
            exemplars=merged_exemplars(together["exemplars"]),
        )


def _median(steps: pd.Series, visits: pd.Series) -> int:
    """Return the lower median of steps, each counted as often as it was seen."""
    counts = visits.groupby(steps.to_numpy()).sum().sort_index()
    place = int(np.searchsorted(counts.cumsum().to_numpy(), (int(counts.sum()) + 1) // 2))
    return int(counts.index[place])
