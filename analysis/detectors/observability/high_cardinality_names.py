"""High-cardinality names.

What it finds
-------------
Services whose span names hold values, so that there are nearly as many names as spans: raw paths with ids, statements
with their literals, keys.

Why it matters
--------------
A span name is what every tool groups by. Where it holds an id, each request is an operation of its own: latency and
error rates by operation mean nothing, metrics made from spans explode, and personal data may leak into names.

How it decides
--------------
By service, among the spans whose names hold an identifier (a number, UUID, token, literal of a statement, or value in a
path): distinct names per span above ``names_per_span`` (0.1) from ``spans`` spans on (200; both house defaults). Fewer
are reported as ``info``, as long as there are more names than templates. Distinct names are counted by HyperLogLog, to
about 2 %. Operations of this review are named without the values: no other chapter suffers, so this is never more than
``low``.

Example
-------
Flagged: ``cart`` names 1,302 spans ``GET /carts/9f1c``, ``GET /carts/77ab`` …: 451 names.
Better: ``GET /carts/{id}``, and the path in ``url.path``.

What it can mistake
-------------------
Numbers that are no values: a version, a shard or a fixed stage in the name; they are few, which the ratio tells. Words
as identifiers (a user's handle) are not recognised.

What to do
----------
Name spans by template: route, statement without literals, method, destination. The frameworks' instrumentations do.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.facts._distinct import estimate
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="high_cardinality_names",
    family="observability",
    title="High-cardinality names",
    facts=("identifying_names", "name_registers"),
    limits={
        "names_per_span": Limit(0.1, "", "distinct names per span, among spans whose names hold an identifier"),
        "spans": Limit(200, "spans", "such spans of a service from which the ratio is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("sampling",)
_MOST_NAMED: Final = 5
_REMEDY: Final = (
    "Let {service} name spans by template, such as {operation}: by the framework's instrumentation, "
    "or by the transform processor of the Collector."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services have as many names as spans."""
    names = evidence["identifying_names"]
    if not int(names["named"].sum()):
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=("span names: no span has one",))
    ranks = evidence["name_registers"].groupby("service", sort=True)["rank"].agg(list)
    findings = []
    for service, rows in names[names["identifying"]].groupby("service", sort=True):
        distinct = min(estimate(ranks[service]), int(rows["spans"].sum()))
        if distinct > len(rows):
            findings.append(_finding(evidence, limits, str(service), rows, distinct))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _finding(evidence: Evidence, limits: Limits, service: str, rows: pd.DataFrame, distinct: int) -> Finding:
    spans = int(rows["spans"].sum())
    everything = evidence["identifying_names"]
    whole = int(everything.loc[everything["service"] == service, "spans"].sum())
    # A trace may hold several of the operations: the sum is an upper bound, the largest a lower one.
    traces = int(rows["traces"].max())
    ratio = distinct / spans
    share = min(1.0, traces / evidence.traces) if evidence.traces else 0.0
    passes = ratio > limits["names_per_span"] and spans >= limits["spans"]
    ordered = rows.sort_values(["spans", "operation"], ascending=[False, True])
    operations = [str(operation) for operation in ordered["operation"]]
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered = [
        f"{whole - spans:,} of its {whole:,} spans have names without identifiers and were left out",
        "operations in this review are named without the values: no other finding is split by them",
        "traces are a lower bound: those of the operation seen in most",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    who = service or "an unnamed service"
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=passes)),
        confidence=trust.confidence(0.95, _SENSITIVE_TO, traces),
        title=f"{who} has about {distinct:,} names for {spans:,} spans",
        summary=(
            f"{spans:,} of {whole:,} spans of {who} hold an identifier in their name: about {distinct:,} names where "
            f"{len(operations)} would do, such as {operations[0]}."
        ),
        services=services,
        subject={"service": service},
        measures={
            "names": distinct,
            "spans": spans,
            "names_per_span": round(ratio, 6),
            "templates": len(operations),
            "operations": operations[:_MOST_NAMED],
        },
        limits=dict(limits),
        cost={"total_ms": ms(0)},
        saving={"names": max(0, distinct - len(operations))},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share, 4),
        exemplars=examples(merged_exemplars(ordered["exemplars"]), 0.0),
        considered=tuple(considered),
        remedy=_REMEDY.format(service=who, operation=operations[0]),
    )
