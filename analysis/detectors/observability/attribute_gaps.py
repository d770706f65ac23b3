"""Attribute gaps.

What it finds
-------------
Services whose spans leave out what the other chapters need: the kind, the route, the database statement, whom a client
calls, the destination of a message, the type of an error, or the service's own name.

Why it matters
--------------
What is not recorded cannot be judged: without a statement no shared table is seen, without a route every URL is an
operation of its own, without a peer an uninstrumented callee has no name.

How it decides
--------------
By service and aspect: the share of the spans that could say it and do. Worth fixing below ``coverage`` (80 %, house
default) from ``spans`` spans on (20, house default). Raw paths in place of routes count as absent. Spans without
``service.name`` (or ``unknown_service``) are a gap of their own. Attributes with replaced names (semantic conventions
before 1.23 for HTTP, before 1.28 for databases) are reported as ``info``.

``medium`` where a gap makes a chapter's judgement rest on less than half of the service's spans, in 5 % of all traces
or more.

Example
-------
Flagged: ``catalogue``: none of 1,200 HTTP server spans has ``http.route``; their names are raw paths.
Better: the framework's instrumentation in place of a hand-written middleware: name ``GET /products/{id}``,
``http.route`` set.

What it can mistake
-------------------
Redaction by policy (statements dropped on purpose) looks like a gap; so do unmatched routes (404 for unknown paths have
none).

What to do
----------
Use the current instrumentation of the framework and driver, and set OTEL_SEMCONV_STABILITY_OPT_IN for the stable
conventions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analysis._wording import counted, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.facts.coverage import ASPECTS
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="attribute_gaps",
    family="observability",
    title="Attribute gaps",
    facts=("coverage",),
    limits={
        "coverage": Limit(0.8, "", "share of the spans that should say an aspect"),
        "spans": Limit(20, "spans", "spans that could say it from which a gap is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("sampling",)
_REMEDIES: Final = {
    "kind": "Record spans with the instrumentation libraries, or set the kind where spans are made by hand.",
    "route": "Use the framework's own instrumentation, which sets http.route and names the span after it.",
    "database_system": "Set db.system.name on data calls.",
    "database_text": "Let the driver's instrumentation record db.query.text (sanitised) or db.collection.name.",
    "peer": "Set server.address on client spans.",
    "destination": "Set messaging.destination.name on producer and consumer spans.",
    "error_type": "Record the exception, or set error.type, where the status is set to error.",
    "service_name": "Set OTEL_SERVICE_NAME (service.name) in every deployment.",
    "conventions": "Update the instrumentation; OTEL_SEMCONV_STABILITY_OPT_IN=http,database chooses the stable names.",
}
#: Which spans should say an aspect, and by which attribute.
_SAID_BY: Final = {
    "kind": ("span", "a kind"),
    "route": ("HTTP server span", "http.route"),
    "database_system": ("data call", "db.system.name"),
    "database_text": ("data call", "db.query.text or db.collection.name"),
    "peer": ("client span", "server.address or peer.service"),
    "destination": ("messaging span", "messaging.destination.name"),
    "error_type": ("failed span", "error.type, exception or response code"),
}
_HALF: Final = 0.5


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer what each service's spans leave out."""
    coverage = evidence["coverage"]
    if coverage.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=("spans: the export holds none",))
    findings = []
    for row in coverage.to_dict("records"):
        service = str(row["service"])
        if not service or service.startswith("unknown_service"):
            findings.append(_nameless(evidence, limits, row))
        for aspect, could, said in _aspects(row):
            if said / could < limits["coverage"]:
                findings.append(_gap(evidence, limits, row, aspect, could, said))
        if row["old_conventions"] > row["spans"] / 2:
            findings.append(_old(evidence, limits, row))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _aspects(row: dict[Any, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield the aspects that a service's spans could say: aspect, spans that could, spans that do."""
    for aspect, (could, said, _) in ASPECTS.items():
        if row[could]:
            yield aspect, int(row[could]), int(row[said])


def _gap(evidence: Evidence, limits: Limits, row: dict[Any, Any], aspect: str, could: int, said: int) -> Finding:
    carrier, attribute = _SAID_BY[aspect]
    share = said / could
    heavy = share < _HALF
    passes = could >= limits["spans"]
    who = row["service"] or "(no service name)"
    considered = []
    if aspect == "route" and row["raw_names"]:
        considered.append(f"{int(row['raw_names']):,} span names are or hold raw paths")
    return _finding(
        evidence,
        limits,
        row,
        aspect,
        Weight(passes_limits=passes, share_of_requests=_share_of_traces(evidence, row) if heavy else 0.0),
        title=f"{who}: {f'{percent(share)} of its {carrier}s have' if said else f'no {carrier} has'} {attribute}",
        summary=f"Without {attribute}: {could - said:,} of {counted(could, carrier)} of {who}.",
        measures={"could": could, "said": said, "coverage": round(share, 6)},
        considered=considered,
    )


def _nameless(evidence: Evidence, limits: Limits, row: dict[Any, Any]) -> Finding:
    spans = int(row["spans"])
    return _finding(
        evidence,
        limits,
        row,
        "service_name",
        Weight(passes_limits=spans >= limits["spans"], share_of_requests=_share_of_traces(evidence, row)),
        title="1 span does not name its service" if spans == 1 else f"{spans:,} spans do not name their service",
        summary=f"Without a service.name ({row['service'] or 'empty'}): {counted(spans, 'span')}, nobody's on the map.",
        measures={"could": spans, "said": 0, "coverage": 0.0},
        considered=[],
    )


def _old(evidence: Evidence, limits: Limits, row: dict[Any, Any]) -> Finding:
    spans, old = int(row["spans"]), int(row["old_conventions"])
    return _finding(
        evidence,
        limits,
        row,
        "conventions",
        Weight(passes_limits=False),
        title=f"{row['service'] or '(no service name)'} still uses replaced attribute names",
        summary=f"{old:,} of {counted(spans, 'span')}, by names that the conventions have replaced; they are read too.",
        measures={"could": spans, "said": spans - old, "coverage": round(1 - old / spans, 6)},
        considered=["old and new names feed the same columns: nothing is lost in this review"],
    )


def _share_of_traces(evidence: Evidence, row: dict[Any, Any]) -> float:
    return min(1.0, row["traces"] / evidence.traces) if evidence.traces else 0.0


def _finding(
    evidence: Evidence,
    limits: Limits,
    row: dict[Any, Any],
    aspect: str,
    weight: Weight,
    *,
    title: str,
    summary: str,
    measures: dict[str, Any],
    considered: list[str],
) -> Finding:
    traces = int(row["traces"])
    services = (row["service"],) if row["service"] else ()
    trust = evidence.trust.of(services)
    considered += trust.sentences(_SENSITIVE_TO, traces)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.95, _SENSITIVE_TO, traces),
        title=title,
        summary=summary,
        services=services,
        subject={"service": row["service"], "aspect": aspect},
        measures=measures,
        limits=dict(limits),
        cost={"total_ms": ms(0)},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(_share_of_traces(evidence, row), 4),
        exemplars=examples(row["exemplars"], 0.0),
        considered=tuple(considered),
        remedy=_REMEDIES[aspect],
    )
