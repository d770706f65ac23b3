"""N+1 calls.

What it finds
-------------
One endpoint of another service called again and again within a request, in series or at once, where one call for all
would do; by HTTP, by RPC, or as messages published one by one. Where each of these calls runs a query in the callee,
that is said: a loop over the network around a loop over the database.

Why it matters
--------------
Every repetition pays network, serialisation and the callee's overhead, and each is another chance to fail. The
callee's load grows with the caller's data: ten items make ten requests.

How it decides
--------------
A run is client or producer spans of one template to one callee by one operation: under one span, or under several
spans of one ancestor at most three levels above, inside the service. The template is the callee's ``http.route``
where its span was joined, else the caller's path with identifiers replaced, the RPC method, or the destination. It
counts from ``repeats`` calls on (house default 5, as for queries). A span that stands for fifty counts as fifty.

Worth fixing is a run whose calls are open for ``cost_ms`` (house default 50) or more: the union of their times, at
p95 over the requests that have it. Severity then follows from the share that the calls take of the p95 of an entry
operation, on its critical path, requests without the run included. Calls made at once cost the request the slowest of
them.

The network's share is the caller's time less the callee's, where both were seen.

Example
-------
Flagged: ``recommendations`` calls ``GET /products/{sku}`` of ``catalogue`` for each of six products.
Better: ``GET /products?sku=…,…``, once.

What it can mistake
-------------------
Attempts of one call, polling (long pauses, the same question), and a scatter (each call to another place, at once)
are no runs; what was left out is listed with the answer. Pages of one long answer and static files are for
information only. Calls that are seen to ask for the same each time are told as redundant calls. RPC and POST hide
what they ask for: confidence is lower.

What to do
----------
Give the callee an endpoint that takes many keys, or have the caller keep what it asks for; publish messages as a
batch.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits
from analysis.detectors._building import finding
from analysis.detectors._evidence import ms
from analysis.detectors._requests import shortened
from analysis.detectors.chatty._repetition import Repetition, repetitions, set_aside, without_redundant
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="n_plus_one_calls",
    family="chatty",
    title="N+1 calls",
    facts=("sibling_runs", "requests", "operations"),
    limits={
        "repeats": Limit(5, "calls", "a run counts from this many calls on"),
        "cost_ms": Limit(50, "ms", "worth fixing from this union of the calls' times on, at p95"),
    },
    after=("application_join", "redundant_calls"),
)
_SENSITIVE_TO: Final = ("compressed", "kinds", "orphans", "sampling", "skew", "routes")
_DATA: Final = ("database", "cache")
_STATIC: Final = re.compile(
    r"\.(?:avif|css|eot|gif|ico|jpe?g|js|map|mjs|png|svg|ttf|wasm|webp|woff2?)(?:\?|$)|/(?:assets|static)/",
    re.IGNORECASE,
)
#: From this share of calls on that run a query in the callee, the summary says so.
_TRANSITIVE_SHARE: Final = 0.5


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations call one endpoint again and again."""
    operations = evidence["operations"]
    calling = operations["kind"].isin(["client", "producer"]) & ~operations["category"].isin(list(_DATA))
    if not calling.any():
        missing = ("spans of calls to other services that say their kind (client or producer)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    runs, redundant = without_redundant(repetitions(evidence, limits, _DATA, among=False))
    joined = _joined(evidence)
    findings = tuple(_finding(item) for item in runs if _key(item) not in joined)
    left = sorted({f"{item.where} calls {item.target}: an application join" for item in runs if _key(item) in joined})
    suppressed = (*set_aside(evidence, limits, _DATA, among=False), *redundant, *left)
    answer = partial(Assessment, INFO.name, INFO.family, findings=findings, suppressed=suppressed)
    return answer("found") if findings else answer("not_found")


def _joined(evidence: Evidence) -> frozenset[tuple[str, str, str]]:
    """Return service, operation and callee of the calls that findings of application joins stand for."""
    answer = evidence.answers.get("application_join")
    subjects = [finding.subject for finding in answer.findings] if answer else []
    return frozenset((item["service"], item["operation"], item["target"]) for item in subjects)


def _key(run: Repetition) -> tuple[str, str, str]:
    return run.service, run.operation, run.target


def _finding(run: Repetition) -> Finding:
    evidence = run.evidence
    static = _STATIC.search(run.template) is not None
    paired, calls = run.total("paired"), run.total("calls")
    client_ns, server_ns = run.total("client_ns"), run.total("server_ns")
    network_ns = max(0, client_ns - server_ns)
    measures = run.measures | {
        "category": ", ".join(sorted(set(run.rows["category"]))),
        "callee_route": _route(run),
        "paired_share": round(paired / calls, 4),
        "network_share": round(network_ns / client_ns, 4) if client_ns else None,
        "network_ms": ms(network_ns) if paired else None,
        "transitive_share": round(run.total("transitive") / paired, 4) if paired else 0.0,
    }
    services = tuple(sorted({run.service, run.target})) if paired and run.target else (run.service,)
    return finding(
        evidence,
        INFO,
        run.limits,
        run.affected,
        run.confidence_of_values,
        _SENSITIVE_TO,
        _considered(run, static),
        severity=run.severity(worth=not (run.identical or static or run.pages)),
        title=_title(run),
        summary=_summary(run, measures["transitive_share"], measures["network_share"]),
        services=services,
        subject={
            "service": run.service,
            "operation": run.operation,
            "template": run.template,
            "target": run.target,
        },
        measures=measures,
        cost=run.cost(),
        saving=run.saving(),
        exemplars=run.exemplars(),
        remedy=_remedy(run, static),
    )


def _route(run: Repetition) -> str | None:
    """Return the route that the callee says, without the method; None where it says none."""
    return run.template.rpartition(" ")[2] if run.total("routed") else None


def _callee(run: Repetition) -> str:
    return run.target or "a callee that nothing names"


def _title(run: Repetition) -> str:
    same = "identically " if run.identical else ""
    verb = "publishes to" if _publishes(run) else "calls"
    what = f"{verb} {_callee(run)} {same}{run.times}"
    return f"{run.where} {what}: {shortened(run.template)}"


def _summary(run: Repetition, transitive_share: float, network_share: float | None) -> str:
    measures, route = run.measures, _route(run)
    what = f"one endpoint of {_callee(run)}" + (f", which it knows as {route}," if route else "")
    lie = "at once" if run.concurrent_share >= 0.5 else "one after the other"
    median, at_p95 = measures["calls_per_trace_p50"], run.calls_p95
    parts = [
        f"{run.where} calls {what} {median:g} times a request (median; p95 {at_p95:g}), {lie}.",
        run.price(),
    ]
    if transitive_share >= _TRANSITIVE_SHARE:
        parts.append(f"{transitive_share:.0%} of the calls run a query in {_callee(run)}: an N+1 through the network.")
    if network_share is not None:
        parts.append(f"{network_share:.0%} of the caller's time is spent on the way.")
    return " ".join(parts)


def _publishes(run: Repetition) -> bool:
    return bool((run.rows["category"] == "messaging").all())


def _considered(run: Repetition, static: bool) -> list[str]:
    said = []
    differing = run.share_where("verdict", "distinct")
    if run.identical:
        said.append("all calls are seen to ask for the same: redundant rather than N+1, so it is for information only")
    elif differing == 0.0:
        said.append("what the calls ask for is hidden (a body, an RPC): they may ask for the same each time")
    else:
        share = run.measures["distinct_values_share"]
        said.append(f"the values differ: {share:.0%} of the calls ask for something of their own")
    if static:
        said.append("static files are fetched one by one by design, so it is for information only")
    if not run.total("paired"):
        said.append("no span of the callee was seen: its own time and route are unknown")
    return said + run.considered()


def _remedy(run: Repetition, static: bool) -> str:
    if run.identical:
        return "Ask once and keep the answer for the rest of the request."
    if static:
        return "Let clients fetch static files from where they are cached; nothing to mend in the services."
    if run.pages:
        return "Ask for larger pages, or give the callee an endpoint that streams."
    if _publishes(run):
        return "Publish the messages as one batch, or one message that holds all of them."
    return f"Give {_callee(run)} an endpoint that takes all keys at once, and call it once."
