"""What names a run: who calls whom with what, how its calls lie, and what its values tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.facts._numbering import combined, firsts
from analysis.facts._repeated_calls import Calls, certain_values, places_called
from analysis.facts._runs import Runs, sources
from analysis.forest import Codes, Forest

__all__ = ["SPREADS", "VERDICTS", "keys_of", "spread_of", "verdict_of"]

SPREADS: Final = ("siblings", "cousins", "pattern")
#: ``retry``: one call, tried again after it failed. ``polling``: nothing changes but time. ``scatter``: every call goes
#: to another place, at once. ``distinct``, ``identical`` and ``unknown`` tell of the values asked for.
VERDICTS: Final = ("distinct", "identical", "unknown", "retry", "polling", "scatter")
_DISTINCT, _IDENTICAL, _UNKNOWN, _RETRY, _POLLING, _SCATTER = range(len(VERDICTS))
#: Someone who polls waits long, and longer than for the answers.
_PAUSE_NS: Final = 100_000_000
_PAUSES_PER_CALL: Final = 10
_JOIN: Final = "; "
#: Which verdict a pattern takes from its parts: the lowest number.
_WEIGHT: Final = np.argsort([_RETRY, _POLLING, _DISTINCT, _UNKNOWN, _IDENTICAL, _SCATTER])

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


def spread_of(runs: Runs) -> npt.NDArray[np.int32]:
    """Return how the calls of each run lie, as codes of :data:`SPREADS`."""
    return np.where(runs.pattern >= 0, 2, runs.spread).astype(np.int32)


def verdict_of(
    forest: Forest, calls: Calls, runs: Runs, measured: Mapping[str, Int64s]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return for each run a code of :data:`VERDICTS`, and whether at least half of its calls overlap."""
    size = np.diff(runs.offset)
    concurrent = (size > 1) & (2 * measured["overlaps"] >= size - 1)
    differ = measured["values"] > 1
    pauses, known = measured["pauses"], measured["known"]
    long = (pauses >= _PAUSE_NS * np.maximum(size - 1, 1)) & (pauses // _PAUSES_PER_CALL >= measured["busy"])
    alike = ~differ & ((known == 0) | (known == size))
    verdict = np.where(_certain(forest, calls, runs, alike), _IDENTICAL, _UNKNOWN)
    verdict = np.where(differ, _DISTINCT, verdict)
    verdict = np.where((size > 2) & long & ~differ, _POLLING, verdict)
    scattered = _scattered(forest, calls, runs, concurrent & calls.remote[runs.first])
    verdict = np.where(scattered, _SCATTER, verdict)
    verdict = np.where((measured["logical"] == 1) & (measured["retries"] > 0), _RETRY, verdict)
    return _one_a_pattern(runs, verdict, concurrent)


def keys_of(forest: Forest, calls: Calls, runs: Runs, entry: Int32s) -> dict[str, Codes]:
    """Return the texts that name each run; those of a pattern name it as a whole."""
    first = runs.first
    rows = calls.rows[first]
    local, top = entry[rows], forest.root[rows]
    lost = runs.node < 0
    service, operation = forest.codes("service"), forest.codes("operation")
    source = sources(forest, calls, entry, runs)
    return {
        "entry_service": Codes(service.codes[top], service.values),
        "entry_operation": Codes(np.where(lost, -1, operation.codes[top]).astype(np.int32), operation.values),
        "service": Codes(service.codes[rows], service.values),
        "operation": Codes(np.where(lost, -1, operation.codes[local]).astype(np.int32), operation.values),
        "category": _category(calls, runs),
        "template": _patterned(forest, calls, runs),
        "target": _led(runs, _codes_of(calls.target, first)),
        "source": _led(runs, _codes_of(calls.template, source)),
        "scope": _led(runs, _codes_of(calls.scope, first)),
    }


def _codes_of(codes: Codes, chosen: Int64s) -> Codes:
    if not len(codes.codes):
        return Codes(np.zeros(0, np.int32), codes.values)
    return Codes(np.where(chosen >= 0, codes.codes[chosen], -1).astype(np.int32), codes.values)


def _led(runs: Runs, codes: Codes) -> Codes:
    """Give the runs of a pattern what its first run has."""
    return Codes(codes.codes[runs.leader], codes.values)


def _category(calls: Calls, runs: Runs) -> Codes:
    """Return the category of each run; a pattern that asks a database at all is one of database calls."""
    category = _codes_of(calls.category, runs.first)
    asks = np.zeros(runs.count, bool)
    np.logical_or.at(asks, runs.leader, category.equal("database"))
    codes = np.where(asks[runs.leader], category.code("database"), category.codes)
    return Codes(codes.astype(np.int32), category.values)


def _patterned(forest: Forest, calls: Calls, runs: Runs) -> Codes:
    """Return the template of each run; the runs of a pattern have those of all, joined in the order of their calls."""
    template = _codes_of(calls.template, runs.first)
    codes, values = template.codes.copy(), list(template.values)
    known: dict[str, int] = {}
    inside = np.flatnonzero(runs.pattern >= 0)
    first = runs.first[inside]
    rows = calls.rows[first]
    what: list[npt.NDArray[Any]] = [codes.codes[first] for codes in (calls.category, calls.target, calls.template)]
    by: list[npt.NDArray[Any]] = [*what, forest.codes("service").codes[rows], forest.start[rows], runs.leader[inside]]
    order = inside[np.lexsort(by)]
    for members in np.split(order, np.flatnonzero(np.diff(runs.leader[order])) + 1) if len(order) else ():
        text = _JOIN.join(template.values[code] if code >= 0 else "" for code in template.codes[members])
        if text not in known:
            known[text] = len(values)
            values.append(text)
        codes[members] = known[text]
    return Codes(codes, tuple(values))


def _one_a_pattern(
    runs: Runs, verdict: npt.NDArray[Any], concurrent: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Judge a pattern as one: it is retried or polled if a part is, its values differ if those of a part do."""
    rank = np.full(runs.count, len(_WEIGHT), np.int64)
    np.minimum.at(rank, runs.leader, _WEIGHT[verdict])
    together = np.ones(runs.count, bool)
    np.logical_and.at(together, runs.leader, concurrent)
    return np.argsort(_WEIGHT)[rank[runs.leader]].astype(np.int32), together[runs.leader]


def _certain(forest: Forest, calls: Calls, runs: Runs, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the runs, of some, of which the hashes of all calls tell their values."""
    inside = np.flatnonzero(asked[runs.of_call])
    uncertain = runs.of_call[inside[~certain_values(forest, calls, runs.call[inside])]]
    return np.asarray(asked & (np.bincount(uncertain, minlength=runs.count) == 0))


def _scattered(forest: Forest, calls: Calls, runs: Runs, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the runs, of some, whose calls go each to another place, all of them known."""
    inside = np.flatnonzero(asked[runs.of_call])
    run, place = runs.of_call[inside], places_called(forest, calls, runs.call[inside])
    count = np.bincount(run[firsts(combined(run, place))], minlength=runs.count)
    unknown = np.bincount(run[place < 0], minlength=runs.count)
    return np.asarray(asked & (unknown == 0) & (count == np.diff(runs.offset)))
