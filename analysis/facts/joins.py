"""Repeated calls to one endpoint of another service, and which services had answered before the first of them.

That is what joining looks like when a service does it: lists from some, then the parts from another, one by one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels import grouping
from analysis.facts import _accesses, _outgoing
from analysis.facts._accesses import accesses_of
from analysis.facts._ancestry import local_entries
from analysis.facts._numbering import combined, firsts, largest_of, ranked, sorted_within
from analysis.facts._once import critical_below
from analysis.facts._outgoing import outgoing, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, together
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = tuple(
    dict.fromkeys((*_accesses.COLUMNS, *_outgoing.COLUMNS, "http_route", "url_path", "parameters", "multiplicity"))
)
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the request's topmost span"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("target", pa.string(), "key", "", "service that it calls again and again"),
    Field("template", pa.string(), "key", "", "the callee's route, else what is called as the caller says it"),
    Field(
        "sources",
        pa.string(),
        "key",
        "",
        "services that had answered it from a store before the first of these calls, sorted",
        separator=SEPARATOR,
    ),
    Field("length", pa.int64(), "key", "calls", "calls: exact to 16, then the power of two at or below, at least 17"),
    Field("joins", pa.int64(), "sum", "joins", "visits of the operation that call so"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls"),
    Field("values", pa.int64(), "sum", "values", "distinct values that they ask for, as far as they are known"),
    Field("hidden", pa.int64(), "sum", "calls", "of the calls, those whose values are not known"),
    Field("stored", pa.int64(), "sum", "calls", "of the calls, those that the callee answered from a store"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the calls and all below them on the critical path"),
    Field("saving_ns", pa.int64(), "sum", "ns", "of this, all but the longest call"),
    Field("calls_per_join", HISTOGRAM, "histogram", "calls", "calls of a visit"),
    Field("critical_per_join", HISTOGRAM, "histogram", "ns", "critical_ns of a visit"),
    Field("saving_per_join", HISTOGRAM, "histogram", "ns", "saving_ns of a visit"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the calls by start, the first hundred at most"),
)
_MOST_SPANS: Final = 100
#: Of more services that answered one visit, the first these many are looked at.
_MOST_SOURCES: Final = 32

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the repeated calls of one partition."""
    out = outgoing(forest)
    service = forest.service.codes
    kept = np.flatnonzero((out.server >= 0) & ~out.failed & (service[out.rows] >= 0))
    kept = kept[(service[out.server[kept]] >= 0) & (service[out.server[kept]] != service[out.rows[kept]])]
    row, server, entry = out.rows[kept], out.server[kept], out.entry[kept].astype(np.int64)
    callee = service[server].astype(np.int64)
    stored = np.zeros(forest.size, np.bool_)
    stored[local_entries(forest)[accesses_of(forest).rows]] = True
    template = _templates(forest, server, Codes(out.template.codes[kept], out.template.values))
    group = combined(combined(entry, callee), template.codes)
    many = _added(group, forest.multiplicity[row], int(group.max(initial=-1)) + 1)
    # Most calls are made once: from here on there are only the others, in groups numbered anew.
    chosen = np.flatnonzero(many >= 2)
    count = len(chosen)
    inside, group = _among(group, chosen, len(many))
    many, first_call = many[chosen], inside[firsts(group)]
    top, target, called = entry[first_call], callee[first_call], template.codes[first_call]
    asked = np.zeros(forest.size, np.bool_)
    asked[top] = True
    answering = np.flatnonzero(stored[server] & asked[entry])
    answered = entry[answering], callee[answering], forest.end[row[answering]]
    row, server = row[inside], server[inside]
    owner, before = _answered_before(*answered, top, _least(group, forest.start[row], count))
    shown = np.concatenate([before, np.full(count, len(forest.service.values), np.int64)])
    # Every visit has a member, so that those without a source are told too; the empty name is taken off again.
    names = (*forest.service.values, "")
    rank = np.argsort(np.argsort(np.array(names, object), kind="stable"), kind="stable").astype(np.int64)
    ordered = tuple(sorted(names))
    _, sources, texts = together(np.concatenate([owner, np.arange(count)]), rank[shown], ordered)
    texts = tuple(text.removeprefix(SEPARATOR) for text in texts)
    values = (
        forest.array("parameters")
        .astype(np.uint64)[np.where(forest.codes("url_path").codes[row] >= 0, row, server)]
        .view(np.int64)
    )
    pair = firsts(combined(group, values))
    on_path = critical_below(forest)[row]
    critical = _added(group, on_path, count)
    longest = largest_of(group, on_path, count)
    offset, rows = _shown(group, row, forest.start[row], count)
    one = np.ones(count, np.int64)
    # In order of the trace, as gathering wants it: visits are numbered by row, and rows are ordered by trace.
    saving = np.maximum(critical - longest, 0)
    operation = forest.codes("operation")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, top),
                "service": Codes(service[top], forest.service.values),
                "operation": Codes(operation.codes[top], operation.values),
                "target": Codes(target.astype(np.int32), forest.service.values),
                "template": Codes(called, template.values),
                "sources": Codes(sources.astype(np.int32), texts),
                "length": _stepped(many),
            },
            trace=forest.trace_of[top],
            sums={
                "joins": one,
                "calls": many,
                "values": np.bincount(group[pair][values[pair] != 0], minlength=count),
                "hidden": _added(group, values == 0, count),
                "stored": _added(group, stored[server], count),
                "critical_ns": critical,
                "saving_ns": saving,
            },
            histograms={
                "calls_per_join": (many, one),
                "critical_per_join": (critical, one),
                "saving_per_join": (saving, one),
            },
            exemplar_value=critical,
            span_offset=offset,
            span_rows=rows,
        ),
    )


def _templates(forest: Forest, server: Int64s, called: Codes) -> Codes:
    """Return the callee's route where it has one, else what is called as the caller says it."""
    route = forest.codes("http_route").codes[server] >= 0
    of_callee = taken(forest.codes("template"), np.where(route, server, -1))
    codes = np.where(of_callee.codes >= 0, of_callee.codes + len(called.values), called.codes)
    return Codes(codes.astype(np.int32), (*called.values, *of_callee.values))


def _among(group: Int64s, chosen: Int64s, count: int) -> tuple[Int64s, Int64s]:
    """Return the entries of chosen groups, and the place of the group of each among these."""
    place = np.full(count, -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    of = place[group]
    inside = np.flatnonzero(of >= 0)
    return inside, of[inside]


def _answered_before(
    entry: Int64s, callee: Int64s, end: Int64s, of_group: Int64s, start: Int64s
) -> tuple[Int64s, Int64s]:
    """Return pairs of a group (its place) and a service that had answered its visit from a store before it started.

    First come the calls that were answered from a store: visit, callee and end; then the groups: visit and start.
    """
    visit = combined(entry, callee)
    first = firsts(visit)
    earliest = _least(visit, end, len(first))
    entry, callee = entry[first], callee[first]
    # Visits are in order of their entry, then of the callee: so are those that were answered at once.
    number = ranked(entry)
    _, order = sorted_within(number, earliest, int(number.max(initial=-1)) + 1)
    entry, callee, earliest = entry[order], callee[order], earliest[order]
    begin = np.searchsorted(entry, of_group, "left")
    size = np.minimum(np.searchsorted(entry, of_group, "right") - begin, _MOST_SOURCES)
    group = np.repeat(np.arange(len(of_group)), size)
    place = np.repeat(begin, size) + np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    earlier = earliest[place] <= start[group] if len(group) else np.zeros(0, np.bool_)
    return group[earlier].astype(np.int64), callee[place[earlier]]


def _added(group: Int64s, values: npt.NDArray[Any], count: int) -> Int64s:
    total = np.zeros(count, np.int64)
    grouping.add_up(group.astype(np.int32), np.ascontiguousarray(values, np.int64), total)
    return total


def _least(group: Int64s, values: Int64s, count: int) -> Int64s:
    least = np.full(count, np.iinfo(np.int64).max, np.int64)
    grouping.find_smallest(group.astype(np.int32), np.ascontiguousarray(values, np.int64), least)
    return least


def _stepped(length: Int64s) -> Int64s:
    """Keep lengths to 16, and of longer ones 17 or the power of two at or below them: few steps, few rows."""
    power = np.int64(1) << np.floor(np.log2(np.maximum(length, 1))).astype(np.int64)
    return np.where(length <= 16, length, np.maximum(power, 17))


def _shown(group: Int64s, row: Int64s, start: Int64s, count: int) -> tuple[Int64s, Int64s]:
    """Return the rows of the calls of each group, by start."""
    order = np.lexsort((row, start, group))
    begins = np.searchsorted(group[order], np.arange(count + 1))
    few = np.arange(len(order)) - begins[group[order]] < _MOST_SPANS
    return np.searchsorted(group[order][few], np.arange(count + 1)), row[order][few]
