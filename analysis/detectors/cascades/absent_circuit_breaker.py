"""Absent circuit breaker.

What it finds
-------------
Callers that go on calling, minute after minute, a callee that lets most of their calls run into the timeout.

Why it matters
--------------
Every call waits its full timeout for nothing, holding threads and connections, and the callee gets no rest in which to
recover. A breaker fails such calls at once, and asks now and then whether the callee is back.

How it decides
--------------
By minutes of a caller's calls to one target: a minute is bad with ``calls`` calls or more (20) of which ``failed`` or
more fail (0.5; the catalogue's limits). In the bad minutes together no breaker is at work if the failed calls end at
the timeout (half of them by a timeout error, or all after nearly the same wait of half a second or more), fewer than
``fast`` of them (0.05, house default) are refused or fail within a tenth of the median wait without a span of the
callee, as an open breaker makes them, and the caller's rate holds: at least ``rate`` of its median in the other minutes
that have calls (0.5, house default). Without other minutes the rate cannot be compared, and confidence is lower.

Log records of the caller, or of a proxy before the target, that tell of an open breaker in these minutes show that
there is one.

Worth fixing from ``wasted_s`` seconds waited in vain on (60, house default). Severity follows from the share of an
entry operation's requests in which a call to the target ran into a timeout.

Example
-------
Flagged: for three minutes 90 % of the payments time out after a second, and ``orders`` goes on with fifty a minute.
Better: after five failures the breaker opens; orders fail in a millisecond, or wait for their payment.

What it can mistake
-------------------
A breaker that never saw enough calls to open. A balancer that would have moved the calls away with a second instance.
Failures that come back at once need no breaker for the caller's sake, and are not accused.

What to do
----------
A breaker around the calls, with a fallback; a limit on concurrent calls (bulkhead); shedding of what cannot be served.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram, upper
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Assessment, Finding, Outcome

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="absent_circuit_breaker",
    family="cascades",
    title="Absent circuit breaker",
    facts=("call_minutes", "waits", "requests", "coverage", "log_signals", "log_lines"),
    limits={
        "calls": Limit(20, "calls", "a minute can be bad from this many calls on"),
        "failed": Limit(0.5, "", "share of a minute's calls from which it is bad"),
        "fast": Limit(
            0.05, "", "share of the failures that end at once, before they arrive, from which a breaker is at work"
        ),
        "rate": Limit(0.5, "", "share of the usual rate of calls that still holds in bad minutes"),
        "wasted_s": Limit(60, "s", "worth fixing from this much time waited in vain on"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling", "logs")
_SECOND_NS: Final = 1_000_000_000
#: Without error types, waits that differ by less than this share, and last this long, ended by a timeout.
_ALIKE, _LONG_NS = 0.1, 500_000_000
_FAST: Final = 0.1
#: What logs say where a breaker is at work.
_BREAKER_SIGNALS: Final = ("open breaker", "overflow")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which callers go on calling what does not answer."""
    minutes = evidence["call_minutes"]
    if minutes.empty:
        missing = ("spans of calls to other services that say their kind (client) and have a time",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if not int(evidence["coverage"]["with_outcome"].sum()):
        missing = ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if int(minutes["calls"].max()) < limits["calls"]:
        missing = (f"traffic: no service makes {limits['calls']:g} calls a minute to another",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    suppressed: list[str] = []
    findings = tuple(_findings(evidence, limits, suppressed))
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, findings, suppressed=tuple(suppressed))


def _findings(evidence: Evidence, limits: Limits, suppressed: list[str]) -> Iterator[Finding]:
    for key, rows in evidence["call_minutes"].groupby(["service", "target"], sort=True):
        service, target = map(str, key)
        is_bad = (rows["calls"] >= limits["calls"]) & (rows["failures"] >= limits["failed"] * rows["calls"])
        bad, others = rows[is_bad], rows[~is_bad]
        if service == target or bad.empty:
            continue
        usual = float(others["calls"].median()) if len(others) else 0.0
        holds = float(bad["calls"].median()) >= limits["rate"] * usual
        if holds and _at_the_timeout(bad) and _fast_share(bad) < limits["fast"]:
            told = _told_in_logs(evidence, service, target, bad)
            if told:
                suppressed.append(
                    f"{service} to {target}: {told:,} log records of the bad minutes tell of an open breaker"
                )
                continue
            yield _finding(evidence, service, target, bad, usual, limits)


def _at_the_timeout(bad: pd.DataFrame) -> bool:
    """Tell whether failed calls waited for their timeout."""
    if 2 * int(bad["timeouts"].sum()) >= int(bad["failures"].sum()):
        return True
    waits = merged_histogram(bad["failed"])
    early, late = waits.percentile(0.1), waits.percentile(0.9)
    return bool(early >= _LONG_NS and late <= (1 + _ALIKE) * early)


def _fast_share(bad: pd.DataFrame) -> float:
    """Return the share (0..1) of the failures that were refused, or ended at once, and that the callee never got."""
    kept_back: Histogram = merged_histogram(bad["kept_back"])
    within = _FAST * merged_histogram(bad["failed"]).percentile(0.5)
    quick = np.array([upper(int(bucket)) < within for bucket in kept_back.buckets], bool)
    fast = max(int(bad["rejections"].sum()), int(kept_back.counts[quick].sum()))
    return fast / max(1, int(bad["failures"].sum()))


def _told_in_logs(evidence: Evidence, service: str, target: str, bad: pd.DataFrame) -> int:
    """Return how many log records of the bad minutes tell of an open breaker: the caller's, or a proxy's before it."""
    signals = evidence["log_signals"]
    then = signals["minute"].isin(set(bad["minute"])) & signals["signal"].isin(_BREAKER_SIGNALS)
    whose = (signals["service"] == service) | ((signals["target"] == target) & (target != ""))
    return int(signals.loc[then & whose, "lines"].sum())


def _finding(evidence: Evidence, service: str, target: str, bad: pd.DataFrame, usual: float, limits: Limits) -> Finding:
    whom = target or "a callee that nothing names"
    calls, failures, timeouts = (int(bad[name].sum()) for name in ("calls", "failures", "timeouts"))
    waits = merged_histogram(bad["failed"])
    wasted_ns = int(bad["failed_ns"].sum())
    traces = min(evidence.traces, int(bad["traces"].sum()), failures)
    touched = _share_of_requests(evidence, service, target)
    rate = float(bad["calls"].median())
    services = tuple(sorted({service, *({target} & _services(evidence))}))
    trust = evidence.trust.of(services)
    considered = [
        f"{_fast_share(bad):.1%} of the failures ended at once and never arrived: no open breaker",
        f"the rate held: {rate:g} calls in a bad minute, {usual:g} in the others"
        if usual
        else "there are no other minutes to compare the rate with: confidence is lowered",
        "no log record of these minutes tells of an open breaker"
        if len(evidence["log_lines"])
        else "there are no log records, in which a breaker would say that it is open",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(
            Weight(passes_limits=wasted_ns >= limits["wasted_s"] * _SECOND_NS, share_of_requests=touched)
        ),
        confidence=trust.confidence(0.8 if usual else 0.6, _SENSITIVE_TO, traces),
        title=f"{service} goes on calling {whom}, which does not answer",
        summary=(
            f"In {len(bad)} minutes {failures:,} of {calls:,} calls failed, after "
            f"{duration(ms(waits.percentile(0.5)))} at the median, and the calls went "
            f"on: {wasted_ns / _SECOND_NS:.3g} s were waited in vain."
        ),
        services=services,
        subject={"service": service, "target": target},
        measures={
            "bad_minutes": len(bad),
            "calls": calls,
            "failures": failures,
            "timeouts": timeouts,
            "calls_per_bad_minute": rate,
            "calls_per_other_minute": usual,
            "wait_ms_p50": ms(waits.percentile(0.5)),
            "fast_share": round(_fast_share(bad), 4),
        },
        limits=dict(limits),
        cost={
            "share_of_requests": round(touched, 6),
            "wait_ms_p50": ms(waits.percentile(0.5)),
            "wait_ms_p95": ms(waits.percentile(0.95)),
            "total_ms": ms(wasted_ns),
        },
        saving={"total_ms": ms(wasted_ns)},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(
            tuple(item for item in merged_exemplars(bad["exemplars"]) if item.value > 0), waits.percentile(0.5)
        ),
        considered=tuple(considered),
        remedy=f"Put a circuit breaker around the calls of {service} to {whom}, with a fallback while it is open.",
    )


def _services(evidence: Evidence) -> set[str]:
    return set(evidence["coverage"]["service"]) - {""}


def _share_of_requests(evidence: Evidence, service: str, target: str) -> float:
    """Return the largest share (0..1) of an entry operation's requests with a call that ran into a timeout."""
    waits = evidence["waits"]
    late = waits[(waits["service"] == service) & (waits["target"] == target) & (waits["end"] == "timeout")]
    largest = 0.0
    for key, rows in late.groupby(["entry_service", "entry_operation"], sort=True):
        whole = evidence.request_count.get((str(key[0]), str(key[1])), 0)
        largest = max(largest, int(rows["traces"].sum()) / whole if whole else 0.0)
    return min(1.0, largest)
