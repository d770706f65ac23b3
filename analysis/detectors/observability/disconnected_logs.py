"""Disconnected logs.

What it finds
-------------
Services whose log records name no trace, so that nobody can tell which request a line belongs to; and services whose
records name traces that the export knows nothing of.

Why it matters
--------------
A trace says where a request failed, its log lines say why. Where the two cannot be joined, the search goes by time and
luck: under load hundreds of requests write at once.

How it decides
--------------
By service: of the records written while it handled requests (in minutes in which it has spans; all of them where it has
no spans at all), the share that names a trace id that parses. A message that occurs once in the whole export, such as
that of starting, is set aside. Found below ``share`` (80 %, house default), worth fixing from ``lines`` such records on
(20, house default). Ids that parse and match no span are another thing: where most records name a trace and less than
``share`` of these are in the export, that is told as ``info``: traces may be sampled where logs are not, or one of the
two exports is of another time. A request or correlation id is no trace, but joins a record to the one trace of the
export whose spans carry it (``x-request-id`` and the like), near in time, unless more than 1,000 records name it: such
records count as leading to a trace, and are told apart. Severity is ``low`` at most, as no request is slower or fails
for it.

Example
-------
Flagged: ``inventory`` logs ``{"level": "INFO", "message": "availability read"}`` while its spans have trace ids.
Better: the log appender of the OpenTelemetry instrumentation, or a filter that adds ``trace_id`` and ``span_id``.

What it can mistake
-------------------
Jobs that run in the same minutes as requests write lines that belong to none. A service that logs its start only has
nothing to connect.

What to do
----------
Let the logging library add the current trace and span id to each record: the OpenTelemetry agent does it for most
(``OTEL_PYTHON_LOG_CORRELATION``, the MDC instrumentations of logback and log4j, ``otelslog``, ``pino``'s).
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis._wording import counted, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors.observability._log_messages import single_messages
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="disconnected_logs",
    family="observability",
    title="Disconnected logs",
    facts=("log_lines", "log_links", "log_templates"),
    limits={
        "share": Limit(0.8, "", "share of a service's records that name a trace", "house default, as in the catalogue"),
        "lines": Limit(20, "records", "records without a trace from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("sampling",)
_REMEDIES: Final = {
    "no trace": "Let the logging library of {service} add the current trace and span id to each record.",
    "unknown trace": "Export the traces of {service} for the same time as its logs, and sample both alike.",
}


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services' log records lead to no trace."""
    links = evidence["log_links"]
    if not int(links["lines"].sum()):
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=("logs: the export holds none",))
    findings, missing = [], []
    single = single_messages(evidence, limits["lines"])
    for service, rows in links.groupby("service", sort=True):
        told = _during_requests(rows)
        named, joined = int(told["named"].sum()), int(told["joined"].sum())
        by_request = int(told["by_request"].sum())
        lines = max(named + by_request, int(told["lines"].sum()) - single.get(str(service), 0))
        if not lines:
            continue
        if (named + by_request) / lines < limits["share"]:
            findings.append(_finding(evidence, limits, str(service), "no trace", told, lines))
        elif named and evidence.traces and joined / named < limits["share"]:
            findings.append(_finding(evidence, limits, str(service), "unknown trace", told, lines))
    if not evidence.traces:
        missing.append("traces: whether the ids that logs name are those of traces was not seen")
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), tuple(missing))


def _during_requests(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the minutes of a service in which it handled requests; all where it has no span."""
    if not int(rows["spans"].sum()):
        return rows
    return rows[(rows["spans"] > 0) | (rows["minute"] < 0)]


def _finding(evidence: Evidence, limits: Limits, service: str, kind: str, told: pd.DataFrame, lines: int) -> Finding:
    named, joined = int(told["named"].sum()), int(told["joined"].sum())
    who = service or "an unnamed service"
    by_request = int(told["by_request"].sum())
    lost = lines - named - by_request if kind == "no trace" else named - joined
    share = (named / lines) if kind == "no trace" else joined / named
    summary = evidence["log_lines"]
    own = summary[summary["service"] == service]
    asked, spans = int(own["request_ids"].sum()), int(told["spans"].sum())
    during = " while it handled requests" if spans else ""
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered = [
        f"{counted(joined, 'record')} of {lines:,} could be joined to a span's trace",
        _by_request(own) if asked else "no record without a trace names a request id either",
        f"{counted(int(own['lines'].sum()) - lines, 'record')} of minutes without a request, or with a message that"
        " occurs once, were set aside"
        if spans
        else "the service has no spans in the export: all of its records were looked at",
        *trust.sentences(_SENSITIVE_TO, max(evidence.traces, lines)),
    ]
    weight = Weight(passes_limits=kind == "no trace" and lost >= limits["lines"])
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.9 if spans else 0.7, _SENSITIVE_TO, max(evidence.traces, lines)),
        title=(
            f"Logs of {who} name no trace"
            if kind == "no trace"
            else f"Logs of {who} name traces that were not exported"
        ),
        summary=(
            f"{lost:,} of {counted(lines, 'log record')} that {who} wrote{during} name no trace; {percent(share)} do"
            + (f", and {by_request:,} lead to one by a request id." if by_request else ".")
            if kind == "no trace"
            else f"{lost:,} of {counted(named, 'log record')} of {who} with a trace id name one without a span here."
        ),
        services=services,
        subject={"service": service, "kind": kind},
        measures={
            "lines": lines,
            "named_lines": named,
            "joined_lines": joined,
            "named_share": round(named / lines, 6),
            "request_id_lines": asked,
            "request_joined_lines": by_request,
        },
        limits=dict(limits),
        cost={"total_ms": 0.0},
        traces_seen=evidence.traces,
        considered=tuple(considered),
        remedy=_REMEDIES[kind].format(service=who),
    )


def _by_request(own: pd.DataFrame) -> str:
    """Say what the request ids of a service's records lead to."""
    asked, joined, apart, shared = (
        int(own[name].sum()) for name in ("request_ids", "by_request", "request_apart", "request_shared")
    )
    told = [
        f"{joined:,} lead to one trace by it" if joined else "",
        f"{apart:,} to several, or to another time" if apart else "",
        f"{shared:,} to records of another service only" if shared else "",
    ]
    said = ", ".join(part for part in told if part) or "no span carries it"
    return f"{counted(asked, 'record')} without a trace name a request id: {said}"
