"""Sampling bias.

What it finds
-------------
Exports in which failures were kept and successes dropped, or in which requests stand for very different numbers of
others, so that rates counted by trace are not the rates of the system.

Why it matters
--------------
Tail sampling keeps what is interesting. Counted without weights, such an export shows error rates and latencies many
times those of users, and whatever rarely fails looks harmless beside it.

How it decides
--------------
From the weights of requests (how many each stands for: the probability in tracestate ``th``, a ``SampleRate`` or
representative count). *Errors*: a success stands on average for at least ``ratio`` (2) times as many requests as a
failure. *Weights*: the heaviest request stands for at least ``ratio`` times as many as the lightest, where errors
explain nothing. Worth fixing from ``requests`` requests on (20), for errors from as many of each kind as ``each`` (5);
``medium`` where the share of failed requests changes by 5 points or more when weights are used. Limits: house defaults.
Fewer are ``info``. Without weights nothing can be said: unsampled and unknown look alike. But where at least ``failed``
(90 %) of all requests failed, that is reported as ``info``: whoever filters by error gets such an export.

Example
-------
Flagged: 50 failures of weight 1 and 50 successes of weight 100: half of the traces failed, 1 % of the requests did.
Better: rates from the weights, or from metrics that are made before sampling.

What it can mistake
-------------------
Rates that are adapted by operation make weights unequal on purpose: it is a bias only for whoever ignores them. In an
outage all requests may fail.

What to do
----------
Let samplers write their probability into tracestate, compute rates with it, and take error rates from metrics.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="sampling_bias",
    family="observability",
    title="Sampling bias",
    facts=("sampling",),
    limits={
        "ratio": Limit(2.0, "", "how many times as many requests one stands for as another"),
        "requests": Limit(20, "requests", "requests from which unequal weights are worth fixing"),
        "each": Limit(5, "requests", "failures, and successes, from which their weights are compared"),
        "failed": Limit(0.9, "", "share of requests without weights that failed, from which a filter is suspected"),
    },
)
_SENSITIVE_TO: Final = ("orphans",)
_WEIGHTS: Final = "sampling weights (tracestate th, SampleRate, representative count): unsampled and unknown look alike"
_REMEDY: Final = (
    "Compute rates with the weights, take error rates from metrics made before sampling, and let every sampler write "
    "its probability into tracestate."
)
_FILTER_REMEDY: Final = "Export all traces of a window, or let the sampler write its probability into tracestate."


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer whether the export shows more failures, or other requests, than users had."""
    sampling = evidence["sampling"]
    if sampling.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=("requests: the export holds no spans",))
    requests = int(sampling["requests"].sum())
    kept = {bool(failed): rows for failed, rows in sampling.groupby("failed", sort=True)}
    failures = int(kept[True]["requests"].sum()) if True in kept else 0
    if not int(sampling["weighted"].sum()):
        if requests >= limits["requests"] and failures >= limits["failed"] * requests:
            found = _filtered(evidence, limits, sampling, requests, failures)
            return Assessment(INFO.name, INFO.family, "found", (found,), (_WEIGHTS,))
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(_WEIGHTS,))
    means = {failed: _mean(rows) for failed, rows in kept.items()}
    if len(means) > 1 and means[False] >= limits["ratio"] * means[True]:
        finding = _unequal(evidence, limits, sampling, "errors", means[False] / means[True], failures)
        return Assessment(INFO.name, INFO.family, "found", (finding,))
    spread = int(sampling["most_millis"].max()) / int(sampling["least_millis"].min())
    if spread >= limits["ratio"]:
        finding = _unequal(evidence, limits, sampling, "weights", spread, failures)
        return Assessment(INFO.name, INFO.family, "found", (finding,))
    return Assessment(INFO.name, INFO.family, "not_found")


def _mean(rows: pd.DataFrame) -> float:
    return int(rows["weighted_millis"].sum()) / int(rows["requests"].sum()) / 1000


def _unequal(
    evidence: Evidence, limits: Limits, sampling: pd.DataFrame, bias: str, ratio: float, failures: int
) -> Finding:
    requests = int(sampling["requests"].sum())
    weighted = int(sampling["weighted_millis"].sum())
    failed_weighted = int(sampling.loc[sampling["failed"], "weighted_millis"].sum())
    counted, true = failures / requests, failed_weighted / weighted
    enough = requests >= limits["requests"]
    if bias == "errors":
        enough = enough and min(failures, requests - failures) >= limits["each"]
    what = (
        f"a success stands for {ratio:.1f} times as many requests as a failure"
        if bias == "errors"
        else f"the heaviest request stands for {ratio:.1f} times as many as the lightest"
    )
    return _finding(
        evidence,
        limits,
        sampling,
        Weight(passes_limits=enough, share_of_requests=abs(counted - true)),
        bias=bias,
        title=(
            "Failures were kept and successes dropped"
            if bias == "errors"
            else "Requests stand for very different numbers of others"
        ),
        summary=(
            f"Of {requests:,} requests {what}: {counted:.1%} of those seen failed, {true:.1%} of those they stand for."
        ),
        measures={
            "requests": requests,
            "requests_stood_for": round(weighted / 1000, 3),
            "weight_ratio": round(ratio, 6),
            "failed_share_counted": round(counted, 6),
            "failed_share_weighted": round(true, 6),
        },
        considered=[
            f"{int(sampling['weighted'].sum()):,} of {requests:,} requests stand for more or less than one",
            "other findings count what was seen: their shares are of the sample",
        ],
        confidence=0.95,
        remedy=_REMEDY,
    )


def _filtered(evidence: Evidence, limits: Limits, sampling: pd.DataFrame, requests: int, failures: int) -> Finding:
    return _finding(
        evidence,
        limits,
        sampling,
        Weight(passes_limits=False),
        bias="filter",
        title=f"{failures / requests:.0%} of all requests failed: the export may hold failures only",
        summary=f"{failures:,} of {requests:,} requests failed, and none says how many it stands for.",
        measures={
            "requests": requests,
            "requests_stood_for": None,
            "weight_ratio": None,
            "failed_share_counted": round(failures / requests, 6),
            "failed_share_weighted": None,
        },
        considered=["an outage in which nearly every request fails looks the same"],
        confidence=0.4,
        remedy=_FILTER_REMEDY,
    )


def _finding(
    evidence: Evidence,
    limits: Limits,
    sampling: pd.DataFrame,
    weight: Weight,
    *,
    bias: str,
    title: str,
    summary: str,
    measures: dict[str, Any],
    considered: list[str],
    confidence: float,
    remedy: str,
) -> Finding:
    # The weights are what the finding is about: the doubt "sampling" does not weaken it.
    traces = min(int(sampling["traces"].sum()), evidence.traces)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=evidence.trust.confidence(confidence, _SENSITIVE_TO, traces),
        title=title,
        summary=summary,
        services=(),
        subject={"bias": bias},
        measures=measures,
        limits=dict(limits),
        cost={"share_of_requests": round(weight.share_of_requests, 6), "total_ms": ms(0)},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(sampling["exemplars"]), 1000.0),
        considered=(*considered, *evidence.trust.sentences(_SENSITIVE_TO, traces)),
        remedy=remedy,
    )
