"""Thundering herd.

What it finds
-------------
Calls of one kind that many requests make in the same second, far more than usual: after a cache entry expired, a cache
started cold, or a pause of the same length ended for all at once.

Why it matters
--------------
Everybody who misses the entry asks for it anew, and the store behind the cache meets a load it was never sized for,
just when no cache protects it. It answers late, more requests miss, and the herd grows.

How it decides
--------------
By seconds of one template that one service calls at one target: a second is a herd with ``calls`` calls or more (50)
that are ``times`` or more the median of the seconds that have any (5; the catalogue's limits), made for ``requests``
requests or more (10, house default). Calls that follow a question to a cache (``cached`` of them or more), which the
cache answers in most seconds, are held against all seconds with requests: one a second is usual at least. It is none
where the requests themselves came in a rush: the calls must have grown ``beyond`` times as much as all requests of that
second (2, house default). Jobs and messages (half of the calls or more begin in a request that nobody waits for, or
whose beginning is missing) and probes are left out.

Worth fixing from ``cached`` on: the share of the calls before which their visit had asked a cache in vain (0.5, house
default), or where calls of the herd failed. Severity follows from the share of all requests whose calls failed.

Example
-------
Flagged: the price list expires every ten minutes; in that second 300 requests read it from the database, where two a
second are usual. Better: one request loads it while the others wait (single flight), and entries expire at different
times (jitter).

What it can mistake
-------------------
Values are not compared, so that calls of one template for many different things look alike. A load test and a sale
bring more requests, and are told apart by these; one that asks for a single page only is not told apart where the
export begins with it.

What to do
----------
Let one request load what is missing and the others wait for it; spread expiry; refresh before it ends; add jitter to
timers and to pauses before a retry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples
from analysis.detectors._requests import finding, shortened
from analysis.detectors._rows import Rows
from analysis.detectors.boundaries._services import is_probe
from analysis.facts import amounts_at, laid_out
from analysis.findings import Assessment, Finding, Outcome

__all__ = ["INFO", "judge"]

Whole = NDArray[np.int64]

INFO: Final = Info(
    name="thundering_herd",
    family="cascades",
    title="Thundering herd",
    facts=("call_seconds",),
    limits={
        "calls": Limit(50, "calls", "a second can be a herd from this many calls on", "catalogue"),
        "times": Limit(5, "times", "calls of such a second against the median of the seconds with any", "catalogue"),
        "requests": Limit(10, "requests", "requests that make the calls of such a second"),
        "beyond": Limit(2, "times", "growth of the calls against that of all requests in the same second"),
        "cached": Limit(0.5, "", "share of the calls that come after a question to a cache: worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "sampling")
_SUBJECT: Final = ("service", "target", "template")
_BY_SECOND: Final = ("by_second", "requests", "failures")
#: Seconds with calls below which a median means nothing.
_LEAST_SECONDS: Final = 5


@dataclass(frozen=True)
class _Herd:
    """The seconds in which one service's calls of one template came in a rush.

    ``seconds`` since the epoch, and what began in each; ``usual`` is the median of the seconds with any calls.
    """

    service: str
    target: str
    template: str
    rows: Rows
    usual: float
    seconds: Whole
    calls: Whole
    requests: Whole
    failures: Whole

    @property
    def minutes(self) -> Rows:
        """Rows of the minutes that hold such a second."""
        return self.rows.only(np.isin(self.rows["minute"], self.seconds // 60))


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which calls come in herds."""
    rows = evidence.rows("call_seconds")
    calls = rows.only(rows["service"] != "")
    if not len(calls):
        missing = ("spans of calls to others that say their kind (client) and have a time",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    entered = rows.where(service="")
    seconds, began = laid_out(entered["minute"], {"requests": entered["by_second"]})
    if len(seconds) < _LEAST_SECONDS:
        missing = (f"{_LEAST_SECONDS} seconds with requests, to tell a rush of calls from a rush of requests",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    suppressed: list[str] = []
    herds = list(_herds(calls, (seconds, began["requests"]), limits, suppressed))
    findings = tuple(_finding(evidence, item, limits) for item in herds)
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, findings, suppressed=tuple(suppressed))


def _herds(calls: Rows, requests: tuple[Whole, Whole], limits: Limits, suppressed: list[str]) -> Iterator[_Herd]:
    usual_requests = max(1.0, float(np.median(requests[1])))
    for (service, target, template), rows in calls.groups(*_SUBJECT):
        if rows.total("calls") < limits["calls"] or is_probe(template):
            continue
        seconds, began = laid_out(rows["minute"], {name: rows[name] for name in _BY_SECOND})
        usual = float(np.median(began["by_second"])) if len(seconds) else 0.0
        known = len(seconds)
        if len(requests[0]) > known and rows.total("asked_cache") >= limits["cached"] * rows.total("calls"):
            # Such a call is made where the cache had no answer: seconds without one are as usual as those with.
            known = len(requests[0])
            silent = np.zeros(known - len(seconds), np.int64)
            usual = max(1.0, float(np.median(np.concatenate([began["by_second"], silent]))))
        enough = max(limits["calls"], limits["times"] * usual)
        rush = np.flatnonzero((began["by_second"] >= enough) & (began["requests"] >= limits["requests"]))
        if not len(rush) or known < _LEAST_SECONDS:
            continue
        whom = f"{shortened(template)} of {service} at {target or 'a callee that nothing names'}"
        if 2 * rows.total("behind_batch") >= rows.total("calls"):
            suppressed.append(f"{whom}: called by jobs and messages, which come in batches")
            continue
        all_requests = amounts_at(seconds[rush], *requests)
        grown = (began["by_second"][rush] / usual) / np.maximum(all_requests / usual_requests, 1)
        herd = rush[grown >= limits["beyond"]]
        if not len(herd):
            suppressed.append(f"{whom}: requests came in the same rush, as in a load test or a sale")
            continue
        chosen = (began[name][herd] for name in _BY_SECOND)
        yield _Herd(service, target, template, rows, usual, seconds[herd], *chosen)


def _finding(evidence: Evidence, item: _Herd, limits: Limits) -> Finding:
    minutes = item.minutes
    calls, failed, requests = (int(amounts.sum()) for amounts in (item.calls, item.failures, item.requests))
    cached = minutes.total("asked_cache") / max(1, minutes.total("calls"))
    everyone = sum(evidence.request_count.values())
    touched = min(1.0, failed / everyone) if everyone else 0.0
    exemplars = minutes.exemplars
    values = sorted(item.value for item in exemplars)
    weight = Weight(passes_limits=cached >= limits["cached"] or failed > 0, share_of_requests=touched)
    whom = item.target or "a callee that nothing names"
    worst = int(item.calls.max())
    known = set(evidence.rows("call_seconds").where(service="")["target"])
    return finding(
        evidence,
        INFO,
        limits,
        min(evidence.traces, requests),
        0.75 if cached >= limits["cached"] else 0.6,
        _SENSITIVE_TO,
        (
            f"{cached:.0%} of the calls in these minutes come after a question to a cache",
            "requests did not come in the same rush",
            f"{failed:,} of the {calls:,} calls failed",
        ),
        severity=severity(weight),
        title=f"{item.service} calls {whom} in herds: {shortened(item.template)}",
        summary=(
            f"In {len(item.seconds)} seconds {calls:,} calls came for {requests:,} requests, up to {worst} in one "
            f"second; {item.usual:g} are usual."
        ),
        services=tuple(sorted({item.service, *({item.target} & known)})),
        subject={name: getattr(item, name) for name in _SUBJECT},
        measures={
            "seconds": len(item.seconds),
            "calls": calls,
            "requests": requests,
            "most_in_a_second": worst,
            "usual_in_a_second": item.usual,
            "after_cache_share": round(cached, 4),
            "failures": failed,
        },
        cost={"share_of_requests": round(touched, 6), "calls": calls},
        saving={"calls": calls - len(item.seconds)},
        exemplars=examples(exemplars, values[len(values) // 2] if values else 0.0),
        remedy=(
            f"Let one request of {item.service} load what is missing while the others wait for it, and let entries "
            "expire at different times."
        ),
    )
