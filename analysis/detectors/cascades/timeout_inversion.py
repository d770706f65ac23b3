"""Timeout inversion.

What it finds
-------------
Callees that work on after their caller has given up: the outer timeout is shorter than the inner ones.

Why it matters
--------------
The work is done for nobody, with connections, threads and locks held. The caller tries again, and the same work begins
a second time beside the first: load grows when there is least room for it.

How it decides
--------------
By calls between two services of which both halves were seen and the caller's failed: it is given up where the callee
took longer than the caller by more than ``overhang`` of the caller's time (0.1, the catalogue's limit). How long each
half took is compared, not when it ended, so clock skew plays no part and the overhang is a lower bound. What makes the
callee take so long is named where it can be seen: its own timeout, times its attempts, reaches the caller's.

Worth fixing from ``calls`` such calls on (10, house default). Severity follows from the share of an entry operation's
requests that have one.

Example
-------
Flagged: ``orders`` gives up on ``payments`` after one second, and ``payments`` waits three for the acquirer. Better:
the deadline travels with the call, and each layer waits a little shorter than the one above.

What it can mistake
-------------------
A callee that answers early and goes on in the background (within the same span) overhangs where its caller failed for
another reason. A caller that cancels because a hedged call was faster gives up on purpose.

What to do
----------
Propagate deadlines (gRPC does; over HTTP a header), make inner timeouts times attempts shorter than outer ones, and
stop work whose caller is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram, lower
from analysis._wording import counted, duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import NANOSECONDS_PER_MS, examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Assessment, Finding
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="timeout_inversion",
    family="cascades",
    title="Timeout inversion",
    facts=("overhangs", "waits", "attempts", "calls", "requests", "coverage"),
    limits={
        "overhang": Limit(0.1, "", "time that a callee works beyond its caller's wait, by that wait"),
        "calls": Limit(10, "calls", "worth fixing from this many calls on"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "skew", "error_types")
_SUBJECT: Final = ["service", "operation", "target", "callee_operation"]


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer whose callees work on after the caller has given up."""
    calls = evidence["calls"]
    between = calls[
        (calls["caller_kind"] == "service") & (calls["callee_kind"] == "service") & (calls["kind"] == "sync")
    ]
    between = between[between["caller"] != between["callee"]]
    if not int(between["paired"].sum()):
        missing = (f"calls between two services of which both halves were seen: {_why_none(between)}",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if not int(evidence["coverage"]["with_outcome"].sum()):
        missing = ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings = tuple(_findings(evidence, limits))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", findings)


def _why_none(between: pd.DataFrame) -> str:
    """Tell why no call was seen with both its halves, though there may be calls."""
    calls = int(between["calls"].sum())
    if not calls:
        return NO_CROSSING
    return f"none of {counted(calls, 'call')} is told by a client span of its caller and a server span (no span kinds)"


def _findings(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    for key, rows in evidence["overhangs"].groupby(_SUBJECT, sort=True):
        overhang = merged_histogram(rows["overhang"])
        beyond = np.array([lower(int(bucket)) > 1000 * limits["overhang"] for bucket in overhang.buckets], bool)
        if beyond.any():
            subject = dict(zip(_SUBJECT, map(str, key), strict=True))
            given_up = Histogram(overhang.buckets[beyond], overhang.counts[beyond])
            yield _finding(evidence, subject, rows, given_up, limits)


def _finding(
    evidence: Evidence, subject: dict[str, str], rows: pd.DataFrame, given_up: Histogram, limits: Limits
) -> Finding:
    caller = f"{subject['operation']} of {subject['service']}"
    callee = f"{subject['callee_operation']} of {subject['target']}"
    failed, count = int(rows["calls"].sum()), given_up.count
    waited = merged_histogram(rows["waited"])
    traces = min(evidence.traces, int(rows["traces"].sum()), count)
    touched = _share_of_requests(evidence, rows, count / failed)
    outer_ms = ms(waited.percentile(0.5))
    inner = _inner_timeouts(evidence, subject, waited.percentile(0.5))
    wasted = ms(rows["overhang_ns"].sum())
    services = tuple(sorted({subject["service"], subject["target"]} - {""}))
    trust = evidence.trust.of(services)
    considered = [
        f"{failed - count:,} of {failed:,} calls that failed for the caller ended with it",
        "durations were compared, not ends: the overhang is a lower bound and does not depend on clocks",
        *(
            f"inside, {item['operation']} waits {duration(item['timeout_ms'])} for {item['target']}, "
            f"{_times(item['attempts'])}"
            for item in inner
        ),
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=count >= limits["calls"], share_of_requests=touched)),
        confidence=trust.confidence(0.9, _SENSITIVE_TO, traces),
        title=f"{callee} works on after {caller} has given up",
        summary=(
            f"{caller} gave up on {count:,} calls, after {duration(outer_ms)} at the median; {callee} went on for "
            f"another {given_up.percentile(0.5) / 1000:.0%} of that time."
        ),
        services=services,
        subject=subject,
        measures={
            "given_up": count,
            "failed": failed,
            "waited_ms_p50": outer_ms,
            "overhang_share_p50": round(given_up.percentile(0.5) / 1000, 4),
            "overhang_share_p95": round(given_up.percentile(0.95) / 1000, 4),
            "inner": inner,
        },
        limits=dict(limits),
        cost={
            "wasted_ms_per_call": round(wasted / count, 3),
            "share_of_requests": round(touched, 6),
            "calls": count,
            "total_ms": wasted,
        },
        saving={"total_ms": wasted},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(rows["exemplars"]), wasted * NANOSECONDS_PER_MS / count),
        considered=tuple(considered),
        remedy=(
            f"Pass the deadline on: let {callee} stop when {caller} has given up, and keep its own timeouts "
            f"times attempts below {duration(outer_ms)}."
        ),
    )


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"up to {attempts} times"


def _inner_timeouts(evidence: Evidence, subject: dict[str, str], outer_ns: float) -> list[dict[str, Any]]:
    """Return what the callee waits for by timeouts that, times its attempts, reach the caller's."""
    waits, attempts = evidence["waits"], evidence["attempts"]
    inside = waits[
        (waits["service"] == subject["target"])
        & (waits["operation"] == subject["callee_operation"])
        & (waits["end"] == "timeout")
    ]
    found = []
    for (target, template), rows in inside.groupby(["target", "template"], sort=True):
        made = attempts[
            (attempts["service"] == subject["target"])
            & (attempts["operation"] == subject["callee_operation"])
            & (attempts["template"] == template)
        ]
        timeout = merged_histogram(rows["latency"]).percentile(0.5)
        most = int(made["most"].max()) if len(made) else 1
        if timeout * most >= outer_ns:
            named = {"operation": subject["callee_operation"], "target": str(target)}
            found.append({**named, "timeout_ms": ms(timeout), "attempts": most})
    return found


def _share_of_requests(evidence: Evidence, rows: pd.DataFrame, given_up: float) -> float:
    """Return the largest share (0..1) of an entry operation's requests with a call that was given up."""
    largest = 0.0
    for key, part in rows.groupby(["entry_service", "entry_operation"], sort=True):
        whole = evidence.request_count.get((str(key[0]), str(key[1])), 0)
        largest = max(largest, given_up * int(part["traces"].sum()) / whole if whole else 0.0)
    return min(1.0, largest)
