"""What a detector is given: the merged facts, how far they can be trusted, and the requests they belong to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from analysis._histogram import Histogram
from analysis.catalogue import Catalogue
from analysis.detectors._roles import NO_ROLES, Roles, Rule
from analysis.detectors._rows import Rows
from analysis.existing_alerts import Alerts
from analysis.facts import Cells, Exemplar
from analysis.findings import Assessment, Example
from analysis.trust import Trust

__all__ = ["NANOSECONDS_PER_MS", "Evidence", "examples", "merged_exemplars", "merged_histogram", "ms", "named"]

NANOSECONDS_PER_MS = 1_000_000
_DAY_NS = 86_400_000_000_000
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Evidence(Mapping[str, pd.DataFrame]):
    """The merged facts by name, as DataFrames, with the trust report.

    Attributes
    ----------
    tables
        Facts by name (:mod:`analysis.facts`).
    trust
        What lowers the confidence of every statement.
    traces
        Traces seen in all.
    answers
        What the detectors said that were judged before, by name.
    catalogue
        Which team, domain and system each service belongs to; empty where none was given.
    alerts
        Alerts that exist; empty where no rule files were given.
    roles
        Services and operations of which the configuration says what part they play.
    rules
        Dependencies that the configuration forbids or requires.
    seen_ns
        How long the traffic was recorded, from the first start to the last end; 0 where that is not known.
    edges_before
        Caller, callee and kind of the dependencies of the review compared with; None where there is none.
    """

    tables: Mapping[str, pd.DataFrame]
    trust: Trust
    traces: int
    answers: Mapping[str, Assessment] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)
    alerts: Alerts = field(default_factory=Alerts)
    roles: Roles = NO_ROLES
    rules: tuple[Rule, ...] = ()
    seen_ns: int = 0
    edges_before: Collection[tuple[str, str, str]] | None = None

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def rows(self, name: str) -> Rows:
        """Return a fact as arrays."""
        if name not in self._rows:
            self._rows[name] = Rows(self.tables[name])
        return self._rows[name]

    @cached_property
    def _rows(self) -> dict[str, Rows]:
        return {}

    def shared(self, make: Callable[[Evidence], _Made]) -> _Made:
        """Return what a function makes of the facts: once for all detectors, so that none may change it."""
        if make not in self._shared:
            self._shared[make] = make(self)
        made: _Made = self._shared[make]
        return made

    @cached_property
    def _shared(self) -> dict[Callable[[Evidence], Any], Any]:
        return {}

    @cached_property
    def request_p95_ns(self) -> dict[tuple[str, str], float]:
        """p95 latency (ns) of each entry operation, by (service, operation)."""
        requests = self["requests"]
        keys = zip(requests["entry_service"], requests["entry_operation"], strict=True)
        return {key: latency.percentile(0.95) for key, latency in zip(keys, requests["latency"], strict=True)}

    @cached_property
    def request_count(self) -> dict[tuple[str, str], int]:
        """How many requests of each entry operation were seen, by (service, operation)."""
        requests = self["requests"]
        keys = zip(requests["entry_service"], requests["entry_operation"], strict=True)
        return {key: int(count) for key, count in zip(keys, requests["requests"], strict=True)}

    @cached_property
    def times_a_day(self) -> float | None:
        """How often a day holds what was seen, at the same traffic; samples count as what they stand for.

        None where it is not known how long was recorded.
        """
        if self.seen_ns <= 0:
            return None
        requests = self["requests"]
        seen = int(requests["requests"].sum())
        stood_for = float(requests["weighted_millis"].sum()) / 1000 / seen if seen else 1.0
        return _DAY_NS / self.seen_ns * stood_for

    def share_of_p95(self, entry: tuple[str, str], cost_p95_ns: float) -> float:
        """Return a cost on the critical path as a share (0..1) of the entry operation's p95; 0 if unknown."""
        whole = self.request_p95_ns.get(entry, 0.0)
        return min(1.0, cost_p95_ns / whole) if whole > 0 else 0.0


def ms(nanoseconds: float) -> float:
    """Return nanoseconds as milliseconds, to the microsecond."""
    return round(nanoseconds / NANOSECONDS_PER_MS, 3)


def named(key: object) -> tuple[str, ...]:
    """Return the key of a group, as pandas gives it when grouping by a list, as texts."""
    return tuple(str(part) for part in key) if isinstance(key, tuple) else (str(key),)


def merged_histogram(cells: Iterable[Histogram]) -> Histogram:
    """Add up the histograms of several rows: a column of a fact, or cells of it."""
    column = cells.array if isinstance(cells, pd.Series) else cells
    return column.added_up() if isinstance(column, Cells) else Histogram.merged(column)


def merged_exemplars(cells: Iterable[Iterable[Exemplar]]) -> tuple[Exemplar, ...]:
    """Put the exemplars of several rows into one tuple."""
    return tuple(exemplar for cell in cells for exemplar in cell)


def examples(exemplars: tuple[Exemplar, ...], median: float) -> tuple[Example, ...]:
    """Choose the three traces that a finding shows: the median, the worst and the most recent.

    Parameters
    ----------
    exemplars
        The candidates that the fact kept.
    median
        The median of the value that exemplars are ranked by, in its unit.

    Returns
    -------
    tuple of Example
        Up to three, different traces, ``median`` first; ties by trace id.
    """
    chosen: list[Example] = []
    taken: set[str] = set()
    rules = (
        ("median", lambda item: (abs(item.value - median), item.trace_id, item.span_ids)),
        ("worst", lambda item: (-item.value, item.trace_id, item.span_ids)),
        ("recent", lambda item: (-item.start_ns, item.trace_id, item.span_ids)),
    )
    for why, key in rules:
        left = sorted((item for item in exemplars if item.trace_id not in taken), key=key)
        if left:
            best = left[0]
            taken.add(best.trace_id)
            chosen.append(Example(best.trace_id, best.span_ids, why, float(best.value)))
    return tuple(chosen)
