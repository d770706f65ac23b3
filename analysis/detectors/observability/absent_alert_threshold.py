"""Absent alert threshold.

What it finds
-------------
Entry operations for which nobody may be told when they fail or slow down, with what to tell: service-level objectives
that they have kept so far, alert rules on the rate at which the error budget burns, and how often each rule would have
fired in this export.

Why it matters
--------------
A threshold that is set during the first incident is set too late. One that is guessed either wakes people for nothing
or keeps still; one that is taken from what was observed, and tried on it, can be agreed on.

How it decides
--------------
An entry operation is what a request begins with: a server span, a consumer, or the call of a client that is recorded
too. Jobs (a topmost span that is internal, a producer or a call to a store) and probes are named and left out; so are
trees that have lost their top. It needs ``requests`` (20, house default) requests.

- *Availability*: the strictest of 99.9 %, 99.5 %, 99 % and 95 % of requests that was kept, and that so many requests
  can tell apart: its error budget must be one request at least.
- *Latency*: the least bound of the usual buckets of span metrics that 95 % of the requests kept.
- *Alerts*: budget of 30 days burning 14.4 times too fast over 1 h and 5 min, 6 times over 6 h and 30 min (both wake
  somebody), once over 3 d and 6 h (a ticket). Source: The Site Reliability Workbook, chapter 5. Each is tried minute by
  minute; a window that is longer than the export holds what there is. An alert keeps still below ``requests`` requests
  in its long window.

Traces never show alert rules. Those that exist are read from the rule files that the configuration names as ``alerts``:
an operation that one of them watches (by the labels of service and operation that its expression asks for; without such
labels, all) is left out, and told with the alert's name. Without rule files whether there are some is not known, so
this is ``info``, and ``low`` where a page would have been sent. The rules are written with
``archreview findings --format prometheus``.

Example
-------
Flagged: ``POST /checkout`` failed for eight minutes, 23 % of the requests at its worst; an alert at 14.4 times the
budget of 99.5 % would have fired in the second minute. Better: that rule, loaded into Prometheus.

What it can mistake
-------------------
Alerts may exist that no rule file shows: those of another tool. One with labels of another vocabulary may not be
recognised, and one that watches all requests of a service says little of one operation. A short export knows no bad
day: objectives taken from it may be too strict. Failures that the operation does not record as such burn no budget.

What to do
----------
Agree on the objectives with whoever owns the operation, loosen what was only luck, and load the rules. They ask the
span metrics that the OpenTelemetry Collector derives from these very traces; other names are replaced in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._wording import counted, duration, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding
from analysis.detectors._evidence import examples
from analysis.detectors._rows import Rows
from analysis.detectors.boundaries._services import is_probe
from analysis.detectors.observability._objectives import BURN_RATES, Objective, objectives
from analysis.existing_alerts import Alert
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="absent_alert_threshold",
    family="observability",
    title="Absent alert threshold",
    facts=("request_minutes", "requests"),
    limits={
        "requests": Limit(20, "requests", "of an operation, from which objectives are proposed and alerts speak"),
    },
)
#: What a topmost span is where somebody waits for the answer, or a message is taken.
_ENTRY_KINDS: Final = ("server", "client", "consumer", "unspecified")
_STORES: Final = ("database", "cache")
_SENSITIVE_TO: Final = ("sampling", "kinds", "routes")
_MS_A_MINUTE: Final = 60_000
#: Alerts that are named for one operation.
_NAMED: Final = 2


Marks = NDArray[np.bool_]


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which entry operations need alerts, and which."""
    minutes = evidence.rows("request_minutes")
    if not len(minutes):
        return _not_assessable("requests with times whose topmost span was recorded")
    served = minutes.among("entry_kind", _ENTRY_KINDS) & ~minutes.among("entry_category", _STORES)
    probes = minutes.among("entry_operation", filter(is_probe, set(minutes["entry_operation"])))
    findings, few, left = [], 0, _left_out(minutes, probes, served)
    watched: list[str] = []
    for (service, operation), rows in minutes.only(served & ~probes).by_entry():
        if rows.total("requests") < limits["requests"]:
            few += 1
            continue
        if existing := evidence.alerts.watching(service, operation):
            watched.append(_watched(evidence, service, operation, existing))
            continue
        findings.append(_finding(evidence, limits, service, operation, rows))
    left += watched
    if few:
        left.append(f"{counted(few, 'entry operation')} with fewer than {limits['requests']:g} requests")
    if few and not findings and not watched:
        return _not_assessable(f"{limits['requests']:g} requests of one entry operation, to tell what is usual")
    return Assessment(
        INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), suppressed=tuple(left)
    )


def _not_assessable(missing: str) -> Assessment:
    return Assessment(INFO.name, INFO.family, "not_assessable", missing=(missing,))


def _watched(evidence: Evidence, service: str, operation: str, alerts: Sequence[Alert]) -> str:
    """Say which alerts watch an operation, and which of its objectives none does."""
    names = list(dict.fromkeys(f"{alert.name} ({alert.file})" for alert in alerts))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    unwatched = sorted({"availability", "latency"} - set(evidence.alerts.kinds(service, operation)))
    return f"{operation} of {service or 'an unnamed service'}, watched by {', '.join(names[:_NAMED])}{more}" + (
        f", not for its {unwatched[0]}" if unwatched else ""
    )


def _left_out(minutes: Rows, probes: Marks, served: Marks) -> list[str]:
    """Name what asks for no alert of this kind."""
    jobs = sorted(set(minutes["entry_operation"][~served & ~probes]))
    alive = sorted(set(minutes["entry_operation"][probes]))
    told = [f"jobs, whose lateness needs another alert: {', '.join(jobs)}"] if jobs else []
    return told + ([f"probes: {', '.join(alive)}"] if alive else [])


def _finding(evidence: Evidence, limits: Limits, service: str, operation: str, rows: Rows) -> Finding:
    requests, traces = rows.total("requests"), min(evidence.traces, rows.total("traces"))
    proposed = objectives(rows, limits["requests"])
    paged = sum(objective.fired[alert.name] for objective in proposed for alert in BURN_RATES if _wakes(alert.severity))
    length_ms = (int(rows["minute"].max()) - int(rows["minute"].min()) + 1) * _MS_A_MINUTE
    failed = rows.only(rows["failed"]).total("requests")
    own = evidence.rows("requests").where(entry_service=service, entry_operation=operation)
    latency = own.histogram("latency")
    median = latency.percentile(0.5) if latency.count else 0.0
    name = f"{operation} of {service or 'an unnamed service'}"
    return finding(
        evidence,
        INFO,
        limits,
        traces,
        0.7,
        _SENSITIVE_TO,
        (
            f"none of the {counted(len(evidence.alerts.alerts), 'alert')} in the rule files watches it"
            if evidence.alerts
            else "traces show no alert rules, and no rule files were given (alerts: in review.yml): compare with those",
            f"the export covers {duration(length_ms)} of the operation; longer windows held what there was",
            "answers to the client's own mistakes (4xx but 408 and 429) burn no budget",
        ),
        severity=severity(Weight(passes_limits=paged > 0)),
        title=f"Alerts to set for {name}: {', '.join(map(_told, proposed))}",
        summary=(
            f"{counted(requests, 'request')}, {failed:,} failed. Alerts on these objectives would have sent "
            f"{counted(paged, 'page')} in {duration(length_ms)}: {_firings(proposed)}."
        ),
        services=(service,) if service else (),
        subject={"entry_service": service, "entry_operation": operation},
        measures={
            "requests": requests,
            "failed": failed,
            "covered_minutes": length_ms // _MS_A_MINUTE,
            "entry_kinds": sorted(set(rows["entry_kind"])),
            "objectives": [objective.to_json() for objective in proposed],
            "pages": paged,
        },
        cost={"total_ms": 0.0},
        saving={},
        exemplars=examples(own.exemplars, median),
        remedy=(
            f"Agree on the objectives of {name}, and load the alert rules: archreview findings --format prometheus."
        ),
    )


def _wakes(severity_of_alert: str) -> bool:
    return severity_of_alert == "page"


def _told(objective: Objective) -> str:
    share = f"{objective.target * 100:g} %"
    if objective.kind == "availability":
        return f"{share} answered"
    return f"{share} within {duration(objective.threshold_ms)}"


def _firings(proposed: list[Objective]) -> str:
    return "; ".join(
        f"{objective.kind} {percent(objective.observed)} kept, "
        + ", ".join(f"{alert.name} {objective.fired[alert.name]}" for alert in BURN_RATES)
        for objective in proposed
    )
