"""Serial calls.

What it finds
-------------
Different questions asked one after the other, though, as far as the trace tells, none needs the answer of another.

Why it matters
--------------
The request takes the sum of the calls where it could take the longest of them. It is the cheapest time to win: no
service changes but the one that asks.

How it decides
--------------
By calls under one span, of services or of databases, that change nothing, succeed and do not overlap. A pause longer
than the calls around it means work in between and ends the series; so does a call that changes something. Reported are
series of ``questions`` different templates (3, house default), or of two if the shorter one takes ``slow_ms`` (500) or
more at the median. Parallel calls would take as long as the longest: they save the sum less the longest, of the times
on the critical path. Worth fixing is a median saving of ``saving_ms`` (100) or more. The limit of the saving
is that of Sentry's detectors of consecutive calls and queries.

Spans do not record what a call answers, so that nothing tells whether the next call asks with it: each finding is a
candidate, and severity is ``low`` at most.

Example
-------
Flagged: the home page asks for customer, products, recommendations, cart, news and stock, one after the other.
Better: it asks for all that do not need each other at once.

What it can mistake
-------------------
Real dependence of the data: the answer of one call decides whether, or what, the next one asks. Queries of one
transaction share a connection and cannot run at once.

What to do
----------
Send those that do not need each other at once (futures, gather, a thread pool), and await them together.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, entries, largest_share, shortened
from analysis.detectors._rows import Rows
from analysis.facts.series import SEPARATOR
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

_SENTRY: Final = "Sentry, consecutive HTTP and consecutive DB detectors"
INFO: Final = Info(
    name="serial_calls",
    family="chatty",
    title="Serial calls",
    facts=("series", "requests", "operations"),
    limits={
        "questions": Limit(3, "questions", "different questions one after the other"),
        "slow_ms": Limit(500, "ms", "two questions count if the shorter takes this long, at the median"),
        "saving_ms": Limit(100, "ms", "worth fixing from this median saving on", _SENTRY),
    },
)
_SUBJECT: Final = ("service", "operation", "remote")
_SENSITIVE_TO: Final = ("compressed", "kinds", "orphans", "sampling", "resolution")
#: How sure it is that calls do not depend on each other's answers: of these nothing is recorded.
_INDEPENDENT: Final = 0.5


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations ask one after the other what they could ask at once."""
    operations = evidence["operations"]
    if not (operations["kind"] == "client").any():
        missing = ("spans of calls to other services or stores that say their kind (client)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    series = evidence.rows("series")
    counts = [_counts(different, second, limits) for different, second in _sizes(series)]
    findings = [
        _finding(evidence, limits, service, operation, rows, remote=remote)
        for (service, operation, remote), rows in series.only(np.array(counts, np.bool_)).groups(*_SUBJECT)
    ]
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _sizes(rows: Rows) -> list[tuple[int, float]]:
    seconds = [second.percentile(0.5) for second in rows["second_per_request"]]
    return list(zip(rows["different"].tolist(), seconds, strict=True))


def _counts(different: int, second_ns: float, limits: Limits) -> bool:
    return different >= limits["questions"] or second_ns >= limits["slow_ms"] * 1e6


def _finding(evidence: Evidence, limits: Limits, service: str, operation: str, rows: Rows, *, remote: bool) -> Finding:
    affected = affected_traces(evidence, rows["traces"])
    critical, saving = (rows.histogram(f"{name}_per_request") for name in ("critical", "saving"))
    saved = saving.percentile(0.5)
    seen = {questions: asking.total("requests") for (questions,), asking in rows.groups("questions")}
    # Where several are asked as often, the first of them.
    most = max(seen, key=lambda questions: seen[questions])
    asked = most.split(SEPARATOR)
    background = bool(rows["background"].all())
    different = int(rows.where(questions=most)["different"].max())
    what = "services" if remote else "queries"
    considered = ["what calls answer is not recorded: a candidate, severity is low at most"]
    if not remote:
        considered.append("queries of one transaction share a connection and cannot run at once")
    if background:
        considered.append("a background job or message: no user waits")
    considered.append("calls that change something, fail or overlap, and longer pauses, end a series")
    waited = rows.only(~rows["background"])
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        _INDEPENDENT,
        _SENSITIVE_TO,
        considered,
        severity="low" if saved >= limits["saving_ms"] * 1e6 else "info",
        title=f"{operation} of {service} asks {different} {what} one after the other",
        summary=(
            f"{len(seen)} series of calls, most often {'; '.join(shortened(text) for text in asked)}. Asked at once "
            f"they would save {duration(ms(saved))} at the median, {duration(ms(saving.percentile(PERCENTILE)))} at "
            "p95."
        ),
        services=(service,),
        subject={"service": service, "operation": operation, "calls": "services" if remote else "stores"},
        measures={
            "saving_ms_p50": ms(saved),
            "saving_ms_p95": ms(saving.percentile(PERCENTILE)),
            "different": different,
            "questions": asked,
            "series": rows.total("requests"),
            "calls": rows.total("calls"),
            "saved_share_of_p95": largest_share(evidence, waited, "saving_per_request"),
            "entries": entries(rows),
        },
        cost=on_path(critical, rows["critical_ns"].sum()),
        saving={
            "critical_path_ms_p50": ms(saved),
            "critical_path_ms_p95": ms(saving.percentile(PERCENTILE)),
            "total_ms": ms(rows["saving_ns"].sum()),
        },
        exemplars=examples(rows.exemplars, saved),
        remedy="Ask at once what does not need the answer of another (futures, gather), and await it together.",
    )
