"""Which callee's slowness makes which caller slow, from counts of pairs of durations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.detectors._evidence import merged_exemplars
from analysis.facts import Exemplar
from analysis.facts.slowdowns import STEPS_AN_OCTAVE

__all__ = ["SlowPair", "slow_pairs"]

_KEYS: Final = ["caller_service", "caller_operation", "callee_service", "callee_operation"]
_COUNTS: Final = ("callee_step", "caller_step", "visits", "traces", "callee_ns")


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
    columns = {name: slowdowns[name].to_numpy(np.int64) for name in _COUNTS}
    exemplars = slowdowns["exemplars"].array
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(zip(*(slowdowns[name] for name in _KEYS), strict=True)):
        places.setdefault(tuple(map(str, key)), []).append(place)
    for key in sorted(places):
        chosen = np.array(places[key], np.int64)
        callee_step, caller_step, visits, traces, callee_ns = (columns[name][chosen] for name in _COUNTS)
        callee_median = _median(callee_step, visits)
        callee_slow = callee_step >= callee_median + beyond
        if not callee_slow.any():
            continue
        caller_median = _median(caller_step, visits)
        caller_slow = caller_step >= caller_median + beyond
        together = callee_slow & caller_slow
        both = int(visits[together].sum())
        if not both:
            continue
        slow_callee = int(visits[callee_slow].sum())
        others = int(visits[~callee_slow].sum())
        slow_alone = int(visits[~callee_slow & caller_slow].sum())
        base = (slow_alone + 1) / (others + 2)
        usual = 2.0 ** (callee_median / STEPS_AN_OCTAVE)
        caller_service, caller_operation, callee_service, callee_operation = key
        yield SlowPair(
            caller=(caller_service, caller_operation),
            callee=(callee_service, callee_operation),
            slow_callee=slow_callee,
            both=both,
            slow_alone=slow_alone,
            traces=int(traces[together].sum()),
            probability=both / slow_callee,
            lift=both / slow_callee / base,
            callee_median_ns=usual,
            caller_median_ns=2.0 ** (caller_median / STEPS_AN_OCTAVE),
            slow_median_ns=2.0 ** (_median(callee_step[together], visits[together]) / STEPS_AN_OCTAVE),
            excess_ns=max(0.0, float(callee_ns[together].sum()) - both * usual),
            exemplars=merged_exemplars(exemplars[chosen[together]]),
        )


def _median(steps: NDArray[np.int64], visits: NDArray[np.int64]) -> int:
    """Return the lower median of steps, each counted as often as it was seen."""
    order = np.argsort(steps, kind="stable")
    counts = np.cumsum(visits[order])
    return int(steps[order[np.searchsorted(counts, (int(counts[-1]) + 1) // 2)]])
