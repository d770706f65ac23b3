"""Non-idempotent retry.

What it finds
-------------
Calls that create something, tried again after a timeout or an error of the server, without a key by which the callee
could tell that it has done this already.

Why it matters
--------------
A timeout says nothing of what the callee did. The payment may have been taken, the order placed: the next attempt does
it twice.

How it decides
--------------
A POST, PATCH or INSERT that was tried again (see *retry amplification* for what an attempt is) after a timeout, or an
answer of 500 or above, where an attempt carried no idempotency key on either side. A refused connection did nothing,
and is left out. That no key was carried can only be told where keys are recorded: by the caller or the callee of the
call, on any of their calls (full confidence), or by other services of the export (lower confidence). Where no span of
the export has one, the question is not assessable: capture the header ``Idempotency-Key``.

Worth fixing from ``repeated`` such calls on (3, house default). Severity follows from the share of an entry operation's
requests that have one.

Example
-------
Flagged: ``orders`` posts a payment again after a timeout of one second. Better: each attempt carries the order's number
as ``Idempotency-Key``, and ``payments`` answers the second as it did the first.

What it can mistake
-------------------
A key inside the body, or a natural key that the callee checks (an order's number), is not seen. RPC has no verbs: its
calls are left out, and so are messages.

What to do
----------
Send an idempotency key with every attempt, keep it with the result, and answer a known key with the kept result.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.detectors.cascades._retries import SENSITIVE_TO, Retried, missing_evidence, retried_calls
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="non_idempotent_retry",
    family="cascades",
    title="Non-idempotent retry",
    facts=("attempts", "retry_gaps", "requests", "coverage"),
    limits={"repeated": Limit(3, "calls", "worth fixing from this many calls on that may have been done twice")},
)
_SENSITIVE_TO: Final = (*SENSITIVE_TO, "error_types")
#: RFC 9110, section 9.2.2, and RFC 5789: the methods that are not idempotent; INSERT of SQL.
_CREATING: Final = frozenset({"POST", "PATCH", "INSERT"})
_KEYS: Final = "idempotency keys: no span carries one, capture the header Idempotency-Key"


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which calls that create something are repeated without a key."""
    missing = missing_evidence(evidence)
    if missing:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    attempts = evidence.rows("attempts")
    with_keys = attempts.only(attempts["keys_seen"] > 0)
    recorders = set(with_keys["service"]) | set(with_keys["target"])
    doubtful = [item for item in evidence.shared(retried_calls) if _repeated(item)]
    if not doubtful:
        return Assessment(INFO.name, INFO.family, "not_found")
    assessable = [item for item in doubtful if recorders or _inserts(item)]
    findings = tuple(_finding(item, recorders, limits) for item in assessable)
    missing = (_KEYS,) if len(assessable) < len(doubtful) else ()
    if findings:
        return Assessment(INFO.name, INFO.family, "found", findings, missing)
    return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)


def _creating(item: Retried) -> bool:
    return set(item.rows["method"]) <= _CREATING


def _inserts(item: Retried) -> bool:
    """Tell whether the call is a statement, which has no headers that could carry a key."""
    return set(item.rows["method"]) == {"INSERT"}


def _repeated(item: Retried) -> int:
    """Return the calls that may have been done twice."""
    return int((item.again["uncertain"] - item.again["keyed"]).sum()) if _creating(item) else 0


def _finding(item: Retried, recorders: set[str], limits: Limits) -> Finding:
    evidence = item.evidence
    count, keyed = _repeated(item), item.again.total("keyed")
    near = bool({item.service, item.target} & recorders) or _inserts(item)
    method = str(item.rows["method"][0])
    weight = Weight(passes_limits=count >= limits["repeated"], share_of_requests=item.share_of_requests())
    trust = evidence.trust.of(item.services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.9 if near else 0.6, _SENSITIVE_TO, item.traces),
        title=f"{item.where} repeats {item.what} to {item.whom} without an idempotency key",
        summary=(
            f"{count:,} calls ({method}) to {item.whom} were tried again after a timeout or an error of the server, "
            "and nothing tells the callee that it has seen them before."
        ),
        services=item.services,
        subject=item.subject,
        measures={
            "repeated_calls": count,
            "repeated_with_key": keyed,
            "attempts_max": item.most,
            "method": method,
            "calls": item.calls,
        },
        limits=dict(limits),
        cost={
            "calls": count,
            "share_of_requests": weight.share_of_requests,
            "total_ms": ms(item.again["total_ns"].sum()),
        },
        saving={"calls": count},
        traces_seen=evidence.traces,
        traces_affected=item.traces,
        share=item.share,
        exemplars=examples(
            merged_exemplars(item.again["exemplars"][item.again["uncertain"] > item.again["keyed"]]),
            item.again["total_ns"].sum() / max(1, item.tried_again),
        ),
        considered=(*_considered(item, keyed, near), *trust.sentences(_SENSITIVE_TO, item.traces)),
        remedy=(
            f"Send an idempotency key with every attempt, keep it in {item.whom} with the result, "
            "and answer a known key with the kept result."
        )
        if not _inserts(item)
        else "Insert under a key of the caller's making, and ignore what is there already (ON CONFLICT DO NOTHING).",
    )


def _considered(item: Retried, keyed: int, near: bool) -> list[str]:
    said = []
    if _inserts(item):
        said.append("a unique key that the caller makes would protect the table: it cannot be seen in a trace")
    elif near:
        said.append("keys are recorded on other calls of the caller or the callee, so their absence here is telling")
    else:
        said.append("keys are recorded by other services only: that this caller records them is assumed")
    if keyed:
        said.append(f"{keyed:,} calls that were tried again carried a key and were not counted")
    said.append("refused connections did nothing, and were not counted")
    return said
