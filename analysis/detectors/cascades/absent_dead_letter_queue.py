"""Absent dead-letter queue.

What it finds
-------------
Messages that fail again and again, where nothing is ever put aside: no message of their consumer goes to a dead-letter
destination.

Why it matters
--------------
A message that cannot be processed comes back for ever, takes the consumer's time, and where order is kept holds up all
behind it; or it is dropped after so many deliveries, and nobody will know.

How it decides
--------------
By the deliveries of one message to one service: a message is known by its id, else by the span that published it,
within its trace. Named is a consumer of a destination of which one message failed ``failures`` times or more (3, the
catalogue's limit), and of which nothing was published to, or consumed from, a destination named as one for dead
letters (dead-letter, dlq, dlt, dlx, poison, parking, _error), by this service or with the name of the destination.

Worth fixing from ``endless`` failures of one message on (5, house default: retries are usually capped below), or from
``messages`` such messages on (3, house default). ``medium`` where 5 % of the destination's messages are concerned.

Example
-------
Flagged: an order without lines fails at each of nine deliveries, and then is gone. Better: after three attempts it goes
to ``order.placed.dead-letter``, with the reason, and somebody is told.

What it can mistake
-------------------
A broker that dead-letters by itself (RabbitMQ's dead-letter exchange, a redrive policy of SQS) does so without a span,
and is seen only where somebody consumes what it put aside: confidence is lower. Topics for retries move a message on;
it is counted for each of them alone.

What to do
----------
Cap the deliveries, put what fails aside with the reason, watch that queue, and have a way to play it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from analysis._histogram import lower
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="absent_dead_letter_queue",
    family="cascades",
    title="Absent dead-letter queue",
    facts=("deliveries", "calls", "coverage"),
    limits={
        "failures": Limit(3, "deliveries", "failed deliveries of one message from which it should have been put aside"),
        "endless": Limit(5, "deliveries", "worth fixing from this many failed deliveries of one message on"),
        "messages": Limit(3, "messages", "worth fixing from this many such messages on"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "destinations")
_DEAD: Final = re.compile(
    r"dead[-_. ]?letter|(?<![a-z])dl[qtx](?![a-z])|poison|parking[-_. ]?lot|_error$", re.IGNORECASE
)
_RETRY: Final = re.compile(r"retry|retries|delay|backoff", re.IGNORECASE)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which consumers fail at one message again and again and never put it aside."""
    deliveries = evidence["deliveries"]
    if deliveries.empty:
        missing = ("spans of message consumers that say their kind (consumer)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if not int(evidence["coverage"]["with_outcome"].sum()):
        missing = ("how spans ended: no status of consumers is recorded",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    known = deliveries[deliveries["identified"]]
    untold = sorted(_consumers(deliveries[~deliveries["identified"]]) - _consumers(known))
    lost = tuple(
        f"which message {service} was given from {destination}: no messaging.message.id, parent or link"
        for service, destination in untold
    )
    if known.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=lost)
    findings = []
    suppressed = []
    for key, rows in known.groupby(["service", "destination"], sort=True):
        service, destination = map(str, key)
        if int(rows["most_failures"].max()) < limits["failures"]:
            continue
        dead = sorted(_dead_letters(evidence["calls"], service, destination))
        if dead:
            suppressed.append(f"{service} on {destination}: what fails is put aside in {', '.join(dead)}")
        else:
            findings.append(_finding(evidence, service, destination, rows, limits))
    if findings:
        return Assessment(INFO.name, INFO.family, "found", tuple(findings), lost)
    return Assessment(INFO.name, INFO.family, "not_found", missing=lost, suppressed=tuple(suppressed))


def _consumers(rows: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(rows["service"], rows["destination"], strict=True))


def _queues(calls: pd.DataFrame, service: str, destination: str) -> Iterator[str]:
    """Yield the queues that a service publishes to, and those that have the name of a destination."""
    for side, other in (("callee", "caller"), ("caller", "callee")):
        rows = calls[calls[f"{side}_kind"] == "queue"]
        for queue, who in zip(rows[side], rows[other], strict=True):
            name = str(queue).partition("://")[2]
            if who == service or (destination and destination in name):
                yield name


def _dead_letters(calls: pd.DataFrame, service: str, destination: str) -> set[str]:
    return {name for name in _queues(calls, service, destination) if _DEAD.search(name)}


def _finding(evidence: Evidence, service: str, destination: str, rows: pd.DataFrame, limits: Limits) -> Finding:
    failures = merged_histogram(rows["failures_per_message"])
    often = np.array([lower(int(bucket)) >= limits["failures"] for bucket in failures.buckets], bool)
    stuck = int(failures.counts[often].sum())
    most, messages = int(rows["most_failures"].max()), int(rows["messages"].sum())
    retries = sorted(name for name in set(_queues(evidence["calls"], service, destination)) if _RETRY.search(name))
    recovered = int(rows["recovered"].sum())
    shown = tuple(item for item in merged_exemplars(rows["exemplars"]) if item.value >= limits["failures"])
    traces = min(evidence.traces, int(rows["traces"].sum()), stuck)
    touched = stuck / messages if messages else 0.0
    total = ms(rows["total_ns"].sum())
    passes = most >= limits["endless"] or stuck >= limits["messages"]
    where = destination or "a destination that nothing names"
    trust = evidence.trust.of((service,))
    considered = [
        f"{recovered:,} messages that failed were processed in the end",
        f"topics for retries were seen: {', '.join(retries)}" if retries else "no topic for retries was seen",
        "a broker that puts messages aside by itself leaves no span: confidence is lowered",
        *trust.sentences(_SENSITIVE_TO, int(rows["traces"].sum())),
    ]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=passes, share_of_requests=touched)),
        confidence=trust.confidence(0.7, _SENSITIVE_TO, int(rows["traces"].sum())),
        title=f"{service} fails at one message of {where} {most} times, and puts nothing aside",
        summary=(
            f"{stuck:,} of {messages:,} messages of {where} failed {limits['failures']:g} times or more, one of them "
            f"{most} times; nothing was published to a dead-letter destination."
        ),
        services=(service,),
        subject={"service": service, "destination": destination},
        measures={
            "failures": most,
            "messages_stuck": stuck,
            "messages": messages,
            "deliveries": int(rows["deliveries"].sum()),
            "failed_deliveries": int(rows["failures"].sum()),
            "recovered": recovered,
        },
        limits=dict(limits),
        cost={
            "failed_deliveries": int(rows["failures"].sum()),
            "share_of_messages": round(touched, 6),
            "total_ms": total,
        },
        saving={"deliveries": max(0, most - int(limits["failures"])), "messages": stuck},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(shown, most),
        considered=tuple(considered),
        remedy=f"Cap the deliveries of {where}, put what fails aside with the reason, and watch that queue.",
    )
