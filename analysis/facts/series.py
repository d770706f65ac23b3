"""Series: different questions asked one after the other under one span, none of which changes anything.

Calls of stores and calls of services make series of their own. A call that changes something, or fails, ends a series:
what comes after may depend on it. So does a pause that is longer than the calls around it, and a call that overlaps.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis._kernels.numbering import largest_two, number_firsts
from analysis.facts import _accesses, _repeated_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._call_kernels import number_within
from analysis.facts._grouping import number_of
from analysis.facts._numbering import added, firsts, ranked, sorted_within
from analysis.facts._once import calls_of, critical_of_calls, listed_by_start, waited
from analysis.facts._reads import asking
from analysis.facts._repeated_calls import Calls
from analysis.facts._series import find_owners, find_series
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import named_lists
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "SEPARATOR", "scan"]

SEPARATOR: Final = "; "
COLUMNS: Final = tuple(dict.fromkeys((*_repeated_calls.COLUMNS, *_accesses.COLUMNS, "operation", "time_resolution_ns")))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("background", pa.bool_(), "key", "", "no user waits for the calls"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("operation", pa.string(), "key", "", "its operation that the calls serve"),
    Field("remote", pa.bool_(), "key", "", "calls of services rather than of stores"),
    Field("questions", pa.string(), "key", "", "the different questions, by first call: target and template"),
    Field("different", pa.int64(), "key", "questions", "how many they are"),
    Field("requests", pa.int64(), "sum", "series", "series seen"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls in them"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the calls and all below on the critical path"),
    Field("saving_ns", pa.int64(), "sum", "ns", "of this, all but the longest call"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a series"),
    Field("saving_per_request", HISTOGRAM, "histogram", "ns", "saving_ns of a series"),
    Field("second_per_request", HISTOGRAM, "histogram", "ns", "the second longest call of a series"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by saving_ns; the calls by start"),
)
#: Questions beyond this many are not named one by one.
_MOST_NAMED: Final = 12


def scan(forest: Forest) -> pa.Table:
    """Return the series of one partition."""
    calls = calls_of(forest)
    above = calls.above[calls.rows]
    able = asking(forest) & ~forest.error[calls.rows] & ~calls.category.equal("cache")
    timed = forest.has_time[calls.rows]
    under, owner, count = find_owners(above, calls.remote, able, timed, forest.size)
    order = sorted_within(owner, forest.start[calls.rows[under]], count)[1]
    chosen, owner = under[order], owner[order]
    rows = calls.rows[chosen]
    resolution = np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1)
    # Numbered in the order of their calls, hence by trace, as gathering wants it.
    series = find_series(owner, forest.start[rows], forest.end[rows], able[chosen], resolution)
    question = number_of(tuple(Codes(text.codes[chosen], text.values) for text in _asked(calls)), len(chosen))[0]
    asked, count = _numbered(series, question, np.zeros(len(series), np.int64))
    # One call for each different question of a series, the first.
    each = np.empty(count, np.int64)
    number_firsts(asked, each)
    different = np.bincount(series[each], minlength=int(series.max(initial=-1)) + 1)
    kept = different[series] > 1
    each = chosen[each[kept[each]]]
    different = different[different > 1]
    chosen, rows, series = chosen[kept], rows[kept], ranked(series[kept])
    first = firsts(series)
    count = len(first)
    critical = critical_of_calls(forest, rows)
    total = added(series, critical, count)
    longest, second = _longest_two(series, critical, count), _longest_two(series, forest.duration[rows], count)
    saving = total - longest[0]
    entry = local_entries(forest)[rows[first]]
    service, operation = forest.codes("service"), forest.codes("operation")
    one = np.ones(count, np.int64)
    span_offset, span_rows = listed_by_start(forest, series, rows, count)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows[first]),
                "background": ~waited(forest)[rows[first]],
                "service": Codes(service.codes[rows[first]], service.values),
                "operation": Codes(operation.codes[entry], operation.values),
                "remote": calls.remote[chosen[first]],
                "questions": _named(calls, each, different),
                "different": different,
            },
            trace=forest.trace_of[rows[first]],
            sums={
                "requests": one,
                "calls": np.bincount(series, minlength=count),
                "critical_ns": total,
                "saving_ns": saving,
            },
            histograms={
                "critical_per_request": (total, one),
                "saving_per_request": (saving, one),
                "second_per_request": (second[1], one),
            },
            exemplar_value=saving,
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )


def _asked(calls: Calls) -> tuple[Codes, Codes]:
    return calls.template, calls.target


def _numbered(owner: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, int]:
    """Give each combination a number; the entries of an owner lie together."""
    number = np.empty(len(owner), np.int64)
    count = number_within(owner.astype(np.int64), one.astype(np.int64), other.astype(np.int64), number)
    return number, count


def _longest_two(series: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest and the second largest value of each series; each has two calls or more."""
    largest, second = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    largest_two(series, values, largest, second)
    return largest, second


def _named(calls: Calls, each: np.ndarray, different: np.ndarray) -> Codes:
    """Return the different questions of each series as one text; ``each`` are calls that ask them, series by series."""
    template, target = (Codes(text.codes[each], text.values) for text in _asked(calls))
    question, examples = number_of((template, target), len(each))
    end = np.cumsum(different)
    begin = end - different
    targets, templates = (*target.values, ""), (*template.values, "")
    places = zip(target.codes[examples].tolist(), template.codes[examples].tolist(), strict=True)
    texts = [f"{targets[where]} {templates[what]}" for where, what in places]
    return named_lists(begin, np.minimum(end, begin + _MOST_NAMED), question, texts, SEPARATOR)
