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
from analysis.facts._grouping import number_of
from analysis.facts._numbering import added, combined, firsts, largest_of, ranked, sorted_within, together_by
from analysis.facts._once import calls_of, critical_of_calls, listed_by_start
from analysis.facts._reads import asking, places_of
from analysis.facts._repeated_calls import Calls, certain_values
from analysis.facts._run_kernels import waited_for
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
    calls = calls_of(forest)
    asks = asking(forest, calls)
    places = places_of(forest, calls, asks)
    by_depth = forest.by_depth

    def judged(chosen: Int64s) -> tuple[Int64s, Int64s, tuple[Bools, Bools, Bools, Bools]]:
        member, offset = _groups(forest, calls, chosen)
        marks = mark_repeated(
            offset,
            member,
            forest.start[calls.rows],
            forest.end[calls.rows],
            forest.error[calls.rows],
            np.maximum(forest.array("time_resolution_ns", 1)[calls.rows].astype(np.int64), 1),
            places.offset,
            places.read,
            places.written,
            places.at,
        )
        return member, offset, marks

    known = np.flatnonzero(asks)
    member, offset, marks = judged(known)
    again = np.zeros(forest.size, bool)
    again[calls.rows[member[marks[0] | marks[3]]]] = True
    again[calls.rows[_attempts(forest, calls)]] = True
    covered = below_marked(by_depth, forest.parent, again)
    if covered[calls.rows[member]].any():
        member, offset, marks = judged(known[~covered[calls.rows[known]]])
    waited = waited_for(by_depth, forest.parent, forest.blocking)
    return _gathered(forest, calls, member, offset, marks, waited, known)


def _groups(forest: Forest, calls: Calls, chosen: Int64s) -> tuple[Int64s, Int64s]:
    """Put the calls of each trace together that are certain to ask for the same, those of a group by start."""
    rows = calls.rows[chosen]
    texts = [Codes(text.codes[chosen], text.values) for text in (calls.template, calls.target, calls.category)]
    what = number_of((forest.trace_of[rows], *texts, calls.values[chosen].view(np.int64)), len(rows))[0]
    several = np.bincount(what)[what] > 1 if len(what) else np.zeros(0, bool)
    chosen, what = chosen[several], what[several]
    certain = certain_values(forest, calls, chosen)
    chosen, what = chosen[certain], what[certain]
    rows = calls.rows[chosen]
    order = sorted_within(what, forest.start[rows], int(what.max(initial=-1)) + 1)[1]
    chosen, what = chosen[order], what[order]
    several = np.bincount(what)[what] > 1 if len(what) else np.zeros(0, bool)
    chosen, what = chosen[several], what[several]
    number = ranked(what.astype(np.int64))
    return chosen.astype(np.int64), np.concatenate([[0], np.cumsum(np.bincount(number))])


def _attempts(forest: Forest, calls: Calls) -> Int64s:
    """Return the calls that follow, under one span, a failed call of the same template to the same target."""
    above = calls.above[calls.rows].astype(np.int64)
    under = np.flatnonzero(above >= 0)
    texts = [Codes(text.codes[under], text.values) for text in (calls.template, calls.target)]
    what = number_of((above[under], *texts, calls.values[under].view(np.int64)), len(under))[0]
    failed = forest.error[calls.rows[under]]
    tried = np.bincount(what, weights=failed)[what] > 0 if len(what) else np.zeros(0, bool)
    under, what = under[tried], what[tried]
    rows = calls.rows[under]
    order = sorted_within(what, forest.start[rows], int(what.max(initial=-1)) + 1)[1]
    ordered = under[order]
    after = (what[order][1:] == what[order][:-1]) & forest.error[calls.rows[ordered[:-1]]]
    attempts: Int64s = ordered[1:][after]
    return attempts


def _gathered(
    forest: Forest,
    calls: Calls,
    member: Int64s,
    offset: Int64s,
    marks: tuple[Bools, Bools, Bools, Bools],
    waited: Bools,
    known: Int64s,
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
    background = np.bincount(group[waited[rows]], minlength=count) == 0
    sizes = np.bincount(group, minlength=count)
    open_ns = added(group, np.where(repeats, forest.duration[rows], 0), count)
    critical = added(group, np.where(repeats, critical_of_calls(forest, rows), 0), count)
    one = np.ones(count, np.int64)
    seen = known[calls.values[known] != 0]
    places = np.concatenate([calls.rows[first], calls.rows[seen]]).astype(np.int64)
    # By trace, as gathering wants it.
    order = together_by(forest.trace_of[places], forest.trace_count)[1]
    alone = len(seen)

    def both(values: npt.NDArray[Any], of_seen: int = 0) -> npt.NDArray[Any]:
        return np.concatenate([values, np.full(alone, of_seen, values.dtype)])[order]

    def text(codes: Codes) -> Codes:
        return Codes(both(codes.codes[first], -1), codes.values)

    callers = _callers(forest, rows, group, count)
    span_offset, span_rows = listed_by_start(forest, group, rows, count)
    lengths = both(np.diff(span_offset))
    begins = both(span_offset[:-1])
    taken = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))
    numbers = {"calls": sizes, "open": open_ns, "critical": critical}
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                name: Codes(
                    np.concatenate([codes.codes[:count], np.full(alone, -1)])[order].astype(np.int32), codes.values
                )
                for name, codes in entry_keys(forest, places).items()
            }
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
                "requests": both(one, 1),
                "calls": both(sizes, 1),
                "questions": both(np.bincount(occurrence, minlength=count), 1),
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
    texts: dict[tuple[str, ...], int] = {}
    codes = np.zeros(count, np.int32)
    bounds = np.searchsorted(owner, np.arange(count + 1)).tolist()
    names = [*service.values, ""]
    of_pair = [names[position] for position in code.tolist()]
    for index in range(count):
        callers = tuple(sorted(of_pair[bounds[index] : bounds[index + 1]]))
        codes[index] = texts.setdefault(callers, len(texts))
    return Codes(codes, tuple(", ".join(callers) for callers in texts))
