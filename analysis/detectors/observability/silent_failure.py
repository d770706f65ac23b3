"""Silent failure.

What it finds
-------------
Operations whose spans fail without saying why, operations that record an exception while their status is not error,
and operations that log an error while no span of the trace has failed.

Why it matters
--------------
A failure without a reason has to be reproduced to be understood. An exception behind a good status is in no error rate
and wakes nobody: the user gets less than was asked for, and every chart is green.

How it decides
--------------
By operation. *Unexplained*: spans with status error that have no exception, error type, status description or failing
response code, and no failed child that would explain them. *Unmarked*: spans with a recorded exception whose status
is unset, where neither the span, nor the visit of the service it belongs to, nor the request failed. A status of
"ok", set by hand, and answers of 4xx or with an RPC code are set aside: there the outcome was decided on purpose.
Worth fixing from ``spans`` such spans on (5, house default); fewer are ``info``. Unexplained failures are ``medium``
where they touch 5 % of an entry operation's requests; unmarked ones stay ``low``: the exception may have been dealt
with. *Logged*: log records of severity error or fatal in a trace none of whose spans has status error; likewise
``low`` at most. A log may hold the reason that a span lacks: where no log record names a trace, that was not looked at.

Example
-------
Flagged: ``orders`` ends 40 spans ``reserve`` with status error, and nothing else.
Better: ``span.record_exception(error)`` beside ``span.set_status(ERROR)``; or let the exception leave the span.

What it can mistake
-------------------
An exception that was caught and dealt with (a cache that falls back to the database) is recorded by some
instrumentations all the same, and logged as an error by some programs. A reason may stand in a log.

What to do
----------
Record the exception and set the status in one place, where the error is caught; set "ok" where it was dealt with.
"""

from __future__ import annotations

from typing import Final

from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="silent_failure",
    family="observability",
    title="Silent failure",
    facts=("coverage", "log_lines", "requests", "untold_failures", "untold_logs"),
    limits={
        "spans": Limit(5, "spans", "silent spans of an operation, or errors it logs, from which it is worth fixing")
    },
)
_SENSITIVE_TO: Final = ("orphans", "sampling", "logs")
_LOGS: Final = "logs: no record names a trace of the export, so errors that are only logged were not looked for"
_LOGGED: Final = (
    "Let {operation} of {service} set the span's status to error where it logs one, or log a warning where it was dealt"
    " with."
)
_REMEDIES: Final = {
    "unexplained": "Let {operation} of {service} record the exception, or set error.type, where it sets the status.",
    "unmarked": "Let {operation} of {service} set the status to error where it records an exception, or to ok where "
    "the exception was dealt with.",
}


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations fail in silence."""
    failures, logged = evidence.rows("untold_failures"), evidence.rows("untold_logs")
    missing = () if int(evidence["log_lines"]["joined"].sum()) else (_LOGS,)
    if not len(failures) and not len(logged) and not int(evidence["coverage"]["with_outcome"].sum()):
        unsaid = "span status or response codes: no span says how it ended"
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(unsaid, *missing))
    findings = []
    for (service, operation), rows in failures.groups("service", "operation"):
        for how in _REMEDIES:
            silent = rows.where(how=how)
            if len(silent):
                told = rows.where(how="told").total("spans")
                findings.append(_finding(evidence, limits, service, operation, how, silent, told))
    for (service, operation), rows in logged.groups("service", "operation"):
        findings.append(_logged(evidence, limits, service, operation, rows))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), missing)


def _finding(
    evidence: Evidence, limits: Limits, service: str, operation: str, how: str, rows: Rows, told: int
) -> Finding:
    spans = rows.total("spans")
    traces = min(rows.total("traces"), evidence.traces)
    unexplained = how == "unexplained"
    touched = _share_of_requests(evidence, rows)
    weight = Weight(passes_limits=spans >= limits["spans"], share_of_requests=touched if unexplained else 0.0)
    who = service or "an unnamed service"
    what = (
        "have status error and no exception, error type, description or code, and no failed child"
        if unexplained
        else "record an exception, and neither they nor the request they belong to have status error"
    )
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered = [
        f"{told:,} other failed spans of the operation say or show why they failed",
        "spans with a failed child were set aside: the child shows why"
        if unexplained
        else "a status of ok, answers of 4xx and RPC codes were set aside: there the outcome was decided on purpose",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.85 if unexplained else 0.6, _SENSITIVE_TO, traces),
        title=(
            f"{operation} of {who} fails without saying why"
            if unexplained
            else f"{operation} of {who} records exceptions while its status is not error"
        ),
        summary=f"{spans:,} spans of {operation}, in {traces:,} traces, {what}.",
        services=services,
        subject={"service": service, "operation": operation, "kind": how},
        measures={"silent_spans": spans, "told_spans": told, "silent_share": round(spans / (spans + told), 6)},
        limits=dict(limits),
        cost={"share_of_requests": round(touched, 6), "total_ms": ms(rows.total("total_ns"))},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(rows.exemplars, rows["total_ns"].sum() / max(1, spans)),
        considered=tuple(considered),
        remedy=_REMEDIES[how].format(operation=operation, service=who),
    )


def _logged(evidence: Evidence, limits: Limits, service: str, operation: str, rows: Rows) -> Finding:
    lines = rows.total("lines")
    traces = min(rows.total("traces"), evidence.traces)
    who = service or "an unnamed service"
    templates = {template: group.total("lines") for (template,), group in rows.groups("template")}
    # Where several are logged as often, the first of them.
    common = max(templates, key=lambda template: templates[template])
    grave = evidence["log_lines"]
    own = grave[(grave["service"] == service) & grave["severity"].isin(["error", "fatal"])]
    untold = evidence["untold_logs"]
    told = int(own["joined"].sum()) - int(untold.loc[untold["service"] == service, "lines"].sum())
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=lines >= limits["spans"])),
        confidence=trust.confidence(0.75, _SENSITIVE_TO, traces),
        title=f"{operation or 'An operation'} of {who} logs errors while no span of the trace has failed",
        summary=(
            f"{counted(lines, 'log record')} of severity error in {counted(traces, 'trace')} whose spans are all in"
            f" order, most often “{common or 'without a message'}”."
        ),
        services=services,
        subject={"service": service, "operation": operation, "kind": "logged"},
        measures={
            "logged_errors": lines,
            "distinct_messages": len(templates),
            "errors_of_service": int(own["lines"].sum()),
        },
        limits=dict(limits),
        cost={"share_of_requests": round(_share_of_requests(evidence, rows), 6), "total_ms": 0.0},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(rows.exemplars, rows["total_ns"].sum() / max(1, lines)),
        considered=(
            f"{counted(told, 'other error')} that the service logged are of traces in which a span has failed",
            "whether the error was dealt with cannot be seen; the request did not fail",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy=_LOGGED.format(operation=operation or "the operation", service=who),
    )


def _share_of_requests(evidence: Evidence, rows: Rows) -> float:
    """Return the largest share (0..1) of an entry operation's requests that the spans are in."""
    largest = 0.0
    for entry, part in rows.by_entry():
        whole = evidence.request_count.get(entry, 0)
        largest = max(largest, part.total("traces") / whole if whole else 0.0)
    return min(1.0, largest)
