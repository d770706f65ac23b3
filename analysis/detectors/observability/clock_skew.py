"""Clock skew.

What it finds
-------------
Hosts whose clock is ahead or behind of those they exchange calls with, by an offset that stays the same.

Why it matters
--------------
Servers seem to answer before they are asked. Waterfalls, waiting times between services and the order of log lines
across hosts are wrong by the offset, and so is whatever expires by the clock: tokens, caches, locks.

How it decides
--------------
A server works while its client waits. For each pair of hosts the shift that puts its calls there is estimated over all
traces, as NTP does from its four time stamps (RFC 5905, section 8). A host that had to be shifted is reported; worth
fixing from ``offset_ms`` (10 ms) and from ``calls`` (20) calls between it and hosts with another offset (house
defaults), if the shift mends more than half of them. Fewer or less is ``info``. Where at least half of the calls
between two clocks begin before their caller and no single shift mends it, the pair is reported as ``info``: its clocks
drift, or the two times are not of one clock. Servers that merely end after their client are not held against a clock:
the client may have given up. Times in this review are corrected: never more than ``low``.

Example
-------
Flagged: on ``warehouse-1`` every server span begins a second after the client span that waits for it has ended.
Better: ``chrony`` on ``warehouse-1`` follows the same time servers as the other hosts.

What it can mistake
-------------------
Work that goes on after the caller has stopped waiting, and is not marked as asynchronous. Hosts without a name
(``host.name``) are told apart by service only. A delay that differs between request and answer is split in half.

What to do
----------
Let all hosts follow the same time servers (NTP or PTP), and watch the offset that the daemon reports.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis._wording import duration, listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="clock_skew",
    family="observability",
    title="Clock skew",
    facts=("clock_pairs",),
    limits={
        "offset_ms": Limit(10.0, "ms", "offset of a clock, ahead or behind, from which it is worth fixing"),
        "calls": Limit(20, "calls", "calls with hosts of another offset from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("sampling", "resolution")
_HALF: Final = 0.5
_REMEDY: Final = (
    "Let {clocks} follow the same time servers as the other hosts, and watch the offset the daemon reports."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which clocks disagree."""
    pairs = evidence["clock_pairs"]
    if pairs.empty:
        missing = ("calls between two clocks (host.name, host.id, else two services), with times on both sides",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    shift_ms = {item["host"]: float(item["shift_ms"]) for item in evidence.trust.measures["skew_corrected_hosts"]}
    caller_ms, callee_ms = (pairs[name].map(shift_ms).fillna(0.0) for name in ("caller_clock", "callee_clock"))
    differing = pairs[caller_ms != callee_ms]
    findings = []
    for clock, shift in sorted(shift_ms.items()):
        rows = differing[(differing["caller_clock"] == clock) | (differing["callee_clock"] == clock)]
        if not rows.empty:
            findings.append(_offset(evidence, limits, clock, -shift, rows))
    alike = pairs[caller_ms == callee_ms]
    first = alike[["caller_clock", "callee_clock"]].min(axis=1)
    second = alike[["caller_clock", "callee_clock"]].max(axis=1)
    for (one, other), rows in alike.groupby([first, second], sort=True):
        if rows["early"].sum() and rows["early"].sum() >= _HALF * rows["calls"].sum():
            findings.append(_drifting(evidence, limits, str(one), str(other), rows))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _offset(evidence: Evidence, limits: Limits, clock: str, offset_ms: float, rows: pd.DataFrame) -> Finding:
    calls = int(rows["calls"].sum())
    others = sorted({*rows["caller_clock"], *rows["callee_clock"]} - {clock})
    mine = sorted(
        {
            *rows.loc[rows["caller_clock"] == clock, "caller_service"],
            *rows.loc[rows["callee_clock"] == clock, "callee_service"],
        }
        - {""}
    )
    direction = f"{duration(abs(offset_ms))} {'ahead of' if offset_ms > 0 else 'behind'} {listed(others)}"
    out, left = _out_of_step(rows)
    consistent = left < _HALF * out
    passes = consistent and abs(offset_ms) >= limits["offset_ms"] and calls >= limits["calls"]
    considered = [f"{left:,} of {calls:,} calls are still out of step after the correction, {out:,} were before"]
    if not consistent:
        considered.append("the offset is the best that was found and not the same for most calls")
    return _finding(
        evidence,
        limits,
        rows,
        Weight(passes_limits=passes),
        title=f"The clock of {clock} {'is' if consistent else 'may be'} {direction}",
        summary=(
            f"{out:,} of {calls:,} calls between {clock} and {listed(others)} are out of step as exported, "
            f"and {left:,} once its times are shifted by {duration(-offset_ms)}."
        ),
        services=tuple(mine),
        subject={"clock": clock},
        measures={"offset_ms": offset_ms, "calls": calls, "out_of_step": out, "out_of_step_corrected": left},
        considered=considered,
        remedy=_REMEDY.format(clocks=clock),
    )


def _drifting(evidence: Evidence, limits: Limits, one: str, other: str, rows: pd.DataFrame) -> Finding:
    calls, early = int(rows["calls"].sum()), int(rows["early"].sum())
    out, left = _out_of_step(rows)
    return _finding(
        evidence,
        limits,
        rows,
        Weight(passes_limits=False),
        title=f"The clocks of {one} and {other} disagree, by no constant offset",
        summary=(
            f"{early:,} of {calls:,} calls between {one} and {other} begin before their caller; no shift was applied."
        ),
        services=tuple(sorted({*rows["caller_service"], *rows["callee_service"]} - {""})),
        subject={"clocks": [one, other]},
        measures={"offset_ms": None, "calls": calls, "out_of_step": out, "out_of_step_corrected": left},
        considered=["too few calls, a shift that mends less than half of them, or a correction that was switched off"],
        remedy=_REMEDY.format(clocks=f"{one} and {other}"),
    )


def _out_of_step(rows: pd.DataFrame) -> tuple[int, int]:
    """Return how many calls are out of step, as exported and as corrected."""
    return int(rows["early"].sum() + rows["late"].sum()), int(rows["still_early"].sum() + rows["still_late"].sum())


def _finding(
    evidence: Evidence,
    limits: Limits,
    rows: pd.DataFrame,
    weight: Weight,
    *,
    title: str,
    summary: str,
    services: tuple[str, ...],
    subject: dict[str, object],
    measures: dict[str, object],
    considered: list[str],
    remedy: str,
) -> Finding:
    # A trace may cross several pairs of services: the sum is an upper bound, the largest a lower one.
    traces = int(rows["traces"].max())
    share = min(1.0, traces / evidence.traces) if evidence.traces else 0.0
    outside = merged_histogram(rows["outside"])
    median = outside.percentile(0.5) if outside.count else 0.0
    trust = evidence.trust.of(services)
    considered += [
        "servers that only end after their client are no evidence of a clock: the client may have given up",
        "traces are a lower bound: those of the pair of services seen in most",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.95 if measures["offset_ms"] else 0.6, _SENSITIVE_TO, traces),
        title=title,
        summary=summary,
        services=services,
        subject=subject,
        measures=measures,
        limits=dict(limits),
        cost={"out_of_step_ms_p50": ms(median), "total_ms": ms(0)},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share, 4),
        exemplars=examples(merged_exemplars(rows["exemplars"]), median),
        considered=tuple(considered),
        remedy=remedy,
    )
