"""Questions asked again: calls of one trace that ask one target for the same thing, whoever makes them.

Calls that change something are left out, and so are those below a call that is itself repeated, or tried again after a
failure: they repeat because it does. What is asked again because something was written in between, because the answer
was not there yet, or after a pause, is told apart by the verdict.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _accesses, _repeated_calls
from analysis.facts._call_kernels import mark_several, number_within
from analysis.facts._grouping import number_of
from analysis.facts._numbering import added, combined, firsts, largest_of, sorted_within, together_by
from analysis.facts._once import calls_of, critical_of_calls, listed_by_start, waited
from analysis.facts._reads import Places, asking, places_of
from analysis.facts._repeated_calls import Calls, certain_values
from analysis.facts._same_questions import below_marked, mark_repeated
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "VERDICTS", "scan"]

#: ``seen``: all questions whose values are known, repeated or not, without template and target.
VERDICTS: Final = ("repeated", "retry", "hedging", "polling", "written", "seen")
_REPEATED, _RETRY, _HEDGING, _POLLING, _WRITTEN, _SEEN = range(len(VERDICTS))
COLUMNS: Final = tuple(dict.fromkeys((*_repeated_calls.COLUMNS, *_accesses.COLUMNS, "operation", "time_resolution_ns")))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("background", pa.bool_(), "key", "", "no user waits for any of the calls"),
    Field("callers", pa.string(), "key", "", "services that ask", separator=", "),
    Field("category", pa.string(), "key", "", "database, cache, http or rpc"),
    Field("template", pa.string(), "key", "", "what is asked"),
    Field("target", pa.string(), "key", "", "store, or service, else peer or address"),
    Field("verdict", pa.string(), "key", "", "repeated, retry, hedging, polling, written or seen"),
    Field("requests", pa.int64(), "sum", "requests", "traces that ask again; of what was seen, calls"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("questions", pa.int64(), "sum", "questions", "questions that differ in their values"),
    Field("calls", pa.int64(), "sum", "calls", "calls that ask them"),
    Field("repeated", pa.int64(), "sum", "calls", "of these, those whose answer was there already"),
    Field("open_ns", pa.int64(), "sum", "ns", "time of the repeated calls"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the repeated calls and all below on the critical path"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls that ask again in a trace"),
    Field("open_per_request", HISTOGRAM, "histogram", "ns", "open_ns of a trace"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a trace"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the calls that ask, by start"),
)
#: Someone who polls waits long, and longer than for the answers.
_PAUSE_NS: Final = 100_000_000
_PAUSES_PER_CALL: Final = 10

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def scan(forest: Forest) -> pa.Table:
    """Return the questions of one partition that are asked again."""
    calls, asks = calls_of(forest), asking(forest)
    known = np.flatnonzero(asks)
    alike = known[_several(forest, calls, known)]
    certain = certain_values(forest, calls, alike)
    member, offset = _groups(forest, calls, alike, certain)
    places = places_of(forest, calls, asks, member)
    marks = _marked(forest, calls, member, offset, places)
    again = np.zeros(forest.size, bool)
    again[calls.rows[member[marks[0] | marks[3]]]] = True
    again[calls.rows[_attempts(forest, calls)]] = True
    covered = below_marked(forest.downwards, forest.parent, again)
    if covered[calls.rows[member]].any():
        kept = ~covered[calls.rows[alike]]
        member, offset = _groups(forest, calls, alike[kept], certain[kept])
        marks = _marked(forest, calls, member, offset, places)
    return _gathered(forest, calls, member, offset, marks, known[calls.values[known] != 0])


def _number(forest: Forest, calls: Calls, chosen: Int64s) -> tuple[Int64s, int]:
    """Give each question of a trace that some calls ask, values included, a number in order of appearance."""
    number = np.empty(len(chosen), np.int64)
    trace = forest.trace_of[calls.rows[chosen]].astype(np.int64)
    return number, number_within(trace, calls.question[chosen], calls.values[chosen].view(np.int64), number)


def _several(forest: Forest, calls: Calls, chosen: Int64s) -> Bools:
    """Mark the calls that ask what another one of their trace asks."""
    number, count = _number(forest, calls, chosen)
    several = np.empty(len(chosen), np.bool_)
    mark_several(number, np.ones(len(chosen), np.int64), count, several)
    return several


def _groups(forest: Forest, calls: Calls, chosen: Int64s, certain: Bools) -> tuple[Int64s, Int64s]:
    """Put the calls of each trace together that are certain to ask for the same, those of a group by start."""
    what, count = _number(forest, calls, chosen)
    chosen, what = chosen[certain], what[certain]
    rows = calls.rows[chosen]
    offset, order = sorted_within(what, forest.start[rows], count)
    sizes = np.diff(offset)
    return chosen[order[np.repeat(sizes > 1, sizes)]], np.concatenate([[0], np.cumsum(sizes[sizes > 1])])


def _marked(
    forest: Forest, calls: Calls, member: Int64s, offset: Int64s, places: Places
) -> tuple[Bools, Bools, Bools, Bools]:
    rows = calls.rows[member]
    return mark_repeated(
        offset,
        member,
        forest.start[rows],
        forest.end[rows],
        forest.error[rows],
        np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1),
        places.offset,
        places.read,
        places.written,
        places.at,
    )


def _attempts(forest: Forest, calls: Calls) -> Int64s:
    """Return the calls that follow, under one span, a failed call of the same template to the same target."""
    above, failed = calls.above[calls.rows], forest.error[calls.rows]
    # The last entry is where calls under no span land.
    fails_below = np.zeros(forest.size + 1, np.bool_)
    fails_below[above[failed]] = True
    fails_below[-1] = False
    under = np.flatnonzero(fails_below[above])
    texts = [Codes(text.codes[under], text.values) for text in (calls.template, calls.target)]
    what, first = number_of((above[under], *texts, calls.values[under].view(np.int64)), len(under))
    order = sorted_within(what, forest.start[calls.rows[under]], len(first))[1]
    ordered, what = under[order], what[order]
    after = (what[1:] == what[:-1]) & failed[ordered[:-1]]
    attempts: Int64s = ordered[1:][after]
    return attempts


def _gathered(
    forest: Forest,
    calls: Calls,
    member: Int64s,
    offset: Int64s,
    marks: tuple[Bools, Bools, Bools, Bools],
    seen: Int64s,
) -> pa.Table:
    single = np.repeat(np.arange(len(offset) - 1), np.diff(offset))
    rows = calls.rows[member]
    verdict_of = _verdicts(forest, calls, member, offset, single, marks)
    repeats = marks[0] & (verdict_of == _REPEATED)[single]
    # Questions that differ in their values only are one occurrence of their trace, so that costs are those of a trace.
    opening = member[offset[:-1]]
    what = combined(combined(calls.template.codes[opening], calls.target.codes[opening]), calls.category.codes[opening])
    occurrence = combined(forest.trace_of[calls.rows[opening]], combined(what, verdict_of))
    chosen = firsts(occurrence)
    count = len(chosen)
    group, first, verdict = occurrence[single], opening[chosen], verdict_of[chosen]
    background = np.bincount(group[waited(forest)[rows]], minlength=count) == 0
    sizes = np.bincount(group, minlength=count)
    open_ns = added(group, np.where(repeats, forest.duration[rows], 0), count)
    critical = added(group, np.where(repeats, critical_of_calls(forest, rows), 0), count)
    one = np.ones(count, np.int64)
    # Of what was seen the calls of one request are one occurrence: they have the same keys, and nothing but a number.
    of_request = np.bincount(forest.root[calls.rows[seen]], minlength=forest.size)
    top = np.flatnonzero(of_request)
    places = np.concatenate([calls.rows[first], top]).astype(np.int64)
    # By trace, as gathering wants it.
    order = together_by(forest.trace_of[places], forest.trace_count)[1]

    def both(values: npt.NDArray[Any], of_seen: int | Int64s = 0) -> npt.NDArray[Any]:
        return np.concatenate([values, np.broadcast_to(of_seen, len(top)).astype(values.dtype)])[order]

    def text(codes: Codes) -> Codes:
        return Codes(both(codes.codes[first], -1), codes.values)

    callers = _callers(forest, rows, group, count)
    span_offset, span_rows = listed_by_start(forest, group, rows, count)
    lengths = both(np.diff(span_offset))
    begins = both(span_offset[:-1])
    taken = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))
    numbers = {"calls": sizes, "open": open_ns, "critical": critical}
    entry = entry_keys(forest, calls.rows[first])
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={name: Codes(both(codes.codes, -1), codes.values) for name, codes in entry.items()}
            | {
                "background": both(background),
                "callers": Codes(both(callers.codes, -1), callers.values),
                "category": text(calls.category),
                "template": text(calls.template),
                "target": text(calls.target),
                "verdict": Codes(both(verdict, _SEEN), VERDICTS),
            },
            trace=forest.trace_of[places][order],
            sums={
                "requests": both(one, of_request[top]),
                "calls": both(sizes, of_request[top]),
                "questions": both(np.bincount(occurrence, minlength=count), of_request[top]),
                "repeated": both(added(group, repeats, count)),
                "open_ns": both(open_ns),
                "critical_ns": both(critical),
            },
            histograms={f"{name}_per_request": (both(values, -1), both(one, 1)) for name, values in numbers.items()},
            exemplar_value=both(critical),
            span_offset=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            span_rows=span_rows[taken],
        ),
    )


def _verdicts(
    forest: Forest,
    calls: Calls,
    member: Int64s,
    offset: Int64s,
    group: Int64s,
    marks: tuple[Bools, Bools, Bools, Bools],
) -> npt.NDArray[np.int32]:
    """Return what each group is, as codes of :data:`VERDICTS`."""
    count = len(offset) - 1
    some = [added(group, mark, count) > 0 for mark in marks]
    verdict = np.full(count, _RETRY, np.int32)
    verdict[some[2]] = _WRITTEN
    verdict[some[1]] = _HEDGING
    verdict[some[0]] = _REPEATED
    rows = calls.rows[member]
    above = calls.above[rows].astype(np.int64)
    together = np.bincount(group[above != above[offset[:-1]][group]], minlength=count) == 0
    busy = added(group, forest.duration[rows], count)
    whole = largest_of(group, forest.end[rows], count)
    whole -= forest.start[rows[offset[:-1]]]
    pauses = np.maximum(whole - busy, 0)
    sizes = np.diff(offset)
    long = (pauses >= _PAUSE_NS * np.maximum(sizes - 1, 1)) & (pauses // _PAUSES_PER_CALL >= busy)
    verdict[together & (sizes > 2) & long] = _POLLING
    return verdict


def _callers(forest: Forest, rows: Int64s, group: Int64s, count: int) -> Codes:
    """Return the services that make the calls of each group, as one text."""
    service = forest.codes("service")
    pair = firsts(combined(group, service.codes[rows])) if len(rows) else np.zeros(0, np.int64)
    owner, code = group[pair], service.codes[rows[pair]]
    bounds = np.searchsorted(owner, np.arange(count + 1))
    names = (*service.values, "")
    codes, values = code[bounds[:-1]], list(names)
    known: dict[tuple[int, ...], int] = {}
    for index in np.flatnonzero(np.diff(bounds) > 1).tolist():
        callers = tuple(code[bounds[index] : bounds[index + 1]].tolist())
        if callers not in known:
            known[callers] = len(values)
            values.append(", ".join(sorted(names[place] for place in callers)))
        codes[index] = known[callers]
    return Codes(codes, tuple(values))
