"""Database as a queue.

What it finds
-------------
A service that reads, at regular intervals and unasked, a table that others write: it polls for work that they leave
there.

Why it matters
--------------
The table is an interface that nobody declared. Work waits half an interval before it is seen; shorter intervals load
the database with questions whose answer is nothing, longer ones make it wait longer. Both services are bound to the
table's form, and to one another's deployments.

How it decides
--------------
By reads in trees that the service began itself (a timer, a loop), the first read of each table in each tree, for each
instance apart. Such reads are polling when there are at least ``polls`` of them (10, house default), the coefficient
of variation of their intervals is below ``interval_cv`` (0.2, from the catalogue), and their median is at most
``interval_s`` (60, house default): what runs less often is a scheduled job. Intervals longer than ten times the median
are breaks (a deployment, the ends of exports) and are left out. Another service must write the table.

Worth fixing (``low``) are ``polls_per_write`` polls or more (1, house default) for each trace in which others write
the table: most of the polls find nothing. Below it, and for tables whose name says outbox, it is ``info``.

Example
-------
Flagged: ``shipping`` runs ``SELECT … FROM pick_lists WHERE state = 'new'`` every half second; ``inventory`` writes it.
Better: ``inventory`` publishes ``goods.picked``, from an outbox if it must not be lost, and ``shipping`` consumes it.

What it can mistake
-------------------
Schedulers and change data capture poll by design: tables of known schedulers, and services whose names say so, are left
out and listed with the answer. A cache that is refreshed regularly looks the same. More than three polls in a quarter
of a second are too fast to be told apart. Many instrumentations do not record statements outside a request: then
polling goes unseen.

What to do
----------
Publish an event when the row is written (a transactional outbox where none may be lost), and consume it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._wording import duration, listed
from analysis.detectors import Evidence, Info, Limit, Limits, Roles, Weight, severity
from analysis.detectors._building import finding
from analysis.detectors._evidence import examples, merged_exemplars, ms, named
from analysis.detectors.shared_data import _tables
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.facts.polls import SLOT_NS, TOLD_APART
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="database_as_queue",
    family="shared_data",
    title="Database as a queue",
    facts=("data_access", "polls", "table_use"),
    limits={
        "polls": Limit(10, "reads", "polling is judged from this many reads on"),
        "interval_cv": Limit(0.2, "", "intervals are regular below this coefficient of variation"),
        "interval_s": Limit(60, "s", "longer intervals are those of a scheduled job"),
        "polls_per_write": Limit(1, "", "worth fixing from this many polls for each trace that writes"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "sampling", "truncated_statements")
#: An interval longer than this many medians is a break.
_BREAK: Final = 10
#: Share of reads that may be too close to be told apart.
_CROWDED: Final = 0.05
_SCHEDULERS: Final = re.compile(
    r"(^|[._])(qrtz_|shedlock|scheduled_tasks$|hangfire|celery_|django_celery|delayed_jobs$|db_scheduler|jobrunr)"
)
_OUTBOX: Final = re.compile(r"outbox")
_NANOSECONDS: Final = 1_000_000_000
_REMEDY: Final = (
    "Let {writers} publish an event when it writes {table} (from an outbox where none may be lost), and {service} "
    "consume it."
)


@dataclass(frozen=True)
class _Polling:
    """Regular reads of one table by one service."""

    service: str
    store: str
    table: str
    operations: tuple[str, ...]
    intervals: npt.NDArray[np.float64]
    polls: int
    instances: int
    breaks: int
    total_ns: int

    @property
    def cv(self) -> float:
        return float(self.intervals.std() / self.intervals.mean())


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services poll tables that others write."""
    access = evidence.shared(_tables.known_accesses)
    known = access[access["table"] != UNKNOWN_TABLE]
    if known.empty:
        missing = _tables.unknown_share(access) or (_tables.NO_DATA_CALLS,)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    partly = _tables.unknown_share(access)
    if evidence["polls"].empty:
        partly += ("reads outside requests: none was recorded, so polling may go unseen",)
    findings: list[Finding] = []
    suppressed: list[str] = []
    for polling in _pollings(evidence["polls"], limits):
        rows = known[(known["store"] == polling.store) & (known["table"] == polling.table)]
        writers = set(_tables.write_counts(rows).index) - {polling.service}
        writers -= set(_tables.bystanders(writers, evidence.roles))
        reason = _by_design(polling, evidence.roles)
        if writers and reason:
            suppressed.append(f"{polling.service} polls {polling.table} by design: {reason}")
        elif writers:
            findings.append(_finding(evidence, limits, polling, rows, tuple(sorted(writers))))
    answer = partial(Assessment, INFO.name, INFO.family, missing=partly, suppressed=tuple(suppressed))
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _by_design(polling: _Polling, roles: Roles) -> str:
    if _SCHEDULERS.search(polling.table.lower()):
        return "a table of a scheduler"
    return _tables.bystanders([polling.service], roles).get(polling.service, "")


def _pollings(polls: pd.DataFrame, limits: Limits) -> Iterator[_Polling]:
    """Yield the regular reads of each service and table; instances and operations are judged apart."""
    for key, rows in polls.groupby(["service", "store", "table"], sort=True):
        service, store, table = named(key)
        regular = []
        for (instance, operation), group in rows.groupby(["instance", "operation"], sort=True):
            intervals, breaks = _intervals(group)
            if len(intervals) + 1 < limits["polls"] or not intervals.mean():
                continue
            calm = intervals.std() / intervals.mean() < limits["interval_cv"]
            if calm and np.median(intervals) <= limits["interval_s"] * _NANOSECONDS:
                regular.append((str(instance), str(operation), group, intervals, breaks))
        if regular:
            yield _Polling(
                service,
                store,
                table,
                tuple(sorted({operation for _, operation, *_ in regular})),
                np.concatenate([intervals for *_, intervals, _ in regular]),
                sum(int(group["reads"].sum()) for _, _, group, *_ in regular),
                len({instance for instance, *_ in regular}),
                sum(breaks for *_, breaks in regular),
                sum(int(group["total_ns"].sum()) for _, _, group, *_ in regular),
            )


def _intervals(rows: pd.DataFrame) -> tuple[npt.NDArray[np.float64], int]:
    """Return the intervals (ns) between reads without the breaks, and how many these are; none where too crowded."""
    reads, first, last = (rows[name].to_numpy() for name in ("reads", "first_ns", "last_ns"))
    crowded = reads > TOLD_APART
    nothing = np.zeros(0, np.float64)
    if reads[crowded].sum() > _CROWDED * reads.sum():
        return nothing, 0
    between = rows["within_ns"].to_numpy() + reads * rows["slot"].to_numpy() * SLOT_NS - first - last
    at = np.sort(np.concatenate([first, last[reads > 1], between[reads == TOLD_APART]]))
    gaps = np.diff(at).astype(np.float64)
    if not len(gaps):
        return nothing, 0
    kept = gaps <= _BREAK * np.median(gaps)
    return gaps[kept], int((~kept).sum())


def _finding(
    evidence: Evidence, limits: Limits, polling: _Polling, rows: pd.DataFrame, writers: tuple[str, ...]
) -> Finding:
    service, store, table = polling.service, polling.store, polling.table
    own = rows[(rows["service"] == service) & (rows["mode"] == "read") & rows["operation"].isin(polling.operations)]
    writing = _tables.traces_of(evidence, "table", store, table, writers, ("write",))
    per_write = polling.polls / max(1, writing)
    affected = min(polling.polls, _tables.traces_of(evidence, "table", store, table, {service}, ("read",)))
    median_ms = ms(float(np.median(polling.intervals)))
    outbox = _OUTBOX.search(table.lower()) is not None
    factor, doubt = _tables.store_confidence(store)
    base = 0.9 * float(rows["confidence"].min()) * factor
    considered = [
        f"{len(polling.intervals)} intervals vary by {polling.cv:.0%}: regular, unlike work that comes as it does"
    ]
    if polling.breaks:
        considered.append(f"{polling.breaks:,} longer breaks were left out")
    if outbox:
        considered.append("its name says that it is an outbox, from which events are published")
    calls, total_ns = int(own["calls"].sum()), int(own["total_ns"].sum())
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        base,
        _SENSITIVE_TO,
        (*considered, *doubt),
        severity=severity(Weight(passes_limits=per_write >= limits["polls_per_write"] and not outbox)),
        title=f"{service} polls {table} every {duration(median_ms)} for what {' and '.join(writers)} left there",
        summary=(
            f"{service} read {table} in {store} {polling.polls:,} times at regular intervals of {duration(median_ms)}; "
            f"{listed(writers)} wrote it in {writing:,} traces. A row waits {duration(median_ms / 2)} on average."
        ),
        services=tuple(sorted({service, *writers})),
        subject={"store": store, "table": table, "service": service},
        measures={
            "polls": polling.polls,
            "instances": polling.instances,
            "interval_ms_p50": median_ms,
            "interval_cv": round(polling.cv, 4),
            "writers": list(writers),
            "writing_traces": writing,
            "polls_per_write": round(per_write, 4),
            "waiting_ms_mean": round(median_ms / 2, 3),
        },
        cost={"total_ms": ms(polling.total_ns), "calls": polling.polls},
        saving={"total_ms": ms(polling.total_ns), "calls": polling.polls},
        exemplars=examples(merged_exemplars(own["exemplars"]), total_ns / calls if calls else 0.0),
        remedy=_REMEDY.format(writers=listed(writers), table=table, service=service),
    )
