"""Failures: where each began, the services it failed on its way up, and where it stopped.

A failure begins at a failed span below which nothing failed that it waited for. The way up goes from visit to visit:
the operation through which a service was entered, then that of its caller, as long as the caller waits. Attempts of one
logical call (same parent and template) are one failure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _attempts, _senders
from analysis.facts._ancestry import local_entries
from analysis.facts._ascent import MOST_HOPS, ascend, origins
from analysis.facts._attempts import attempts_of
from analysis.facts._data_calls import connecting
from analysis.facts._failing import MECHANISMS, failing, mechanism
from analysis.facts._grouping import number_of
from analysis.facts._numbering import combined, firsts, sorted_within
from analysis.facts._outgoing import taken
from analysis.facts._says import says
from analysis.facts._senders import senders
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import named_lists
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "HOP", "last_attempts", "scan", "visit_text"]

#: Stands between the parts of a path; no name holds it, as names lose their control characters when they are read.
HOP: Final = "\x1f"
_CLIENT: Final = KINDS.index("client")
COLUMNS: Final = tuple(dict.fromkeys(("template", *_senders.COLUMNS, *_attempts.COLUMNS)))
FIELDS: Final = (
    Field("origin_service", pa.string(), "key", "", "service whose span failed first"),
    Field("origin_operation", pa.string(), "key", "", "operation of that span"),
    Field(
        "path", pa.string(), "key", "", "service and operation of each failed visit, the origin first", separator=HOP
    ),
    Field("stopped_at", pa.string(), "key", "", "service and operation that survived; empty where nobody above waited"),
    Field(
        "sent_by",
        pa.string(),
        "key",
        "",
        "service and operation that sent the message, or called without waiting; empty where all waited",
    ),
    Field(
        "mechanism",
        pa.string(),
        "key",
        "",
        "error, timeout, rejection, exhausted retries, saturation or bad data",
    ),
    Field("reached_root", pa.bool_(), "key", "", "the topmost visit that waited failed"),
    Field("entry_service", pa.string(), "key", "", "service of the request"),
    Field("entry_operation", pa.string(), "key", "", "operation of the request"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the request's topmost span"),
    Field("services", pa.int64(), "max", "services", "distinct services that failed, the origin's included"),
    Field("failures", pa.int64(), "sum", "failures", "failures seen"),
    Field("requests", pa.int64(), "sum", "requests", "requests that failed by this origin, each counted once"),
    Field("attempts", pa.int64(), "sum", "calls", "attempts that these took at their origin"),
    Field("retried_well", pa.int64(), "sum", "failures", "of the failures, survived by another attempt that worked"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the topmost failed visits: work done in vain"),
    Field("climb", HISTOGRAM, "histogram", "ns", "from the end of the origin to the end of the topmost failed visit"),
    Field(
        "exemplars",
        EXEMPLARS,
        "exemplars",
        "ns",
        "by time of the topmost failed visit; the failed visits, origin first",
    ),
)


def scan(forest: Forest) -> pa.Table:
    """Return the failures of one partition."""
    failed = failing(forest)
    entry = local_entries(forest)
    began, attempts, exhausted = last_attempts(forest, origins(forest.parent, entry, forest.blocking, failed))
    offset, hops, run, whole = ascend(began, forest.parent, entry, forest.blocking, failed, MOST_HOPS)
    length = np.diff(offset)
    top = hops[offset[:-1] + run - 1] if len(began) else began
    paths, stops, services = _tell(forest, offset, hops, run)
    alone = mechanism(forest)[began]
    exhausted |= (forest.array("resend_count") > 0)[began] | says(forest, "retry_evidence", _used_up)[began]
    how = np.where(exhausted, MECHANISMS.index("exhausted retries"), alone).astype(np.int32)
    # A connection that could not be had in time: what the pool is for went on, as a rule.
    waiting = (connecting(forest) & (forest.kind == _CLIENT))[began]
    how[waiting & (alone == MECHANISMS.index("timeout"))] = MECHANISMS.index("saturation")
    service, operation, kind = (forest.codes(name) for name in ("service", "operation", "kind"))
    one = np.ones(len(began), np.int64)
    reached = (run == length) & whole
    duration = forest.duration[top]
    requests = np.zeros(len(began), np.int64)
    # Beyond a message nobody waits: whoever sent it has answered.
    awaited = reached & ((forest.parent[top] < 0) | forest.blocking[top])
    counted = began[awaited]
    _, first = number_of((forest.root[counted], taken(service, counted), taken(operation, counted)), len(counted))
    requests[np.flatnonzero(awaited)[first]] = 1
    ends = np.cumsum(run)
    kept = np.repeat(offset[:-1] - (ends - run), run) + np.arange(int(run.sum()))
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "origin_service": Codes(service.codes[began], service.values),
                "origin_operation": Codes(operation.codes[began], operation.values),
                "path": paths,
                "stopped_at": stops,
                "sent_by": senders(forest, entry, top, reached, HOP),
                "mechanism": Codes(how, MECHANISMS),
                "reached_root": reached,
                **entry_keys(forest, began),
                "entry_kind": Codes(kind.codes[forest.root[began]], kind.values),
            },
            trace=forest.trace_of[began],
            sums={
                "services": services,
                "failures": one,
                "requests": requests,
                "attempts": attempts,
                "retried_well": ~reached & _mended(forest, top),
                "total_ns": duration,
            },
            histograms={"climb": (np.maximum(forest.end[top] - forest.end[began], 0), one)},
            exemplar_value=duration,
            span_offset=np.concatenate([[0], ends]),
            span_rows=hops[kept],
        ),
    )


def _used_up(evidence: str) -> bool:
    """Tell whether a proxy says that its retries are used up (Envoy's response flag URX)."""
    return any("URX" in part.upper().split("=")[-1].split(",") for part in evidence.split(";"))


def last_attempts(
    forest: Forest, began: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Keep of the attempts of one logical call (same parent and template) the last.

    Returns
    -------
    tuple
        The rows kept, ascending; how many attempts each stands for; and whether there were several, all failed.
    """
    parent = forest.parent[began].astype(np.int64)
    template = forest.codes("template").codes[began].astype(np.int64)
    alone = np.where((parent >= 0) & (template >= 0), -1, began)
    group, first = number_of((parent, template, alone), len(began))
    offset, order = sorted_within(group, forest.start[began], len(first))
    kept, count = np.sort(order[offset[1:] - 1]), np.diff(offset)
    return began[kept], count[group[kept]].astype(np.int64), count[group[kept]] > 1


def _mended(forest: Forest, top: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which of some failed rows belong to a call of which a later attempt worked."""
    tries = attempts_of(forest)
    mended = np.zeros(forest.size + 1, np.bool_)
    well = ~tries.calls.failed[tries.last]
    mended[tries.calls.rows[tries.order]] = np.repeat(well, np.diff(tries.offset))
    # The call is the failed row itself, or around it in the caller.
    above = forest.parent[top]
    return np.asarray(mended[top] | ((above >= 0) & (forest.kind[above] == _CLIENT) & mended[above]))


def _tell(
    forest: Forest, offset: npt.NDArray[np.int64], hops: npt.NDArray[np.int64], run: npt.NDArray[np.int64]
) -> tuple[Codes, Codes, npt.NDArray[np.int64]]:
    """Put each way up into words: its path, where it stopped, and how many services failed."""
    service, operation = forest.codes("service"), forest.codes("operation")
    name, first = number_of((taken(service, hops), taken(operation, hops)), len(hops))
    said = tuple(visit_text(service, operation, row) for row in hops[first].tolist())
    middle = offset[:-1] + run
    stopped = np.full(len(run), -1, np.int32)
    further = np.flatnonzero(middle < offset[1:])
    stopped[further] = name[middle[further]]
    way = np.repeat(np.arange(len(run)), np.diff(offset))
    failed = np.flatnonzero(np.arange(len(hops)) < middle[way])
    different = firsts(combined(way[failed], service.codes[hops[failed]]))
    services = np.bincount(way[failed][different], minlength=len(run)).astype(np.int64)
    return named_lists(offset[:-1], middle, name, said, HOP), Codes(stopped, said), services


def visit_text(service: Codes, operation: Codes, row: int) -> str:
    """Return the service and operation of a row in words that can stand in a path."""
    who = service.values[service.codes[row]] if service.codes[row] >= 0 else "(no service)"
    what = operation.values[operation.codes[row]] if operation.codes[row] >= 0 else "(no name)"
    return f"{who} {what}".replace(HOP, " ")
