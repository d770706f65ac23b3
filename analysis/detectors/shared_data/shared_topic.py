"""Shared topic.

What it finds
-------------
Two services or more that publish to one topic.

Why it matters
--------------
An event is a statement of its owner: who publishes it decides what it means and when it changes. With two publishers
no one does. Consumers must understand both dialects, and neither publisher can change the format alone. Many consumers
are no problem: that is what topics are for.

How it decides
--------------
By the producers of each destination. A service counts from ``messages`` messages on (2, house default). Worth fixing
(``low``) is a topic that two services or more consume, or whose consumers were not seen; a queue with one consumer may
be its inbox, into which others put commands, and is ``info``. So is a destination whose name says that it is a bus.

Example
-------
Flagged: ``orders`` and ``payments`` both publish to ``order-events``.
Better: ``orders`` publishes ``order-events``, ``payments`` publishes ``payment-events``.

What it can mistake
-------------------
Destinations of dead letters, retries and replies have many producers by design: names with such words are left out and
listed with the answer. An exchange is not a topic: where the export names only the exchange, messages with different
routing keys look like one topic. Two brokers with a topic of the same name look like one.

What to do
----------
Give every event one owner. What the other service has to say is an event of its own.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.facts.topics import ALL
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="shared_topic",
    family="shared_data",
    title="Shared topic",
    facts=("topics",),
    limits={"messages": Limit(2, "messages", "a service is a producer from this many messages on")},
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling", "destinations")
_NO_TOPIC: Final = {
    "dead letters": re.compile(r"\b(dlq|dlt|dlx|dead ?letters?|poison|parking ?lot)\b"),
    "replies": re.compile(r"\b(reply|replies|responses?|callbacks?)\b"),
    "retries": re.compile(r"\b(retry|retries|redelivery)\b"),
}
_BUS: Final = re.compile(r"\b(event ?bus|bus|audit|logs?|metrics|telemetry)\b")
_REMEDY: Final = "Let one of {producers} own {topic}; what the others have to say are events of their own."


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which topics several services publish to."""
    topics = evidence["topics"]
    published = topics[(topics["role"] == "producer") & topics["named"]]
    if published.empty:
        missing = ("spans that publish to a destination (kind producer, messaging.destination.name)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings: list[Finding] = []
    suppressed: list[str] = []
    for topic, rows in published[published["service"] != ALL].groupby("topic", sort=True):
        messages = rows.groupby("service")["messages"].sum()
        own = rows[rows["service"].isin(messages.index[messages >= limits["messages"]])]
        if own["service"].nunique() < 2:
            continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^0-9A-Za-z]+", " ", str(topic)).lower()
        reason = next((reason for reason, pattern in _NO_TOPIC.items() if pattern.search(words)), "")
        if reason:
            suppressed.append(f"{topic}: {reason} have many producers by design")
        else:
            findings.append(_finding(evidence, own, limits, str(topic), bus=_BUS.search(words) is not None))
    answer = partial(Assessment, INFO.name, INFO.family, suppressed=tuple(suppressed))
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _finding(evidence: Evidence, rows: pd.DataFrame, limits: Limits, topic: str, *, bus: bool) -> Finding:
    topics = evidence["topics"]
    producers = tuple(sorted(set(rows["service"])))
    of_topic = topics[topics["topic"] == topic]
    consumers = tuple(sorted(set(of_topic.loc[of_topic["role"] == "consumer", "service"]) - {ALL}))
    together = of_topic[(of_topic["role"] == "producer") & of_topic["named"] & (of_topic["service"] == ALL)]
    affected = min(evidence.traces, int(together["traces"].sum()))
    messages, total_ns = int(rows["messages"].sum()), int(rows["total_ns"].sum())
    name = topic.partition("://")[2]
    inbox = len(consumers) == 1
    considered = [
        f"{len(consumers)} services consume it: {', '.join(consumers)}" if consumers else "no consumer was seen"
    ]
    if inbox:
        considered.append(f"it may be the inbox of {consumers[0]}, into which others put commands")
    if bus:
        considered.append("its name says that it is shared by design")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=not inbox and not bus)),
        title=f"{name} has {len(producers)} producers: {', '.join(producers)}",
        summary=f"{len(producers)} services publish {messages:,} messages to {topic}, which should have one owner.",
        services=producers,
        subject={"topic": topic},
        measures={
            "producers": list(producers),
            "consumers": list(consumers),
            "messages": messages,
            "errors": int(rows["errors"].sum()),
        },
        cost={"total_ms": ms(total_ns), "messages": messages},
        saving={},
        exemplars=examples(merged_exemplars(rows["exemplars"]), total_ns / messages if messages else 0.0),
        remedy=_REMEDY.format(producers=" or ".join(producers), topic=name),
    )
