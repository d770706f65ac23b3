"""Calls from one service to another that are waited for, by request: how many, and what the way between them costs.

A row tells of one caller and one callee, of all callers of a callee together, or of both directions between two
services.
The time on the way is what the caller's span has on the critical path for itself: network, queues and serialisation,
or, where the callee's half was not seen, all of its time. It is what a request would save if the two were one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._numbering import added, combined, firsts
from analysis.facts._once import listed
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import SYNC

__all__ = ["COLUMNS", "FIELDS", "GRAINS", "scan"]

COLUMNS: Final = (*architecture.COLUMNS, "operation", "multiplicity")
GRAINS: Final = ("call", "callee", "pair")
FIELDS: Final = (
    Field(
        "grain", pa.string(), "key", "", "call, callee (the caller is empty) or pair (the callee's name comes second)"
    ),
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("caller", pa.string(), "key", "", "service that calls"),
    Field("callee", pa.string(), "key", "", "service that is called, another one"),
    Field("requests", pa.int64(), "sum", "requests", "requests with such a call"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("way_ns", pa.int64(), "sum", "ns", "time on the way, on the critical path"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls of each request"),
    Field("way_per_request", HISTOGRAM, "histogram", "ns", "time on the way of each request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the time on the way; client and server spans of the calls"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the calls between services of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    is_service = np.array([node.kind == "service" for node in edges.nodes], np.bool_)
    between = np.flatnonzero((edges.kind == SYNC) & (edges.caller != edges.callee))
    if len(between):
        between = between[is_service[edges.caller[between]] & is_service[edges.callee[between]]]
    client, server = edges.client[between].astype(np.int64), edges.server[between].astype(np.int64)
    shown = np.where(client >= 0, client, server)
    order = np.argsort(shown, kind="stable")
    between, client, server, shown = between[order], client[order], server[order], shown[order]
    rank = np.argsort(np.argsort(np.array(names, dtype=object), kind="stable"), kind="stable")
    nobody = np.full(len(between), len(names), np.int64)
    caller, callee = edges.caller[between].astype(np.int64), edges.callee[between].astype(np.int64)
    turned = rank[caller] > rank[callee] if len(between) else np.zeros(0, np.bool_)
    ends = (
        (caller, callee),
        (nobody, callee),
        (np.where(turned, callee, caller), np.where(turned, caller, callee)),
    )
    first_end, second_end = (np.concatenate(side) for side in zip(*ends, strict=True))
    grain = np.repeat(np.arange(len(GRAINS)), len(between))
    shown, client, server = (np.tile(rows, len(GRAINS)) for rows in (shown, client, server))
    many = len(names) + 1
    group = combined(forest.root[shown], (grain * many + first_end) * many + second_end)
    first = firsts(group)
    count = len(first)
    calls = added(group, forest.multiplicity[shown], count)
    way = added(group, np.where(client >= 0, forest.critical[client], 0), count)
    halves = np.stack([client, server], axis=1).ravel()
    seen = halves >= 0
    offset, spans = listed(np.repeat(group, 2)[seen], halves[seen], count)
    # Groups are numbered by the row of the topmost span: their traces ascend.
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "grain": Codes(grain[first].astype(np.int32), GRAINS),
                **entry_keys(forest, shown[first]),
                "caller": Codes(first_end[first].astype(np.int32), (*names, "")),
                "callee": Codes(second_end[first].astype(np.int32), names),
            },
            trace=forest.trace_of[shown[first]],
            sums={"requests": np.ones(count, np.int64), "calls": calls, "way_ns": way},
            histograms={
                "calls_per_request": (calls, np.ones(count, np.int64)),
                "way_per_request": (way, np.ones(count, np.int64)),
            },
            exemplar_value=way,
            span_offset=offset,
            span_rows=spans,
        ),
    )
