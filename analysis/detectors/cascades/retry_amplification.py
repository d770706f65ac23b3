"""Retry amplification.

What it finds
-------------
Calls that are tried again when they fail, so often that the callee gets more calls than were wanted; and retries at
several layers of one path, which multiply.

Why it matters
--------------
A callee in trouble gets the most load when it can bear the least. Three attempts at each of three layers are
twenty-seven calls for one request: the retries keep an outage alive after its cause is gone.

How it decides
--------------
Attempts of one logical call are calls of one span, to the same template and place with the same values, each begun
after the one before had failed; or calls that the instrumentation marks as sent again. Named are calls with more than
``attempts`` a logical call on average (1.1, the catalogue's limit) or more than ``most`` for any (3). Where the caller
is itself called with retries, the layers are named and their attempts multiplied.

Worth fixing from ``retried`` calls on that were tried again (10, house default). Severity follows from the time that
the attempts before the last take of an entry operation's p95, on its critical path, and from the share of its requests
in which a call was tried again.

Example
-------
Flagged: ``orders`` tries each payment three times, and the gateway each order twice: up to six payments for one
checkout. Better: ``orders`` retries, within a budget of a tenth of its calls; the gateway does not.

What it can mistake
-------------------
A loop whose every item fails looks like retries where the values asked for are not recorded; where one of its calls
succeeds and others follow, it is taken for a loop. Hedged calls overlap and are not counted. Retries inside a client
library that makes one span for all of them cannot be seen.

What to do
----------
Retry at one layer, the one nearest to the callee that knows whether it helps; give it a budget (a share of its calls);
let the others pass the failure on.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.detectors.cascades._retries import SENSITIVE_TO, Retried, missing_evidence, retried_calls
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="retry_amplification",
    family="cascades",
    title="Retry amplification",
    facts=("attempts", "retry_gaps", "requests", "coverage"),
    limits={
        "attempts": Limit(1.1, "attempts", "named above this many attempts per logical call, on average"),
        "most": Limit(3, "attempts", "named where any logical call has more attempts than this"),
        "retried": Limit(10, "calls", "worth fixing from this many calls on that were tried again"),
    },
)

#: Deeper nests of retries are told as far as this.
_MOST_LAYERS: Final = 8


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which calls retries multiply."""
    missing = missing_evidence(evidence)
    if missing:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    calls = evidence.shared(retried_calls)
    amplified = [item for item in calls if item.mean > limits["attempts"] or item.most > limits["most"]]
    findings = tuple(_finding(item, _layers(item, calls), limits) for item in amplified)
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", findings)


def _layers(item: Retried, calls: Sequence[Retried]) -> tuple[Retried, ...]:
    """Return the layers of retries that end in a call, uppermost first: of several ways, that which multiplies most.

    Of the ways that begin with the same call only the best is followed upwards, so that many layers that call each
    other do not make more ways than can be looked at.
    """
    best: tuple[Retried, ...] = (item,)
    frontier = [best]
    for _ in range(_MOST_LAYERS - 1):
        further: dict[int, tuple[Retried, ...]] = {}
        for way in frontier:
            for place, upper in enumerate(calls):
                calls_it = upper.target == way[0].service and way[0].operation in upper.answered_by
                if calls_it and all(upper is not layer for layer in way):
                    longer = (upper, *way)
                    if place not in further or _product(longer) > _product(further[place]):
                        further[place] = longer
        frontier = list(further.values())
        best = max([best, *frontier], key=_product)
    return best


def _product(layers: tuple[Retried, ...]) -> tuple[int, float, tuple[str, ...]]:
    return (
        prod(layer.most for layer in layers),
        prod(layer.mean for layer in layers),
        tuple(f"{layer.service} {layer.operation}" for layer in layers),
    )


def _finding(item: Retried, layers: tuple[Retried, ...], limits: Limits) -> Finding:
    evidence = item.evidence
    product_most, product_mean, _ = _product(layers)
    extra = item.attempts - item.calls
    exhausted = item.again.total("exhausted")
    named = [f"{layer.where} calls {layer.whom}" for layer in layers]
    total_ms = ms(item.again["total_ns"].sum())
    multiplied = f" Over {len(layers)} layers that is up to {product_most} calls for one." if len(layers) > 1 else ""
    trust = evidence.trust.of(item.services)
    considered = [
        f"{item.tried_again - exhausted:,} of {item.tried_again:,} calls that were tried again succeeded in the end",
        f"retries at {len(layers)} layers multiply: {', '.join(named)}"
        if len(layers) > 1
        else "no caller above retries as well",
        "calls that overlap (hedging), and calls after a success, were not counted as attempts",
        "these attempts are not counted again as N+1 or redundant calls",
        *trust.sentences(SENSITIVE_TO, item.traces),
    ]
    weight = Weight(
        passes_limits=item.tried_again >= limits["retried"],
        share_of_p95=item.share_of_p95(),
        share_of_requests=item.share_of_requests(),
    )
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.9, SENSITIVE_TO, item.traces),
        title=f"{item.where} tries {item.whom} up to {item.most} times: {item.what}",
        summary=(
            f"{item.calls:,} calls to {item.whom} took {item.attempts:,} attempts ({item.mean:.2f} each); "
            f"{item.tried_again:,} were tried again, {exhausted:,} of these in vain.{multiplied}"
        ),
        services=item.services,
        subject=item.subject,
        measures={
            "attempts_mean": round(item.mean, 4),
            "attempts_max": item.most,
            "calls": item.calls,
            "attempts": item.attempts,
            "retried": item.tried_again,
            "exhausted": exhausted,
            "layers": named,
            "layers_attempts_mean": round(product_mean, 4),
            "layers_attempts_max": product_most,
            "share_of_p95": weight.share_of_p95,
        },
        limits=dict(limits),
        cost={
            "critical_path_ms_p50": ms(item.critical.percentile(0.5)),
            "critical_path_ms_p95": ms(item.critical.percentile(0.95)),
            "share_of_requests": weight.share_of_requests,
            "amplification": round(item.mean, 4),
            "total_ms": total_ms,
        },
        saving={"calls": extra, "total_ms": total_ms},
        traces_seen=evidence.traces,
        traces_affected=item.traces,
        share=item.share,
        exemplars=examples(
            merged_exemplars(item.again["exemplars"]), item.again["total_ns"].sum() / max(1, item.tried_again)
        ),
        considered=tuple(considered),
        remedy=_remedy(item, layers),
    )


def _remedy(item: Retried, layers: tuple[Retried, ...]) -> str:
    if len(layers) > 1:
        return (
            f"Retry at one layer only: let {layers[-1].where} do it, within a budget of a tenth of its calls, "
            f"and have {', '.join(layer.where for layer in layers[:-1])} pass the failure on."
        )
    return f"Give the retries of {item.where} a budget, a tenth of its calls, and fewer attempts."
