"""Oversized payload.

What it finds
-------------
Answers of 300 kB and more, and queries that now and then return ten times the rows that they return as a rule.

Why it matters
--------------
A large answer is made, sent, parsed and thrown away, mostly for a few of its fields. A list without a limit is small on
the day it is written and grows with the data, until one customer's page takes ten seconds.

How it decides
--------------
By the size of answers (``http.response.body.size``, the older ``http.response_content_length``) of calls and of
requests, and by the rows that queries return (``db.response.returned_rows``). Where caller and callee both say the size
it counts once.

Reported are endpoints with answers of ``bytes`` (300,000) or more; worth fixing are those whose large answers take
``slow_ms`` (100) or more at p95 (both house defaults). Reported are queries whose rows at p99 are ``times`` (10, house
default) their median, and ``rows`` (100, house default) at least, so that one row beside ten does not count; worth
fixing if the slowest hundredth takes ``slow_ms``. Severity then follows from the share of the p95 of an entry operation
that the calls take, on its critical path. Savings assume that time goes with the size, down to the limit (or the median
number of rows): they are upper bounds.

Example
-------
Flagged: ``GET /products`` answers 2.4 MB in 600 ms, of which the page shows twenty names.
Better: ``GET /products?limit=20&fields=name``.

What it can mistake
-------------------
Exports, reports, files, images and backups are meant to be large: told by their names, for information only. The size
may be that before or after compression, as the instrumentation has it.

What to do
----------
Page the answer, let callers choose fields, compress it; put a limit into the query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, entries, largest_share, shortened
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="oversized_payload",
    family="chatty",
    title="Oversized payload",
    facts=("payloads", "requests"),
    limits={
        "bytes": Limit(300_000, "bytes", "an answer is large from this size on; compared in steps of 1, 2, 3 and 5"),
        "slow_ms": Limit(100, "ms", "worth fixing from this duration of large answers on, at p95 (of rows at p99)"),
        "times": Limit(10, "", "rows at p99 over the median from which they vary too much"),
        "rows": Limit(100, "rows", "rows at p99 from which it matters"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "sampling")
_FILES: Final = re.compile(
    r"export|download|report|backup|dump|attachment|archive|image|photo|video|media|thumbnail|static|assets|invoice|"
    r"(?:^|[^a-z])files?(?:$|[^a-z])|\.(?:csv|pdf|zip|gz|xlsx?|png|jpe?g|gif|svg|webp|mp4|js|css|woff2?)\b",
    re.IGNORECASE,
)
_RARE: Final = 0.99


@dataclass(frozen=True)
class _Answers:
    """Answers of one template of one callee, judged: what they hold, and what they should."""

    callee: str
    template: str
    rows: Rows
    counted: bool
    typical: float
    largest: float
    bound: float
    slow_ns: float


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which answers are too large."""
    payloads = evidence.rows("payloads")
    if not len(payloads):
        missing = ("sizes of answers: http.response.body.size, db.response.returned_rows",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings = []
    large = payloads.only(~payloads["rows"] & (payloads["at_least"] >= limits["bytes"]))
    for (callee, template), rows in large.groups("callee", "template"):
        sizes, latency = rows.histogram("amounts"), rows.histogram("latency")
        typical, largest = sizes.percentile(0.5), sizes.percentile(PERCENTILE)
        slow_ns = latency.percentile(PERCENTILE) if latency.count else 0.0
        told = _Answers(callee, template, rows, False, typical, largest, limits["bytes"], slow_ns)
        findings.append(_finding(evidence, limits, told))
    for (callee, template), rows in payloads.only(payloads["rows"]).groups("callee", "template"):
        counts, latency = rows.histogram("amounts"), rows.histogram("latency")
        typical, largest = counts.percentile(0.5), counts.percentile(_RARE)
        if largest >= limits["rows"] and largest >= limits["times"] * max(typical, 1.0):
            slow_ns = latency.percentile(_RARE) if latency.count else 0.0
            told = _Answers(callee, template, rows, True, typical, largest, max(typical, 1.0), slow_ns)
            findings.append(_finding(evidence, limits, told))
    partly = []
    if not (~payloads["rows"]).any():
        partly.append("sizes of answers of services: http.response.body.size")
    if not payloads["rows"].any():
        partly.append("rows that queries return: db.response.returned_rows")
    return Assessment(
        INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), missing=tuple(partly)
    )


def _finding(evidence: Evidence, limits: Limits, told: _Answers) -> Finding:
    rows, counted = told.rows, told.counted
    affected = affected_traces(evidence, rows["traces"])
    critical = rows.histogram("critical_per_request")
    share = largest_share(evidence, rows, "critical_per_request")
    # Time is taken to go with the size.
    spared = max(0.0, 1.0 - told.bound / told.largest) if told.largest else 0.0
    meant = _FILES.search(told.template) is not None
    passes = told.slow_ns >= limits["slow_ms"] * 1e6 and not meant
    callers = sorted({caller for caller in rows["caller"] if caller})
    answers = rows.total("requests")
    what = f"{round(told.largest):,} rows" if counted else _bytes(told.largest)
    usual = f"{round(told.typical):,} rows" if counted else _bytes(told.typical)
    considered = ["sizes are as the instrumentation has them, before or after compression"]
    if counted:
        considered = [f"most answers are small: {usual} at the median, {what} at p99"]
    if meant:
        considered.append("an export, a file or an image by its name, which is meant to be large: for information only")
    title = f"{told.callee} answers {shortened(told.template)} with {'up to ' if counted else ''}{what}"
    large = "answers" if counted else f"answers of {_bytes(limits['bytes'])} or more"
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=passes, share_of_p95=share * spared)),
        title=title,
        summary=(
            f"{answers:,} {large} hold {usual} at the median, {what} at {'p99' if counted else 'p95'}, and take "
            f"{duration(ms(told.slow_ns))} at {'p99' if counted else 'p95'}."
        ),
        services=tuple(callers) if counted else tuple(sorted({*callers, told.callee})),
        subject={"callee": told.callee, "template": told.template, "counted_in": "rows" if counted else "bytes"},
        measures={
            "answers": answers,
            "median": round(told.typical),
            "largest": round(told.largest),
            "slow_ms": ms(told.slow_ns),
            "callers": callers,
            "share_of_p95": share,
            "entries": entries(rows),
        },
        cost=on_path(critical, rows["critical_ns"].sum()),
        saving={
            "critical_path_ms_p95": round(ms(critical.percentile(PERCENTILE)) * spared, 3),
            "share_of_size": round(spared, 4),
        },
        exemplars=examples(rows.exemplars, told.typical),
        remedy=(
            "Put a limit into the query and page through the rest."
            if counted
            else "Page the answer, let callers choose the fields they need, and compress it."
        ),
    )


def _bytes(number: float) -> str:
    return f"{number / 1e6:.3g} MB" if number >= 1e6 else f"{number / 1e3:.3g} kB"
