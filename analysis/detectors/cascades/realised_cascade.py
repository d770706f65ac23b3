"""Realised cascade.

What it finds
-------------
Failures that began in one place and took the services above down with them, in the same request; and slowness that did
the same.

Why it matters
--------------
Partial failure is the baseline. A system that degrades loses a feature; a system that cascades loses the request. Each
path found here has already happened, to the requests named.

How it decides
--------------
By requests: a failure begins at a failed span below which nothing failed that it waited for, and climbs through the
visits that waited for it. For each origin and each operation above it: the probability that the operation fails when
the origin does, at least ``probability`` (0.5), and its lift, at least ``lift`` (3), over the share of that operation's
other visits that fail (Laplace's estimate, so that few visits cannot give a large lift; the catalogue's limits). Where
the operation has fewer than ``control`` other visits (an export of nothing but the outage) the lift cannot be measured;
the probability decides alone, at lower confidence. Both must hold for an operation of another service, from
``failures`` failures on (10, house default); otherwise the shape is reported as ``info``. Answers to the client's own
mistakes (4xx but 408 and 429) and cancellations are not failures.

Slowness: a callee is slow in a visit that takes four times its median; the caller likewise; the same two limits apply.
Once or twice is chance: both must have been slow together ``together`` (3, house default) times; pairs that were so
less often are counted with the answer.

``high`` where requests of users failed, ``medium`` where 5 % of an entry operation's requests were touched.

Example
-------
Flagged: ``payments`` times out in 40 of 500 checkouts, ``orders`` fails in all 40, and so does the gateway: 40 users
saw an error. Better: ``orders`` accepts the order as pending and charges later; the breaker in front of ``payments``
fails fast.

What it can mistake
-------------------
A common cause (a host, a network, a deployment) fails caller and callee at once. An operation whose sense is the call
(charging a card) cannot succeed without it: that cascade is a fact, but not always a flaw.

What to do
----------
Where the path is longest, put a fallback or a bulkhead at the lowest visit that can answer without its callee; bound
the wait with a timeout and a breaker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._rows import Rows
from analysis.detectors.cascades._slowness import SlowPair, slow_pairs
from analysis.findings import Assessment, Finding, Outcome
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="realised_cascade",
    family="cascades",
    title="Realised cascade",
    facts=("failures", "propagation", "visits", "slowdowns", "requests", "coverage", "calls"),
    limits={
        "probability": Limit(0.5, "", "share of the origin's failures in which the operation above fails"),
        "lift": Limit(3.0, "times", "how much likelier the operation fails than in its other visits"),
        "failures": Limit(10, "failures", "failures of the origin from which a cascade is worth fixing"),
        "control": Limit(10, "visits", "other visits of an operation from which its lift can be measured"),
        "together": Limit(3, "visits", "with caller and callee slow, fewer of which are taken for chance"),
        "slow": Limit(4.0, "times the median", "duration from which a visit is slow"),
    },
    after=("absent_fallback",),
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")
_SERVED: Final = ("server", "client", "unspecified", "internal")
_REMEDY: Final = (
    "Put a fallback or a bulkhead at {where}: above {origin} it is the nearest that could answer without it; "
    "bound the wait with a timeout and a circuit breaker."
)
_SLOW_REMEDY: Final = (
    "Bound how long {caller} waits for {callee} with a timeout near its p99.9, and shed load before it queues."
)
_MOST_PATHS: Final = 5
_ORIGIN: Final = ("origin_service", "origin_operation")
_ABOVE: Final = (
    *("service", "operation", "hops", "waited", "failed"),
    *("others", "probability", "base_rate", "lift"),
)


#: An operation above an origin: the values of ``_ABOVE`` by name.
_Above = Mapping[str, Any]


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which failures and slowdowns took the services above with them."""
    calls = evidence["calls"]
    between = calls[
        (calls["caller_kind"] == "service") & (calls["callee_kind"] == "service") & (calls["kind"] == "sync")
    ]
    missing = []
    if not (between["caller"] != between["callee"]).any():
        missing.append(f"synchronous calls between two services: {NO_CROSSING}")
    if not int(evidence["coverage"]["with_outcome"].sum()):
        missing.append("how spans ended: no status, http.response.status_code or rpc status code is recorded")
    slow, by_chance = _slow_pairs(evidence, limits)
    # Slowness is seen by times alone, however spans ended.
    if missing and not slow and (len(between) == 0 or evidence["failures"].empty):
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=tuple(missing))
    left = dict(_left_to_fallbacks(evidence))
    findings = [*_errors(evidence, limits, left), *_slowness(evidence, limits, slow)]
    outcome: Outcome = "found" if findings else "not_found"
    suppressed = (*left.values(), *by_chance)
    return Assessment(INFO.name, INFO.family, outcome, tuple(findings), tuple(missing), suppressed)


def _left_to_fallbacks(evidence: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield origins whose every cascade is over one edge, that of an absent fallback, which stands for it."""
    absent = {(item["target"], f"{item['service']} {item['operation']}") for item in _absent_fallbacks(evidence)}
    for (service, operation), rows in evidence.rows("failures").groups(*_ORIGIN):
        travelled = _left(rows)
        tops = {path[-1] for path in travelled["path"]}
        one_edge = len(travelled) > 0 and travelled["services"].max() == 2
        if one_edge and all((service, top) in absent for top in tops):
            yield (
                (service, operation),
                f"failures of {service} {operation} fail {', '.join(sorted(tops))} only: an absent fallback",
            )


def _absent_fallbacks(evidence: Evidence) -> list[Mapping[str, Any]]:
    """Return the subjects of the absent fallbacks that were found."""
    answer = evidence.answers.get("absent_fallback")
    return [finding.subject for finding in answer.findings] if answer else []


def _errors(evidence: Evidence, limits: Limits, left: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    """Yield a finding for each origin whose failures left its service, but for those left to others."""
    above = _above(evidence)
    for (service, operation), rows in evidence.rows("failures").groups(*_ORIGIN):
        if len(_left(rows)) and (service, operation) not in left:
            nearest = above.get((service, operation), [])
            yield _error_finding(evidence, limits, (service, operation), rows, nearest)


def _left(rows: Rows) -> Rows:
    """Return the rows of failures that failed another service too."""
    return rows.only(rows["services"] >= 2)


def _error_finding(
    evidence: Evidence, limits: Limits, began: tuple[str, str], rows: Rows, above: Sequence[_Above]
) -> Finding:
    service, operation = began
    travelled = _left(rows)
    count, climbed = rows.total("failures"), travelled.total("failures")
    carried = [
        item
        for item in above
        if item["probability"] >= limits["probability"]
        and (item["others"] < limits["control"] or item["lift"] >= limits["lift"])
    ]
    unmeasured = len(carried) > 0 and all(item["others"] < limits["control"] for item in carried)
    users = travelled.only(travelled["reached_root"] & travelled.among("entry_kind", _SERVED))
    lost = users.total("requests")
    traces = travelled.total("traces")
    passes = count >= limits["failures"] and len(carried) > 0
    paths = _paths(travelled)
    origin = f"{service} {operation}".strip()
    where = f"{carried[0]['service']} {carried[0]['operation']}" if carried else paths[0]["path"][1]
    absorbed = sorted(set(rows["stopped_at"]) - {""})
    climb = travelled.histogram("climb")
    touched = _share_of_requests(evidence, travelled)
    without = _on_the_way(evidence, travelled)
    services = tuple(sorted({service, *(item["service"] for item in above if item["failed"] > 0)} - {""}))
    trust = evidence.trust.of(services)
    considered = [
        f"{count - climbed:,} of {count:,} failures stayed within {service}"
        if count > climbed
        else "every failure left the service",
        f"absorbed at {', '.join(absorbed)}" if absorbed else "nothing on the way absorbed it",
        *(f"on its way {what} has no fallback" for what in without),
        *_unmeasured(unmeasured, limits),
        "answers to the client's own mistakes (4xx) and cancellations were not counted as failures",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=passes, share_of_requests=touched, fails_users=lost > 0)),
        confidence=trust.confidence(0.6 if unmeasured else 0.9, _SENSITIVE_TO, traces),
        title=f"Failures of {origin} climb to {paths[0]['path'][-1]}",
        summary=(
            f"{operation} of {service} failed {count:,} times ({_mechanisms(rows)}), "
            f"and most often took {_listed(paths[0]['path'][1:])} down with it; "
            f"{climbed:,} of these left the service, and {lost:,} requests failed because of them."
        ),
        services=services,
        subject={"kind": "error", "origin_service": service, "origin_operation": operation},
        measures={
            "failures": count,
            "left_the_service": climbed,
            "attempts": rows.total("attempts"),
            "requests_failed": lost,
            "mechanisms": _by_mechanism(rows),
            "paths": paths[:_MOST_PATHS],
            "paths_not_shown": max(0, len(paths) - _MOST_PATHS),
            "above": [dict(item) for item in above[:_MOST_PATHS]],
            "absorbed_at": absorbed,
            "absent_fallbacks": without,
        },
        limits=dict(limits),
        cost={
            "requests_failed": lost,
            "share_of_requests": round(touched, 6),
            "time_to_climb_ms_p50": ms(climb.percentile(0.5)) if climb.count else 0.0,
            "time_to_climb_ms_p95": ms(climb.percentile(0.95)) if climb.count else 0.0,
            "total_ms": ms(travelled.total("total_ns")),
        },
        saving={"requests": lost, "total_ms": ms(users.total("total_ns"))},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(min(1.0, traces / evidence.traces), 4) if evidence.traces else 0.0,
        exemplars=examples(travelled.exemplars, travelled.total("total_ns") / max(1, climbed)),
        considered=tuple(considered),
        remedy=_REMEDY.format(where=where, origin=origin),
    )


def _on_the_way(evidence: Evidence, travelled: Rows) -> list[str]:
    """Return the absent fallbacks that a cascade passes, as "operation of service for target"."""
    passed = {hop for path in travelled["path"] for hop in path}
    services = {hop.partition(" ")[0] for hop in passed}
    return sorted(
        f"{item['operation']} of {item['service']} for {item['target']}"
        for item in _absent_fallbacks(evidence)
        if f"{item['service']} {item['operation']}" in passed and item["target"] in services
    )


def _unmeasured(unmeasured: bool, limits: Limits) -> list[str]:
    if not unmeasured:
        return []
    few = f"fewer than {limits['control']:g} visits of what failed above had no such failure below"
    return [f"{few}: how much likelier it failed cannot be measured, and confidence is lowered"]


def _above(evidence: Evidence) -> dict[tuple[str, str], list[_Above]]:
    """Return for each origin (service, operation) the operations of other services above it, nearest first.

    Of each: service, operation, hops, waited, failed, others, probability, base_rate, lift.
    """
    propagation = evidence["propagation"]
    rows = propagation[propagation["origin_service"] != propagation["service"]].copy()
    visits = evidence["visits"].set_index(["service", "operation"])[["visits", "failures"]]
    whole = visits.reindex(pd.MultiIndex.from_frame(rows[["service", "operation"]])).fillna(0)
    others = (whole["visits"].to_numpy() - rows["waited"].to_numpy()).clip(min=0)
    others_failed = (whole["failures"].to_numpy() - rows["failed"].to_numpy()).clip(min=0)
    rows["probability"] = (rows["failed"] / rows["waited"]).round(6)
    rows["others"] = others.astype("int64")
    rows["base_rate"] = ((others_failed + 1) / (others + 2)).round(6)
    rows["lift"] = (rows["probability"] / rows["base_rate"]).round(3)
    kept = Rows(rows[[*_ORIGIN, *_ABOVE]].sort_values(["hops", "service", "operation"]))
    origins = zip(*(kept[name] for name in _ORIGIN), strict=True)
    columns = zip(*(kept[name].tolist() for name in _ABOVE), strict=True)
    found: dict[tuple[str, str], list[_Above]] = {}
    for (service, operation), values in zip(origins, columns, strict=True):
        found.setdefault((service, operation), []).append(dict(zip(_ABOVE, values, strict=True)))
    return found


def _paths(travelled: Rows) -> list[dict[str, Any]]:
    """Return the ways that failures took, most frequent first."""
    ways: dict[tuple[tuple[str, ...], str], Counter[str]] = {}
    columns = (travelled[name].tolist() for name in ("path", "stopped_at", "failures", "traces"))
    for path, stop, failures, traces in zip(*columns, strict=True):
        ways.setdefault((path, stop), Counter()).update(failures=failures, traces=traces)
    paths = [
        {"path": list(path), "stopped_at": stop, "failures": sums["failures"], "traces": sums["traces"]}
        for (path, stop), sums in ways.items()
    ]
    return sorted(paths, key=lambda item: (-item["failures"], item["path"], item["stopped_at"]))


def _listed(hops: list[str]) -> str:
    return " and ".join([", ".join(hops[:-1]), hops[-1]]) if len(hops) > 1 else "".join(hops)


def _mechanisms(rows: Rows) -> str:
    return ", ".join(f"{how} {count:,}" for how, count in _by_mechanism(rows).items())


def _by_mechanism(rows: Rows) -> dict[str, int]:
    """Return how many failures there were of each mechanism, by its name."""
    counts: Counter[str] = Counter()
    for mechanism, failures in zip(rows["mechanism"], rows["failures"].tolist(), strict=True):
        counts[mechanism] += failures
    return dict(sorted(counts.items()))


def _share_of_requests(evidence: Evidence, rows: Rows) -> float:
    """Return the largest share of an entry operation's requests that failures touched."""
    shares = [
        touched.total("traces") / evidence.request_count[entry]
        for entry, touched in rows.by_entry()
        if evidence.request_count.get(entry)
    ]
    return min(1.0, max(shares, default=0.0))


def _slow_pairs(evidence: Evidence, limits: Limits) -> tuple[list[SlowPair], list[str]]:
    """Return the pairs that are slow together, and a sentence on those that were so too rarely to tell."""
    pairs = [
        pair
        for pair in slow_pairs(evidence["slowdowns"], limits["slow"])
        if pair.probability >= limits["probability"] and pair.lift >= limits["lift"]
    ]
    often = [pair for pair in pairs if pair.both >= limits["together"]]
    rare = len(pairs) - len(often)
    told = f"{counted(rare, 'caller')} slow with a callee in fewer than {limits['together']:g} visits: chance"
    return often, [told] if rare else []


def _slowness(evidence: Evidence, limits: Limits, pairs: list[SlowPair]) -> Iterator[Finding]:
    """Yield a finding for each operation whose slowness begins there and makes its callers slow."""
    callers = {pair.caller for pair in pairs}
    for origin in sorted({pair.callee for pair in pairs} - callers):
        yield _slow_finding(evidence, limits, origin, _climbing(origin, pairs))


def _climbing(origin: tuple[str, str], pairs: list[SlowPair]) -> list[SlowPair]:
    """Return the pairs through which slowness climbs from an origin, lowest first."""
    reached, climbed = [origin], []
    for callee in reached:
        for pair in sorted((pair for pair in pairs if pair.callee == callee), key=lambda pair: pair.caller):
            climbed.append(pair)
            if pair.caller not in reached:
                reached.append(pair.caller)
    return climbed


def _slow_finding(evidence: Evidence, limits: Limits, origin: tuple[str, str], climbed: list[SlowPair]) -> Finding:
    callee = " ".join(origin)
    above = list(dict.fromkeys(" ".join(pair.caller) for pair in climbed))
    lowest = [pair for pair in climbed if pair.callee == origin]
    worst = max(lowest, key=lambda pair: (pair.both, pair.caller))
    traces = max(pair.traces for pair in lowest)
    share = traces / evidence.traces if evidence.traces else 0.0
    caller = " ".join(worst.caller)
    considered = [
        f"{pair.slow_alone:,} slow visits of {' '.join(pair.caller)} had no slow {' '.join(pair.callee)} below them"
        for pair in climbed[:_MOST_PATHS]
    ]
    considered.append("visits whose callee failed were left out")
    services = tuple(sorted({origin[0], *(pair.caller[0] for pair in climbed)} - {""}))
    trust = evidence.trust.of(services)
    considered += trust.sentences((*_SENSITIVE_TO, "skew"), traces)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=worst.slow_callee >= limits["failures"], share_of_requests=share)),
        confidence=trust.confidence(0.8, (*_SENSITIVE_TO, "skew"), traces),
        title=f"Slowness of {callee} makes {_listed(above)} slow",
        summary=(
            f"When {callee} takes {limits['slow']:g} times its median, {caller} does too "
            f"in {worst.both:,} of {worst.slow_callee:,} visits ({worst.lift:.1f} times as often as otherwise)."
        ),
        services=services,
        subject={"kind": "latency", "origin_service": origin[0], "origin_operation": origin[1]},
        measures={
            "slow_callee_visits": worst.slow_callee,
            "both_slow": worst.both,
            "probability": round(worst.probability, 6),
            "lift": round(worst.lift, 3),
            "callee_median_ms": ms(worst.callee_median_ns),
            "caller_median_ms": ms(worst.caller_median_ns),
            "above": above,
        },
        limits=dict(limits),
        cost={"total_ms": ms(worst.excess_ns), "share_of_requests": round(share, 6)},
        saving={"total_ms": ms(worst.excess_ns)},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(min(1.0, share), 4),
        exemplars=examples(worst.exemplars, worst.slow_median_ns),
        considered=tuple(considered),
        remedy=_SLOW_REMEDY.format(caller=caller, callee=callee),
    )
