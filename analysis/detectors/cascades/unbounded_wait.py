"""Unbounded wait.

What it finds
-------------
Calls that wait for an answer however long it takes: no timeout is in force, or one so long that it protects nobody.
Where the durations of failed calls gather at a round value, that is the timeout in force, and it is told.

Why it matters
--------------
A callee that hangs holds the caller's threads and connections, until there are none left. What was one slow service is
then two.

How it decides
--------------
By the calls of one operation to one target: a wait is too long beyond ``usual`` times the p99 of the answered calls
(10, the catalogue's limit; calls beyond the third quartile by more than three times the distance between the quartiles,
Tukey's far outliers, are trimmed first, and there must be ``enough`` calls, 20) and a second at least (``floor_s``,
house default), or beyond ``longest_s`` (30, the catalogue's limit). It is unbounded where no call of it ever ended by a
deadline error, and no access log of a proxy says that it gave a call to the target up. Where most of the answered calls
last that long, they are meant to (streams, long polls): they are left out, and so is what a batch waits for.

Worth fixing from ``waits`` such calls on (3, house default). Severity follows from the share of an entry operation's
requests that have one.

The timeout in force: at least ``cluster`` failed calls (5, house default), and half of those as long or longer, end
within a twentieth above 1, 2, 5, 10, 30 or 60 seconds, and few end shortly before. This is for information.

Example
-------
Flagged: ``payments`` usually has its answer from the acquirer in 100 ms; now and then it waits 45 seconds. Better: a
timeout of 150 ms, near the p99.9, and a fallback.

What it can mistake
-------------------
Streams, long polls and batches that are rare and do not say so by name. A timeout that never had to act is not seen:
calls that never wait long are not accused.

What to do
----------
Set a timeout near the p99.9 of the calls, on connecting and on reading, and decide what to answer when it ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from analysis._histogram import Histogram, lowers, uppers
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import shortened
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding, Outcome

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="unbounded_wait",
    family="cascades",
    title="Unbounded wait",
    facts=("waits", "requests", "coverage", "log_signals"),
    limits={
        "usual": Limit(10, "times the p99", "a wait is too long beyond this many times the usual p99"),
        "floor_s": Limit(1, "s", "and beyond this"),
        "longest_s": Limit(30, "s", "a wait is too long beyond this, whatever is usual"),
        "enough": Limit(20, "calls", "answered calls from which the usual p99 is known"),
        "waits": Limit(3, "calls", "worth fixing from this many calls on that wait too long"),
        "cluster": Limit(5, "calls", "failed calls at a round value that make a timeout"),
    },
)
_SENSITIVE_TO: Final = ("compressed", "kinds", "sampling", "error_types")
_SUBJECT: Final = ("service", "operation", "target", "template")
_ROUND_S: Final = (1, 2, 5, 10, 30, 60)
_SECOND_NS: Final = 1_000_000_000
#: How far above its timeout a call may end, as a share of it; and how little below, for coarse clocks.
_ABOVE, _BELOW = 0.05, 0.01
#: A timeout stands out: as many calls end shortly before it at most, as a share of those at it.
_BEFORE: Final = 0.25
_BATCH: Final = ("internal", "consumer", "producer")
_MEANT: Final = re.compile(r"stream|long-?poll|\bpoll\b|watch|subscribe|websocket|/events\b|/sse\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Waits:
    """The waits of one operation for one callee."""

    evidence: Evidence
    service: str
    operation: str
    target: str
    template: str
    rows: Rows

    @property
    def where(self) -> str:
        return f"{self.operation} of {self.service}" if self.operation else self.service

    @property
    def whom(self) -> str:
        return self.target or "a callee that nothing names"

    @property
    def by_deadline(self) -> int:
        return self.ending("timeout").total("calls")

    @cached_property
    def waited_for(self) -> Rows:
        """Rows of requests that somebody waits for."""
        return self.rows.only(~self.rows.among("entry_kind", _BATCH))

    @cached_property
    def answered(self) -> Histogram:
        return self.ending("answered").histogram("latency")

    def ending(self, *ends: str) -> Rows:
        return self.rows.only(self.rows.among("end", ends))


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which calls wait without bound, and which timeouts are in force."""
    waits = evidence.rows("waits")
    if not len(waits):
        missing = ("spans of calls to others that say their kind (client) and have a time",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if not evidence.rows("coverage").total("with_outcome"):
        missing = ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings: list[Finding] = []
    suppressed: list[str] = []
    for (service, operation, target, template), rows in waits.groups(*_SUBJECT):
        item = _Waits(evidence, service, operation, target, template, rows)
        findings += _timeouts_in_force(item, limits)
        limit_ns = _too_long(item, limits)
        count = _count_beyond(item.waited_for.histogram("latency"), limit_ns)
        if not count or item.by_deadline:
            continue
        given_up = _given_up_by_a_proxy(item)
        if given_up:
            suppressed.append(f"{item.where} to {item.whom}: {given_up} records of a proxy tell of its timeout")
            continue
        if _is_meant(item, limit_ns):
            suppressed.append(f"{item.where} to {item.whom}: most calls last that long, a stream or long poll")
        else:
            findings.append(_finding(item, limit_ns, count, limits))
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, tuple(findings), suppressed=tuple(suppressed))


def _too_long(item: _Waits, limits: Limits) -> float:
    """Return the wait (ns) beyond which it is too long."""
    longest = limits["longest_s"] * _SECOND_NS
    answered = item.answered
    if not answered.count:
        return longest
    first, third = answered.percentile(0.25), answered.percentile(0.75)
    kept = lowers(answered.buckets) <= third + 3 * (third - first)
    usual = Histogram(answered.buckets[kept], answered.counts[kept])
    if usual.count < limits["enough"]:
        return longest
    return min(longest, max(limits["usual"] * usual.percentile(0.99), limits["floor_s"] * _SECOND_NS))


def _count_beyond(latency: Histogram, limit_ns: float) -> int:
    return int(latency.counts[lowers(latency.buckets) > limit_ns].sum())


def _is_meant(item: _Waits, limit_ns: float) -> bool:
    most = 2 * _count_beyond(item.answered, limit_ns) > item.answered.count
    return most or any(_MEANT.search(text) for text in (item.template, item.operation))


def _given_up_by_a_proxy(item: _Waits) -> int:
    """Return how many log records of proxies tell that they gave a call to the target up."""
    if not item.target:
        return 0
    return item.evidence.rows("log_signals").where(signal="timeout", target=item.target).total("lines")


def _finding(item: _Waits, limit_ns: float, count: int, limits: Limits) -> Finding:
    evidence = item.evidence
    whole = item.rows.histogram("latency")
    rows = item.waited_for.only(item.waited_for["longest_ns"] > limit_ns)
    traces = min(evidence.traces, rows.total("traces"), count)
    longest = int(rows["longest_ns"].max())
    touched = _share_of_requests(item, limit_ns)
    beyond_ns = sum(
        (shortest - limit_ns) * times
        for shortest, times in zip(lowers(whole.buckets).tolist(), whole.counts.tolist(), strict=True)
        if shortest > limit_ns
    )
    shown = [example for example in rows.exemplars if example.value > limit_ns]
    failed = item.ending("failed").total("calls")
    services = (item.service,)
    trust = evidence.trust.of(services)
    considered = (
        "no call of it ever ended by a deadline error",
        f"{failed:,} of {whole.count:,} calls failed in other ways",
        *trust.sentences(_SENSITIVE_TO, traces),
    )
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=count >= limits["waits"], share_of_requests=touched)),
        confidence=trust.confidence(0.8, _SENSITIVE_TO, traces),
        title=f"{item.where} waits for {item.whom} without bound: {shortened(item.template)}",
        summary=(
            f"{count:,} of {whole.count:,} calls waited longer than {limit_ns / _SECOND_NS:.3g} s, the longest "
            f"{longest / _SECOND_NS:.3g} s, where {duration(ms(whole.percentile(0.5)))} is usual; none met a deadline."
        ),
        services=services,
        subject={"kind": "unbounded", **{name: getattr(item, name) for name in _SUBJECT}},
        measures={
            "waits": count,
            "calls": whole.count,
            "longest_ms": ms(longest),
            "limit_ms": ms(limit_ns),
            "wait_ms_p50": ms(whole.percentile(0.5)),
            "wait_ms_p99": ms(whole.percentile(0.99)),
            "wait_ms_p999": ms(whole.percentile(0.999)),
        },
        limits=dict(limits),
        cost={"waits": count, "share_of_requests": round(touched, 6), "total_ms": ms(beyond_ns)},
        saving={"total_ms": ms(beyond_ns)},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(tuple(shown), limit_ns),
        considered=considered,
        remedy=f"Set a timeout for {item.whom} near the p99.9 of its usual calls, and decide what to answer then.",
    )


def _share_of_requests(item: _Waits, limit_ns: float) -> float:
    """Return the largest share (0..1) of an entry operation's requests that have such a wait."""
    largest = 0.0
    for key, rows in item.waited_for.by_entry():
        whole = item.evidence.request_count.get(key, 0)
        count = min(_count_beyond(rows.histogram("latency"), limit_ns), rows.total("traces"))
        largest = max(largest, count / whole if whole else 0.0)
    return min(1.0, largest)


def _timeouts_in_force(item: _Waits, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for the round value at which failed calls end, if there is one."""
    ended = item.ending("failed", "timeout").histogram("latency")
    if ended.count < limits["cluster"]:
        return
    for seconds in _ROUND_S:
        low, high = seconds * (1 - _BELOW) * _SECOND_NS, seconds * (1 + _ABOVE) * _SECOND_NS
        within = (low <= uppers(ended.buckets)) & (lowers(ended.buckets) <= high)
        count, as_long = int(ended.counts[within].sum()), _count_beyond(ended, low)
        before = _count_beyond(ended, (1 - _ABOVE - _BELOW) * seconds * _SECOND_NS) - as_long
        if count >= limits["cluster"] and 2 * count >= as_long and before <= _BEFORE * count:
            yield _timeout(item, seconds, count, ended.count, limits)
            return


def _timeout(item: _Waits, seconds: int, count: int, ended: int, limits: Limits) -> Finding:
    evidence = item.evidence
    rows = item.ending("failed", "timeout")
    traces = min(evidence.traces, rows.total("traces"), count)
    services = (item.service,)
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity="info",
        confidence=trust.confidence(0.8, _SENSITIVE_TO, traces),
        title=f"{item.where} gives up on {item.whom} after {seconds} s: {shortened(item.template)}",
        summary=f"{count:,} of {ended:,} failed calls end at {seconds} s or a twentieth above: the timeout in force.",
        services=services,
        subject={"kind": "timeout", **{name: getattr(item, name) for name in _SUBJECT}},
        measures={"timeout_s": seconds, "at_timeout": count, "failed": ended},
        limits=dict(limits),
        cost={"total_ms": count * seconds * 1000.0},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(rows.exemplars, seconds * _SECOND_NS),
        considered=(
            "answered calls were left out: a wait that ends well is no timeout",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy="Nothing to mend by itself: hold it against the p99.9 of the calls and the timeouts above.",
    )
