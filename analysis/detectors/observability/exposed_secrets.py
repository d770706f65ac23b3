"""Exposed secrets.

What it finds
-------------
Secrets (keys, tokens, passwords) and personal data (e-mail addresses, card and account numbers) in log records and in
the attributes of spans.

Why it matters
--------------
Telemetry is copied to more places, kept longer and read by more people than the data it tells of. A key in a log is a
key that has to be changed; personal data in it fall under the same law as in the database, without its protection.

How it decides
--------------
By service, place and kind: log messages and fields, URLs, database statements, status descriptions, exception messages,
span names and all other attributes of spans and resources are searched for patterns that nothing innocent has; the name
of an attribute is the word before its value. Card numbers need an issued range and their check
digit (ISO/IEC 7812), bank accounts their length and check digits (ISO 13616); keys the prefix of their issuer; a
password the word before it and a value with letters and digits that is not masked. A secret is worth fixing from one
record on, personal data from ``records`` (5, house default); below that they are ``info``. As one number in ten passes
the check by chance, card numbers count from ``cards`` records on (3, house default). The value is never shown, nor
kept: only its kind, its place, and the message without its values. Severity is ``low`` at most, as severity weighs what
requests suffer; whoever answers for security will weigh it otherwise.

Example
-------
Flagged: ``customers`` logs ``login of {e-mail} failed: password={password}`` in 40 records.
Better: log the customer's number; let the logging library or the Collector's redaction processor mask the rest.

What it can mistake
-------------------
Addresses and numbers of test data look like any others. Of a large OTLP or Jaeger export the attributes that the
analysis needs for nothing else are searched in its first 10,000 spans, then in one span of 256: their counts are lower
bounds. In ClickHouse, Tempo's Parquet blocks, X-Ray and rows with a mapping only what is read is searched.

What to do
----------
Change what was exposed, then stop writing it: at the source, or with the Collector's ``redaction`` or ``transform``
processor; and delete what was kept.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis._exposed import PERSONAL
from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, named
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="exposed_secrets",
    family="observability",
    title="Exposed secrets and personal data",
    facts=("coverage", "exposed_values", "log_lines"),
    limits={
        "records": Limit(5, "records", "records with personal data from which it is worth fixing; a secret needs one"),
        "cards": Limit(3, "records", "records with what passes for a card number from which it is told at all"),
    },
)
_CARD: Final = "card number"
_SHOWN: Final = 3
_SAMPLED: Final = "of a large export not every span was searched for what its other attributes hold: a lower bound"
_LOGS: Final = "logs: the export holds none, so only attributes of spans were searched"


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer where secrets and personal data are written down."""
    exposed = evidence["exposed_values"]
    logs, spans = int(evidence["log_lines"]["lines"].sum()), int(evidence["coverage"]["spans"].sum())
    if not logs and not spans:
        nothing = "spans and logs: the export holds none"
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(nothing,))
    findings = []
    for key, rows in exposed.groupby(["service", "place", "kind"], sort=True):
        service, place, kind = named(key)
        if kind != _CARD or int(rows["records"].sum()) >= limits["cards"]:
            findings.append(_finding(evidence, limits, service, place, kind, rows))
    missing = () if logs else (_LOGS,)
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), missing)


def _finding(evidence: Evidence, limits: Limits, service: str, place: str, kind: str, rows: pd.DataFrame) -> Finding:
    records = int(rows["records"].sum())
    traces = min(int(rows["traces"].sum()), evidence.traces)
    who = service or "an unnamed service"
    personal = kind in PERSONAL
    carriers = rows.groupby("carrier", sort=True)["records"].sum().sort_values(ascending=False, kind="stable")
    shown = ", ".join(f"“{text}”" for text in carriers.index[:_SHOWN] if text)
    several = "e-mail addresses" if kind == "e-mail address" else f"{kind}s"
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=not personal or records >= limits["records"])),
        confidence=trust.confidence(0.9 if personal or kind != "password" else 0.7, (), max(records, 20)),
        title=f"{several[0].upper()}{several[1:]} in the {place} of {who}",
        summary=(
            f"{counted(records, 'record')} of {who} hold {several} in the {place}"
            + (f", most often in {shown}." if shown else ".")
        ),
        services=services,
        subject={"service": service, "place": place, "kind": kind},
        measures={"records": records, "distinct_messages": len(carriers)},
        limits=dict(limits),
        cost={"total_ms": 0.0},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(rows["exemplars"]), 0.0),
        considered=(
            "masked values, addresses of example domains and numbers without a valid check digit were left out",
            *((_SAMPLED,) if place.startswith("attribute ") else ()),
            "values are neither shown nor kept; the traces or the log of the service show where they stand",
        ),
        remedy=f"Change what was exposed; mask it where {who} writes it, or in the Collector; delete what was kept.",
    )
