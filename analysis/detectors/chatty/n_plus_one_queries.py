"""N+1 queries.

What it finds
-------------
One statement run again and again within a request where one statement for all would do: a query for a list, then a
query for each of its rows. Also several statements in turn (A B C A B C), and statements spread under several spans
of one ancestor, such as a resolver for each item.

Why it matters
--------------
Every repetition pays the way to the database and back. The cost grows with the data, not with the code: it passes
every test on ten rows and takes the page down at a thousand.

How it decides
--------------
A run is calls of one statement, its values taken out, on one store by one operation: under one span, or under several
spans of one ancestor at most three levels above, inside the service. It counts from ``repeats`` calls on (5, as in
Sentry's detector of N+1 queries); a pattern from ``pattern_repeats`` rounds on (house default 3). A span that stands
for fifty counts as fifty. Statements that control transactions or test a connection are no queries.

Worth fixing is a run whose calls are open for ``cost_ms`` (50, as in Sentry's detector) or more: the union of their
times, at p95 over the requests that have it. Severity then follows from what one call would save: its share of the
p95 of an entry operation, on the critical path, requests without the run included.

The values must differ. Where the instrumentation hides them, confidence rests on hints: the scope of an object
mapper, a read right before the run, durations that differ by half or more. Where all values are seen and equal the
run is told as redundant calls: asking once and keeping the answer mends it, not a batch. What these leave out (calls
at once, writes in between) is reported here as identical queries, for information.

Example
-------
Flagged: ``SELECT … FROM orders``, then 40 times ``SELECT … FROM items WHERE order_id = ?``.
Better: ``SELECT … FROM items WHERE order_id IN (…)``, or a join.

What it can mistake
-------------------
A job that works through rows one by one on purpose (severity is low at most where no user waits). Pages of one long
answer, and reads of a cache (both for information only). Batches of a long list, where the statement takes one: the
finding says so. Attempts of a query that failed, and polling, are no runs; what was left out is listed with the answer.
Values hidden by the instrumentation may be all the same.

What to do
----------
Fetch what the loop asks for at once: a join, ``IN (…)``, eager loading of the mapper, a batch loader where resolvers
ask one by one; for writes a statement with many rows.
"""

from __future__ import annotations

import re
from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits
from analysis.detectors._building import finding
from analysis.detectors._requests import shortened
from analysis.detectors.chatty._repetition import (
    Repetition,
    object_mapper,
    repetitions,
    set_aside,
    without_redundant,
)
from analysis.findings import Assessment, Finding, Severity

__all__ = ["INFO", "judge"]

_SENTRY: Final = "Sentry, N+1 query detector"
INFO: Final = Info(
    name="n_plus_one_queries",
    family="chatty",
    title="N+1 queries",
    facts=("sibling_runs", "requests", "coverage"),
    limits={
        "repeats": Limit(5, "calls", "a run counts from this many calls on", _SENTRY),
        "pattern_repeats": Limit(3, "rounds", "a pattern of several statements counts from this many rounds on"),
        "cost_ms": Limit(50, "ms", "worth fixing from this union of the calls' times on, at p95", _SENTRY),
    },
    after=("redundant_calls",),
)
_SENSITIVE_TO: Final = ("compressed", "orphans", "sampling", "truncated_statements")
_CATEGORIES: Final = ("database", "cache")
_WRITES: Final = re.compile(r"(INSERT|UPDATE|DELETE|MERGE|REPLACE|UPSERT)\b", re.IGNORECASE)
#: What a statement has that asks for, or writes, what a list holds; of how many, the template does not say.
_LISTS: Final = re.compile(r"\bIN ?\(\?\)|\b(?:ANY|UNNEST) ?\(\?", re.IGNORECASE)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations run one statement again and again."""
    coverage = evidence["coverage"]
    calls, stated = int(coverage["data_calls"].sum()), int(coverage["with_statement"].sum())
    if not stated:
        missing = f"db.query.text of {calls:,} data calls" if calls else "spans of data calls with db.query.text"
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(missing,))
    # Among data calls without a statement are those that connect: only a service without any statement leaves a gap.
    silent = coverage.loc[(coverage["data_calls"] > 0) & (coverage["with_statement"] == 0), "service"]
    partly = tuple(f"db.query.text of the data calls of {service}" for service in sorted(silent))
    runs, redundant = without_redundant(repetitions(evidence, limits, _CATEGORIES))
    findings = tuple(_finding(item) for item in runs)
    suppressed = (*set_aside(evidence, limits, _CATEGORIES), *redundant)
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", findings, partly, suppressed)


def _finding(run: Repetition) -> Finding:
    evidence = run.evidence
    cached = bool((run.rows["category"] == "cache").all())
    level: Severity = run.severity(worth=not (run.identical or cached or run.pages))
    measures = run.measures | {
        "category": "cache" if cached else "database",
        "values": _values(run),
        "statements": list(run.templates),
        "source": _source(run),
    }
    return finding(
        evidence,
        INFO,
        run.limits,
        run.affected,
        run.confidence_of_values,
        _SENSITIVE_TO,
        _considered(run, cached),
        severity=level,
        title=_title(run, cached),
        summary=_summary(run, cached),
        services=(run.service,),
        subject={
            "service": run.service,
            "operation": run.operation,
            "template": run.template,
            "target": run.target,
        },
        measures=measures,
        cost=run.cost(),
        saving=run.saving(),
        exemplars=run.exemplars(),
        remedy=_remedy(run, cached),
    )


def _values(run: Repetition) -> str:
    """Say what is known of the values: identical, distinct, hidden, or mixed."""
    if run.identical:
        return "identical"
    differing = run.share_where("verdict", "distinct")
    return "distinct" if differing == 1.0 else "hidden" if differing == 0.0 else "mixed"


def _source(run: Repetition) -> str:
    """Return the read that most often ran right before; ties by name; "" where none did."""
    runs = {source: rows.total("runs") for (source,), rows in run.rows.groups("source") if source}
    return max(runs, key=lambda source: runs[source], default="")


def _writes(run: Repetition) -> bool:
    return all(_WRITES.match(text) for text in run.templates)


def _title(run: Repetition, cached: bool) -> str:
    what = shortened(run.template)
    if run.identical:
        return f"{run.where} runs the identical {'cache read' if cached else 'query'} {run.times}: {what}"
    if run.pattern:
        return f"{run.where} runs {len(run.templates)} statements in turn, {run.times} in all: {what}"
    if cached:
        return f"{run.where} makes cache reads one by one, {run.times}: {what}"
    return f"{run.where} runs one statement {run.times}: {what}"


def _summary(run: Repetition, cached: bool) -> str:
    measures = run.measures
    kind = "cache reads" if cached else "queries"
    what = f"{len(run.templates)} statements in turn" if run.pattern else "one statement"
    median, at_p95 = measures["calls_per_trace_p50"], run.calls_p95
    parts = [
        f"{run.where} makes {median:g} {kind} of {what} in a request (median; p95 {at_p95:g}), on {run.target}.",
        run.price(),
    ]
    if source := _source(run):
        parts.append(f"Right before runs {shortened(source)}, whose rows may be what is looped over.")
    return " ".join(parts)


def _takes_list(run: Repetition) -> bool:
    return any(_LISTS.search(template) for template in run.templates)


def _considered(run: Repetition, cached: bool) -> list[str]:
    said = []
    values = _values(run)
    if run.identical:
        said.append("all values are seen and equal: redundant rather than N+1, so it is for information only")
    elif values == "hidden":
        hints = [
            "an object mapper makes the calls" if object_mapper(run.rows["scope"]) else "no object mapper is named",
            "a read ran right before" if _source(run) else "no read ran right before",
            "durations differ by half or more" if run.uneven else "durations hardly differ",
        ]
        said.append(f"the instrumentation hides the values; judged by hints: {', '.join(hints)}")
    else:
        share = run.measures["distinct_values_share"]
        said.append(f"the values differ: {share:.0%} of the calls ask for something of their own")
    if cached:
        said.append("cache reads: a key at a time is cheap and often meant, so it is for information only")
    if _takes_list(run):
        said.append("a statement takes a list: what runs again may be batches already")
    return said + run.considered()


def _remedy(run: Repetition, cached: bool) -> str:
    if run.identical:
        return "Ask once and keep the answer for the rest of the request."
    if cached:
        return "Read the keys at once (MGET, a pipeline), if the time matters."
    if run.pages:
        return "Read larger pages, or stream the answer; where the pages are all needed, ask without paging."
    if _takes_list(run) and run.share_where("spread", "cousins") < 0.5:
        return "The statement takes a list: ask with larger ones, or leave the whole to the database (a join)."
    if _writes(run):
        return "Write the rows at once: one statement with many rows, or the driver's batch."
    if run.share_where("spread", "cousins") >= 0.5:
        return "Collect what the spans ask for and fetch it at once: a batch loader, or a join in the query above."
    remedy = "Fetch what the loop asks for at once: a join, or one statement with IN (…)"
    mapper = object_mapper(run.rows["scope"])
    return f"{remedy}; with this mapper {mapper}." if mapper else f"{remedy}."
