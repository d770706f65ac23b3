"""What appeared, vanished and changed between the facts of two reviews: services, stores, tables, edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis.compare.noise import MEASURES, Sampled, interval
from analysis.facts.call_samples import GROUPS
from analysis.facts.data_access import UNKNOWN_TABLE

__all__ = ["ENOUGH_TRACES", "changes_of", "edges_of", "nodes_of", "tables_of"]

Facts = Mapping[str, pd.DataFrame]
Edge = tuple[str, str, str]

#: Traces on each side below which nothing is said: with fewer, two groups in sixteen hold one or none.
ENOUGH_TRACES: Final = 30
_EDGE: Final = ["caller", "callee", "kind"]


def nodes_of(before: Facts, after: Facts) -> pd.DataFrame:
    """Return the services, stores and others that are in one review only.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``kind`` (service, database, cache, queue, external), ``change`` (appeared or vanished).
    """
    kinds = [_kinds(before), _kinds(after)]
    rows = [(name, kind, "appeared") for name, kind in sorted(kinds[1] - kinds[0])]
    rows += [(name, kind, "vanished") for name, kind in sorted(kinds[0] - kinds[1])]
    return pd.DataFrame(rows, columns=["name", "kind", "change"])


def _kinds(facts: Facts) -> set[tuple[str, str]]:
    calls, operations = facts["calls"], facts["operations"]
    found = {
        (str(name), str(kind))
        for end in ("caller", "callee")
        for name, kind in zip(calls[end], calls[f"{end}_kind"], strict=True)
    }
    return {pair for pair in found if pair[1] != "user"} | {
        (str(name), "service") for name in operations["service"] if name
    }


def tables_of(before: Facts, after: Facts) -> pd.DataFrame:
    """Return who uses which table in one review only.

    Returns
    -------
    pandas.DataFrame
        ``store``, ``table``, ``service``, ``mode`` (read, write, unknown), ``change`` (appeared or vanished).
    """
    uses = [_uses(before), _uses(after)]
    rows = [(*use, "appeared") for use in sorted(uses[1] - uses[0])]
    rows += [(*use, "vanished") for use in sorted(uses[0] - uses[1])]
    return pd.DataFrame(rows, columns=["store", "table", "service", "mode", "change"])


def _uses(facts: Facts) -> set[tuple[str, str, str, str]]:
    access = facts["data_access"]
    known = access[access["table"] != UNKNOWN_TABLE]
    return {tuple(map(str, row)) for row in known[["store", "table", "service", "mode"]].itertuples(index=False)}  # type: ignore[misc] # four columns make four texts


def edges_of(before: Facts, after: Facts) -> pd.DataFrame:
    """Return every edge of either review.

    Returns
    -------
    pandas.DataFrame
        ``caller``, ``callee``, ``kind``, ``change`` (appeared, vanished, or "" where it is in both), ``calls_before``,
        ``calls`` (0 where it is not there), ``caller_kind``, ``callee_kind``.
    """
    both = [_calls(before), _calls(after)]
    rows: list[tuple[Any, ...]] = []
    for edge in sorted(both[0].keys() | both[1].keys()):
        calls = [side[edge][0] if edge in side else 0 for side in both]
        change = "appeared" if edge not in both[0] else "vanished" if edge not in both[1] else ""
        rows.append((*edge, change, *calls, *(both[1].get(edge) or both[0][edge])[1:]))
    columns = [*_EDGE, "change", "calls_before", "calls", "caller_kind", "callee_kind"]
    return pd.DataFrame(rows, columns=columns)


def _calls(facts: Facts) -> dict[Edge, tuple[int, str, str]]:
    columns = [*_EDGE, "calls", "caller_kind", "callee_kind"]
    found: dict[Edge, tuple[int, str, str]] = {}
    for caller, callee, kind, calls, *kinds in facts["calls"][columns].itertuples(index=False, name=None):
        known = found.get((caller, callee, kind), (0, *kinds))
        found[caller, callee, kind] = (known[0] + int(calls), known[1], known[2])
    return found


def changes_of(before: Facts, after: Facts) -> pd.DataFrame:
    """Compare calls, errors and durations of the edges that are in both reviews.

    Returns
    -------
    pandas.DataFrame
        ``caller``, ``callee``, ``kind``, ``measure`` (a key of :data:`analysis.compare.noise.MEASURES`), ``before``,
        ``after``, ``low`` and ``high`` (99 % interval of the change; not numbers where it was not needed),
        ``traces_before``, ``traces``, and ``verdict``: ``worse`` or ``better`` where the change is larger than chance
        explains and than is worth a word, ``chance`` where it is not, ``same`` where it is too small to matter,
        ``too few`` where there are not enough traces to tell.
    """
    sides = [_sampled(before), _sampled(after)]
    rows: list[tuple[Any, ...]] = []
    for edge in sorted(sides[0].keys() & sides[1].keys()):
        old, new = sides[0][edge], sides[1][edge]
        traces = (int(old.traces.sum()), int(new.traces.sum()))
        for name, measure in MEASURES.items():
            values = (measure.value(old), measure.value(new))
            if not np.isfinite(values).all():
                continue
            low = high = float("nan")
            if not measure.worth_a_word(*values):
                verdict = "same"
            elif min(traces) < ENOUGH_TRACES:
                verdict = "too few"
            else:
                low, high = interval(measure, old, new)
                verdict = "worse" if low > 0 else "better" if high < 0 else "chance"
            rows.append((*edge, name, *values, low, high, *traces, verdict))
    columns = [*_EDGE, "measure", "before", "after", "low", "high", "traces_before", "traces", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _sampled(facts: Facts) -> dict[Edge, Sampled]:
    found: dict[Edge, Sampled] = {}
    if "call_samples" not in facts:
        return found
    columns = [*_EDGE, "group", "calls", "errors", "traces", "latency"]
    for caller, callee, kind, group, calls, errors, traces, latency in facts["call_samples"][columns].itertuples(
        index=False, name=None
    ):
        edge = found.setdefault((caller, callee, kind), _nothing())
        edge.calls[group], edge.errors[group], edge.traces[group] = calls, errors, traces
        edge.latency[group] = latency  # type: ignore[index] # a list while it is filled
    return found


def _nothing() -> Sampled:
    return Sampled(np.zeros(GROUPS), np.zeros(GROUPS), np.zeros(GROUPS), [Histogram()] * GROUPS)
