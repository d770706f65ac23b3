"""Retry without backoff.

What it finds
-------------
Calls that are tried again and again with no pause between, or always with the same pause.

Why it matters
--------------
What failed a moment ago fails again: attempts in quick succession spend a callee's last strength. Equal pauses bring
all callers back at the same moment, wave after wave.

How it decides
--------------
By the gaps from the end of an attempt to the start of the next (see *retry amplification* for what an attempt is). The
first gap is left out: to try once more at once is sound. Named are calls whose gaps are shorter than ``gap_ms`` (50,
the catalogue's limit) at the median, or constant: a coefficient of variation below ``variation`` (0.1) over ``enough``
gaps or more (5, house default). Caller and attempts are of one process, so clock skew plays no part.

Worth fixing from ``retried`` gaps on (10, house default). Severity then follows from the share of an entry operation's
requests in which a call was tried again.

Example
-------
Flagged: ``orders`` calls ``payments`` again one millisecond after each failure. Better: pauses of a random length up to
100, 200, 400 ms (exponential backoff with full jitter).

What it can mistake
-------------------
Attempts that go to another replica each may follow at once. A server that says when to come back (``Retry-After``)
makes the pauses equal.

What to do
----------
Exponential backoff with full jitter, and a budget of retries.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis._histogram import Histogram, mid, upper
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import NANOSECONDS_PER_MS, examples, merged_exemplars, ms
from analysis.detectors.cascades._retries import SENSITIVE_TO, Retried, missing_evidence, retried_calls
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="retry_without_backoff",
    family="cascades",
    title="Retry without backoff",
    facts=("attempts", "retry_gaps", "requests", "coverage"),
    limits={
        "gap_ms": Limit(50, "ms", "named where the median gap after the first is shorter"),
        "variation": Limit(0.1, "", "named where the gaps vary less than this: standard deviation over mean"),
        "enough": Limit(5, "gaps", "gaps from which their variation is judged"),
        "retried": Limit(10, "gaps", "worth fixing from this many gaps after the first on"),
    },
)
#: Gaps between attempts are compared with milliseconds.
_SENSITIVE_TO: Final = (*SENSITIVE_TO, "resolution")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which calls are tried again without a pause, or with the same pause each time."""
    missing = missing_evidence(evidence)
    if missing:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    calls = evidence.shared(retried_calls)
    findings, once = [], []
    for item in calls:
        later = item.gaps.only(~item.gaps["first"])
        if not len(later):
            seen = (
                "its calls are tried again once only" if len(item.gaps) else "its attempts have no spans of their own"
            )
            once.append(f"a second gap of {item.where} to {item.whom}: {seen}")
        elif (finding := _finding(item, later.histogram("gap"), limits)) is not None:
            findings.append(finding)
    if findings:
        return Assessment(INFO.name, INFO.family, "found", tuple(findings), tuple(once))
    if once and len(once) == len(calls):
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=tuple(once))
    return Assessment(INFO.name, INFO.family, "not_found", missing=tuple(once))


def variation(gaps: Histogram) -> float:
    """Return the coefficient of variation of the values of a histogram."""
    values, counts = np.array([mid(int(bucket)) for bucket in gaps.buckets]), gaps.counts
    mean = float(np.average(values, weights=counts))
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=counts)))
    return spread / mean if mean else 0.0


def _mostly_below(gaps: Histogram, limit_ns: float) -> bool:
    """Tell whether more than half of the gaps are shorter; one in the limit's own bucket is not."""
    below = np.array([upper(int(bucket)) < limit_ns for bucket in gaps.buckets], bool)
    return bool(2 * int(gaps.counts[below].sum()) > gaps.count)


def _finding(item: Retried, gaps: Histogram, limits: Limits) -> Finding | None:
    """Return what is wrong with the gaps after the first; None where nothing is."""
    median = gaps.percentile(0.5)
    varies = variation(gaps)
    short = _mostly_below(gaps, limits["gap_ms"] * NANOSECONDS_PER_MS)
    constant = gaps.count >= limits["enough"] and varies < limits["variation"]
    if not (short or constant):
        return None
    evidence = item.evidence
    later, first = item.gaps.only(~item.gaps["first"]), item.gaps.only(item.gaps["first"])
    first_ms = ms(first.histogram("gap").percentile(0.5))
    traces = min(evidence.traces, later.total("traces"))
    weight = Weight(passes_limits=gaps.count >= limits["retried"], share_of_requests=item.share_of_requests())
    how = f"{duration(ms(median))} after the last failure" if short else f"every {duration(ms(median))}"
    wasted = ms(item.again["total_ns"].sum())
    trust = evidence.trust.of(item.services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.9, _SENSITIVE_TO, traces),
        title=f"{item.where} tries {item.whom} again {how}: {item.what}",
        summary=(
            f"{gaps.count:,} gaps after the first have a median of {duration(ms(median))} and vary by {varies:.0%}: "
            + ("no pause." if short else "the same pause each time.")
        ),
        services=item.services,
        subject=item.subject,
        measures={
            "gaps": gaps.count,
            "gap_ms_p50": ms(median),
            "gap_ms_p95": ms(gaps.percentile(0.95)),
            "variation": round(varies, 4),
            "first_gap_ms_p50": first_ms,
            "attempts_max": item.most,
            "short": short,
            "constant": constant,
        },
        limits=dict(limits),
        cost={
            "share_of_requests": weight.share_of_requests,
            "amplification": round(item.mean, 4),
            "critical_path_ms_p50": ms(item.critical.percentile(0.5)),
            "critical_path_ms_p95": ms(item.critical.percentile(0.95)),
            "total_ms": wasted,
        },
        saving={"calls": item.attempts - item.calls, "total_ms": wasted},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(later["exemplars"]), median),
        considered=(
            f"the first gap (median {duration(first_ms)}) was left out: to try once more at once is sound",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy=f"Let {item.where} wait before each further attempt: exponential backoff with full jitter.",
    )
