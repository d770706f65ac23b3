"""What of a change between two recordings is more than chance: bootstrap intervals over groups of traces.

The traces of a recording are divided into sixteen groups by a hash of their ids (fact ``call_samples``). Drawing
sixteen of them with replacement, again and again, shows how much a number would vary had other requests been recorded;
traces are the unit, since calls of one trace depend on one another. The interval is that of the percentiles, widened
for the small number of groups (the expanded percentile interval: Hesterberg, "What Teachers Should Know About the
Bootstrap", 2015, section 4.3). What varies between recordings for other reasons, such as the hour of the day, it does
not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis._histogram import Histogram, mid
from analysis.facts.call_samples import GROUPS

__all__ = ["COVERAGE", "MEASURES", "Measure", "Sampled", "interval"]

Floats = npt.NDArray[np.float64]

COVERAGE: Final = 0.99
_DRAWS: Final = 1000
#: Student's t at 99.5 % with 15 degrees of freedom over the normal quantile there, times the root of 16/15: what
#: sixteen groups understate.
_WIDENED: Final = 2.947 / 2.576 * (16 / 15) ** 0.5


@dataclass(frozen=True, eq=False)
class Sampled:
    """One edge of one recording, by group of traces.

    Attributes
    ----------
    calls, errors, traces
        Totals of each group.
    latency
        Durations (ns) of each group.
    """

    calls: Floats
    errors: Floats
    traces: Floats
    latency: Sequence[Histogram]


@dataclass(frozen=True)
class Measure:
    """What is compared.

    Attributes
    ----------
    words
        What it is called.
    value
        The number of a whole recording; not a number where it cannot be told.
    drawn
        The same for many draws of groups: given how often each group is drawn, a row a draw.
    least
        Differences below it are not worth a word, and none are tested: a share of the larger number.
    least_points
        As above, as a difference.
    """

    words: str
    value: Callable[[Sampled], float]
    drawn: Callable[[Sampled, Floats], Floats]
    least: float
    least_points: float = 0.0

    def worth_a_word(self, before: float, after: float) -> bool:
        """Return whether a difference is large enough to matter, if it is none of chance."""
        apart = abs(after - before)
        return bool(apart >= self.least_points and apart >= self.least * max(abs(before), abs(after)) and apart > 0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / whole, dtype=np.float64)


def _per_trace(edge: Sampled) -> float:
    return float(_ratio(edge.calls.sum(), edge.traces.sum()))


def _error_share(edge: Sampled) -> float:
    return float(_ratio(edge.errors.sum(), edge.calls.sum()))


def _percentile(share: float) -> Callable[[Sampled], float]:
    return lambda edge: Histogram.merged(edge.latency).percentile(share) / 1e6


def _drawn_percentile(share: float) -> Callable[[Sampled, Floats], Floats]:
    def drawn(edge: Sampled, draws: Floats) -> Floats:
        held = np.unique(np.concatenate([part.buckets for part in edge.latency]))
        if not len(held):
            return np.full(len(draws), np.nan)
        by_group = np.zeros((GROUPS, len(held)))
        for group, part in enumerate(edge.latency):
            by_group[group, np.searchsorted(held, part.buckets)] = part.counts
        below = np.cumsum(draws @ by_group, axis=1)
        total = below[:, -1]
        place = (below <= share * (total - 1)[:, None]).sum(axis=1)
        middles = np.array([mid(int(bucket)) for bucket in held]) / 1e6
        return np.where(total > 0, middles[np.minimum(place, len(held) - 1)], np.nan)

    return drawn


MEASURES: Final = {
    "calls_per_trace": Measure(
        "calls a trace",
        _per_trace,
        lambda edge, draws: _ratio(draws @ edge.calls, draws @ edge.traces),
        least=0.1,
    ),
    "error_share": Measure(
        "failed calls",
        _error_share,
        lambda edge, draws: _ratio(draws @ edge.errors, draws @ edge.calls),
        least=0.1,
        least_points=0.01,
    ),
    "p50_ms": Measure("duration, p50", _percentile(0.5), _drawn_percentile(0.5), least=0.1, least_points=0.1),
    "p95_ms": Measure("duration, p95", _percentile(0.95), _drawn_percentile(0.95), least=0.1, least_points=0.1),
}


def interval(measure: Measure, before: Sampled, after: Sampled) -> tuple[float, float]:
    """Return the interval in which the change of a measure lies, with a probability of about 99 %.

    Parameters
    ----------
    measure
        One of ``MEASURES``.
    before, after
        The same edge in two recordings.

    Returns
    -------
    tuple of float
        Lower and upper end of after less before; not numbers where the groups hold too little.
    """
    changes = measure.drawn(after, _draws(1)) - measure.drawn(before, _draws(0))
    changes = changes[np.isfinite(changes)]
    if len(changes) < _DRAWS // 2:
        return float("nan"), float("nan")
    change = measure.value(after) - measure.value(before)
    low, high = np.quantile(changes, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return change + (float(low) - change) * _WIDENED, change + (float(high) - change) * _WIDENED


@cache
def _draws(seed: int) -> Floats:
    """Return how often each group is drawn, a row a draw: the same in every run."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), size=_DRAWS).astype(np.float64)
    drawn.setflags(write=False)
    return drawn
