"""Unstructured logs.

What it finds
-------------
Services that log sentences where machines need fields.

Why it matters
--------------
A sentence can be read, and not asked: how many orders failed for this reason, for which customer, since which version?
Each question needs a regular expression that breaks when somebody rewords the message.

How it decides
--------------
By service: the share of log records that are JSON, logfmt or a known access log; of an OTLP record its body is looked
at, as attributes may say the rest. A message that occurs once in the whole export is set aside. Found below ``share``
(80 %), worth fixing from ``lines`` unstructured records on (20; house defaults).
Records that arrived with their attributes apart (OTLP, parsed by a pipeline) but whose body is a
sentence are told as ``info``: their fields can be asked. Severity is ``low`` at most.

Example
-------
Flagged: ``2026-11-23 07:22:36,427 INFO [mailer] order W7-6b41 confirmed to customer 2``.
Better: ``{"time": "…", "level": "info", "msg": "order confirmed", "order": "W7-6b41", "customer": 2}``.

What it can mistake
-------------------
Lines of a server or a runtime within the same output are prose by nature. A pipeline may have parsed lines whose
export shows the text alone.

What to do
----------
Log JSON or logfmt with one message a kind of event, and values in fields of their own.
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
    name="unstructured_logs",
    family="observability",
    title="Unstructured logs",
    facts=("log_lines", "log_templates"),
    limits={
        "share": Limit(0.8, "", "share of a service's records that are structured"),
        "lines": Limit(20, "records", "unstructured records from which it is worth fixing"),
    },
)
_SHOWN: Final = 3


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services log sentences."""
    lines = evidence["log_lines"]
    if lines.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=("logs: the export holds none",))
    findings = []
    single = single_messages(evidence, limits["lines"])
    for service, rows in lines.groupby("service", sort=True):
        structured = int(rows["structured"].sum())
        judged = max(structured, int(rows["lines"].sum()) - single.get(str(service), 0))
        if judged and structured / judged < limits["share"]:
            findings.append(_finding(evidence, limits, str(service), rows, judged))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _finding(evidence: Evidence, limits: Limits, service: str, rows: pd.DataFrame, lines: int) -> Finding:
    structured = int(rows["structured"].sum())
    prose = lines - structured
    apart = min(prose, int(rows["apart"].sum()))
    who = service or "an unnamed service"
    templates = evidence["log_templates"]
    own = templates[templates["service"] == service].sort_values(["lines", "template"], ascending=[False, True])
    common = ", ".join(f"“{text}”" for text in own["template"].head(_SHOWN) if text)
    considered = (
        f"its most frequent messages: {common}" if common else "its messages have no text",
        f"{counted(apart, 'record')} of these came with fields beside their message",
        f"set aside, as their message occurs once: {counted(int(rows['lines'].sum()) - lines, 'record')}",
    )
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=prose - apart >= limits["lines"])),
        confidence=trust.confidence(0.9, (), max(evidence.traces, lines)),
        title=f"Logs of {who} are sentences",
        summary=(
            f"{prose:,} of {counted(lines, 'log record')} of {who} are neither JSON nor logfmt nor an access log;"
            f" {percent(structured / lines)} are."
        ),
        services=services,
        subject={"service": service},
        measures={
            "lines": lines,
            "structured_lines": structured,
            "structured_share": round(structured / lines, 6),
            "lines_with_fields_apart": apart,
        },
        limits=dict(limits),
        cost={"total_ms": 0.0},
        traces_seen=evidence.traces,
        considered=considered,
        remedy=f"Let {who} log JSON or logfmt: one message a kind of event, and values in fields of their own.",
    )
