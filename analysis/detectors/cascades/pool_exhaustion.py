"""Pool exhaustion.

What it finds
-------------
Copies of a service that run out of connections or workers: the more they have to do at once, the longer each request
waits before it gets to work.

Why it matters
--------------
A pool turns the slowness of one callee into a standstill of everything that shares the pool: requests that never needed
the slow callee wait for a connection that others hold while they wait for it.

How it decides
--------------
By the seconds of one copy, ordered by how much it had to do at once (three seconds of visits in a second are three at
once). Waits are the spans of taking a connection; where a service has none, the time from the beginning of a visit to
its first child. A pool is exhausted where the waits of the busiest quarter of the seconds are ``grows`` times as long
as those of the least busy (5, house default) and ``wait_ms`` at least on average (20, house default), in ``seconds``
seconds or more (5, house default), and rise with the load (Spearman's rank correlation of ``rises``, 0.3, house
default), with ``at_once`` visits at once in the busiest quarter (2, as one that waits for another makes two; long
waits alone make a copy look busy). Where waits timed out while the copy's other calls to stores went on, the first two
are enough.

For information: ``queries`` calls to stores at once or more, all through a second, by one copy (10, the catalogue's
limit).

Worth fixing from ``total_s`` seconds waited on (10, house default), or where a wait failed. Severity follows from the
share of an entry operation's requests that waited ``wait_ms`` or longer, and is ``high`` where requests of users failed
for want of a connection. What is told by pauses alone is ``low`` at most: it may be a worker or the processor that is
waited for.

Example
-------
Flagged: ``orders`` has five connections, and keeps one while it waits three seconds for a payment; lists of orders,
which take ten milliseconds, wait a second and a half for a connection and then fail. Better: the connection is given
back before the payment is asked for.

What it can mistake
-------------------
Asynchronous runtimes have hundreds of calls at once by design: queries alone are for information. The first connections
after a start take long whatever the load, and are rare. A store that slows under load makes calls longer, not the waits
before them.

What to do
----------
Hold no connection while waiting for something else; give each callee a pool of its own (bulkhead); size pools by
Little's law, calls a second times seconds a call; fail fast when the queue is full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._histogram import Histogram, uppers
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import finding, largest_share
from analysis.detectors._rows import Rows
from analysis.facts import amounts_at, laid_out
from analysis.findings import Assessment, Finding, Severity

__all__ = ["INFO", "judge"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

INFO: Final = Info(
    name="pool_exhaustion",
    family="cascades",
    title="Pool exhaustion",
    facts=("instance_minutes", "pauses", "pool_waits", "waits", "failures", "requests"),
    limits={
        "grows": Limit(5, "times", "waits of the busiest quarter of seconds against those of the least busy"),
        "wait_ms": Limit(20, "ms", "average wait in the busiest quarter of seconds"),
        "seconds": Limit(5, "s", "busy seconds in which waits are that long"),
        "at_once": Limit(2, "visits", "visits at once in the busiest quarter of seconds, on average"),
        "rises": Limit(0.3, "", "rank correlation of waits and load from which one follows the other"),
        "queries": Limit(10, "calls", "calls to stores at once by one copy that are told", "catalogue"),
        "total_s": Limit(10, "s", "worth fixing from this much time waited on"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling", "resolution")
_SECOND_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000
#: Seconds that a correlation is made of, at least.
_LEAST_SECONDS: Final = 12
_SERVED: Final = ("server", "client", "unspecified", "internal")
_BY_SECOND: Final = ("busy", "querying", "wait_count", "wait_ns")
_NO_PLACES: Final = np.zeros(0, np.int64)
_CONNECTING: Final = ("connect", "connection", "getconnection", "acquire", "checkout", "pool")


@dataclass(frozen=True)
class _Copy:
    """One running copy of a service, second by second: load, and waits of one sort.

    ``load`` (visits at once), ``querying`` (ns of calls to stores), ``count`` and ``ns`` of waits; ``rows`` are those
    of the fact that tells of the waits.
    """

    service: str
    instance: str
    how: str
    rows: Rows
    load: Floats
    querying: Whole
    count: Whole
    ns: Whole

    @cached_property
    def waited(self) -> Whole:
        """Places of the seconds in which somebody waited, the least busy first."""
        places = np.flatnonzero(self.count > 0)
        return places[np.lexsort((self.mean[places], self.load[places]))]

    @cached_property
    def mean(self) -> Floats:
        """Average wait of each second (ns)."""
        return np.asarray(self.ns / np.maximum(self.count, 1))

    @property
    def quarter(self) -> int:
        return max(1, len(self.waited) // 4)

    @property
    def idle_ns(self) -> float:
        """Average wait in the least busy quarter of seconds, at least a tenth of a millisecond."""
        return max(self._average(self.waited[: self.quarter]), _MS_NS / 10)

    @property
    def busy(self) -> Whole:
        return self.waited[-self.quarter :]

    @property
    def busy_ns(self) -> float:
        return self._average(self.busy)

    @property
    def busy_load(self) -> float:
        """Visits at once in the busiest quarter of seconds."""
        return float(self.load[self.busy].mean())

    def _average(self, places: Whole) -> float:
        return float(self.ns[places].sum()) / max(1, int(self.count[places].sum()))

    @cached_property
    def rises(self) -> float:
        """Rank correlation of load and average wait."""
        ranks = pd.DataFrame({"load": self.load[self.waited], "mean": self.mean[self.waited]}).rank()
        found = ranks["load"].corr(ranks["mean"])
        return 0.0 if np.isnan(found) else float(found)

    @property
    def most_queries_ns(self) -> int:
        """Time of calls to stores in the second that has the most of it."""
        return int(self.querying.max(initial=0))

    @property
    def refused(self) -> int:
        return self.rows.total("refused") if "refused" in self.rows else 0

    def long(self, limit_ns: float) -> Whole:
        """Return the places of the seconds whose average wait reaches a limit."""
        return self.waited[self.mean[self.waited] >= limit_ns]

    def is_exhausted(self, limits: Limits) -> bool:
        limit_ns = limits["wait_ms"] * _MS_NS
        if self.busy_ns < max(limit_ns, limits["grows"] * self.idle_ns):
            return False
        if self.refused and int(self.querying.sum()):
            return True
        often = int((self.mean[self.busy] >= limit_ns).sum()) >= limits["seconds"]
        crowded = self.busy_load >= limits["at_once"] and self.rises >= limits["rises"]
        return len(self.waited) >= _LEAST_SECONDS and often and crowded


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services run out of connections or workers."""
    if evidence["instance_minutes"].empty:
        missing = ("spans with a time, from which the load of each copy of a service could be told",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    copies = list(_copies(evidence))
    findings = tuple(
        made
        for service in sorted({copy.service for copy in copies})
        for made in _of_service(evidence, [copy for copy in copies if copy.service == service], limits)
    )
    if findings:
        return Assessment(INFO.name, INFO.family, "found", findings)
    if not any(len(copy.waited) >= _LEAST_SECONDS for copy in copies):
        missing = (f"{_LEAST_SECONDS} seconds in which a copy of a service took a connection or began a visit",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    return Assessment(INFO.name, INFO.family, "not_found")


def _copies(evidence: Evidence) -> Iterator[_Copy]:
    """Yield every copy of a service, with the waits for connections, else the pauses, that tell of its pools."""
    minutes, pauses = evidence.rows("instance_minutes"), evidence.rows("pauses")
    connects = set(minutes.only(minutes["waits"] > 0)["service"])
    paused = dict(pauses.groups("service", "instance"))
    for (service, instance), rows in minutes.groups("service", "instance"):
        seconds, amounts = laid_out(rows["minute"], {name: rows[name] for name in _BY_SECOND})
        load, querying = amounts["busy"] / _SECOND_NS, amounts["querying"]
        if service in connects:
            yield _Copy(
                service, instance, "connections", rows, load, querying, amounts["wait_count"], amounts["wait_ns"]
            )
            continue
        pause = paused.get((service, instance), pauses.only(_NO_PLACES))
        when, amounts = laid_out(pause["minute"], {name: pause[name] for name in ("pause_count", "pause_ns")})
        count, ns = (amounts_at(seconds, when, amounts[name]) for name in ("pause_count", "pause_ns"))
        yield _Copy(service, instance, "pauses", pause, load, querying, count, ns)


def _of_service(evidence: Evidence, copies: list[_Copy], limits: Limits) -> Iterator[Finding]:
    exhausted = [copy for copy in copies if copy.is_exhausted(limits)]
    if exhausted:
        yield _exhausted(evidence, exhausted, limits)
        return
    most = max(copies, key=lambda copy: (copy.most_queries_ns, copy.instance))
    if most.most_queries_ns >= limits["queries"] * _SECOND_NS:
        yield _many_queries(evidence, most, limits)


def _exhausted(evidence: Evidence, copies: list[_Copy], limits: Limits) -> Finding:
    worst = max(copies, key=lambda copy: (copy.refused, copy.busy_ns, copy.instance))
    service, by_connection = worst.service, worst.how == "connections"
    total_ns = sum(int(copy.ns.sum()) for copy in copies)
    refused = sum(copy.refused for copy in copies)
    limit_ns = limits["wait_ms"] * _MS_NS
    waits = evidence.rows("pool_waits")
    waits = waits.where(service=service) if by_connection else waits.only(_NO_PLACES)
    affected, touched, latency = _requests_waiting(evidence, waits, limit_ns)
    share_p95 = largest_share(evidence, waits, "wait_per_request")
    failed = _requests_failed(evidence, service) if refused else 0
    weight = Weight(
        passes_limits=refused > 0 or total_ns >= limits["total_s"] * _SECOND_NS,
        share_of_p95=share_p95,
        share_of_requests=touched,
        fails_users=failed > 0,
    )
    level: Severity = severity(weight)
    if not by_connection and level in ("medium", "high"):
        level = "low"
    sources = [waits] if by_connection else [copy.rows for copy in copies]
    exemplars = tuple(exemplar for rows in sources for exemplar in rows.exemplars)
    shown = tuple(item for item in exemplars if item.value >= limit_ns) or exemplars
    # Of pauses it is known in how many seconds they were long, each of which has a trace.
    traces = affected if by_connection else sum(len(copy.long(limit_ns)) for copy in copies)
    traces = min(evidence.traces, traces)
    what = "a connection" if by_connection else "their first call"
    return finding(
        evidence,
        INFO,
        limits,
        traces,
        0.85 if by_connection else 0.5,
        _SENSITIVE_TO,
        (
            f"the least busy quarter of the seconds waited {duration(ms(worst.idle_ns))} on average",
            f"waits follow the load: rank correlation {worst.rises:.2f} over {len(worst.waited)} seconds",
            f"the copy's other calls to stores went on: {duration(ms(int(worst.querying.sum())))} in all"
            if by_connection
            else "no span tells of taking a connection: it may be workers or the processor that are waited for",
        ),
        severity=level,
        title=f"{service} runs out of {'connections' if by_connection else 'connections or workers'} under load",
        summary=(
            f"With {worst.busy_load:.1f} visits at once ({worst.instance or 'its only copy named'}), visits waited "
            f"{duration(ms(worst.busy_ns))} for {what} on average, {duration(ms(worst.idle_ns))} when idle; {refused} "
            f"waits failed, and {failed:,} requests with them."
        ),
        services=(service,),
        subject={"service": service, "how": worst.how},
        measures={
            "instances": len(copies),
            "busy_wait_ms": ms(worst.busy_ns),
            "idle_wait_ms": ms(worst.idle_ns),
            "busy_load": round(worst.busy_load, 2),
            "load_at_first_long_wait": _first_long(worst, limit_ns),
            "correlation": round(worst.rises, 4),
            "refused": refused,
            "requests_failed": failed,
        },
        cost={
            "requests_failed": failed,
            "share_of_requests": round(touched, 6),
            "share_of_p95": round(share_p95, 4),
            "wait_ms_p95": ms(latency.percentile(0.95)) if latency.count else ms(worst.busy_ns),
            "total_ms": ms(total_ns),
        },
        saving={"requests": failed, "total_ms": ms(total_ns)},
        exemplars=examples(shown, worst.busy_ns),
        remedy=(
            f"Let {service} hold no connection while it waits for another service, and give each callee a pool of its "
            "own, sized by calls a second times seconds a call."
        ),
    )


def _first_long(copy: _Copy, limit_ns: float) -> float:
    """Return the load at which waits become long: the lower quartile of the loads of seconds that wait that long."""
    loads = copy.load[copy.long(limit_ns)]
    return round(float(np.quantile(loads, 0.25)), 1) if len(loads) else 0.0


def _many_queries(evidence: Evidence, copy: _Copy, limits: Limits) -> Finding:
    waits = evidence.rows("waits").where(service=copy.service)
    rows = waits.only(np.array(["://" in target for target in waits["target"]], np.bool_))
    at_once = copy.most_queries_ns / _SECOND_NS
    seconds = int((copy.querying >= limits["queries"] * _SECOND_NS).sum())
    traces = min(evidence.traces, rows.total("traces"))
    latency = rows.histogram("latency")
    return finding(
        evidence,
        INFO,
        limits,
        traces,
        0.6,
        _SENSITIVE_TO,
        ("waits do not grow with the load", "asynchronous runtimes have many calls at once by design"),
        severity="info",
        title=f"{copy.service} has {at_once:.0f} calls to stores open at once",
        summary=f"In {seconds} seconds one copy had {limits['queries']:g} calls to stores or more open all the time.",
        services=(copy.service,),
        subject={"service": copy.service, "how": "queries"},
        measures={"queries_at_once": round(at_once, 1), "seconds": seconds, "refused": copy.refused},
        cost={"total_ms": 0.0},
        saving={},
        exemplars=examples(rows.exemplars, latency.percentile(0.5)),
        remedy=f"See that the pools of {copy.service} and its stores allow for as many, and bound them.",
    )


def _requests_waiting(evidence: Evidence, waits: Rows, limit_ns: float) -> tuple[int, float, Histogram]:
    """Tell how many requests waited long, the largest share of an entry operation's, and how long they waited."""
    whole, touched, all_long = 0, 0.0, [Histogram.merged([])]
    for key, rows in waits.groups("entry_service", "entry_operation"):
        latency = rows.histogram("wait_per_request")
        kept = uppers(latency.buckets) >= limit_ns
        long = Histogram(latency.buckets[kept], latency.counts[kept])
        requests = evidence.request_count.get((key[0], key[1]), 0)
        whole += long.count
        touched = max(touched, long.count / requests if requests else 0.0)
        all_long.append(long)
    return whole, min(1.0, touched), Histogram.merged(all_long)


def _requests_failed(evidence: Evidence, service: str) -> int:
    """Return how many requests of users failed because a connection could not be had."""
    failures = evidence.rows("failures").where(origin_service=service)
    taking = [bool(set(_CONNECTING) & set(_words(text))) for text in failures["origin_operation"]]
    return failures.only(np.array(taking, np.bool_) & failures.among("entry_kind", _SERVED)).total("requests")


def _words(text: str) -> list[str]:
    return text.lower().replace(".", " ").replace("-", " ").split()
