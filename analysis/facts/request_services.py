"""Which services a request waits for, and what the way between them costs it.

Counted are the services that are reached from the topmost span without a message or another call that nobody waits
for. The time on the way is what the spans of calls between services have on the critical path for themselves: network,
queues and serialisation, or, where the callee's half was not seen, all of its time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._numbering import added
from analysis.facts._once import listed, waited
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, service_sets
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import SYNC

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (*architecture.COLUMNS, "operation")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("services", pa.string(), "key", "", "services that the request waits for, sorted", separator=SEPARATOR),
    Field("requests", pa.int64(), "sum", "requests", "requests that wait for just these"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls between services in them"),
    Field("way_ns", pa.int64(), "sum", "ns", "time on the way between services, on the critical path"),
    Field("way_per_request", HISTOGRAM, "histogram", "ns", "the same, of each request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the time on the way; the topmost span, then the calls"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the services that the requests of one partition wait for."""
    service = forest.codes("service")
    awaited = waited(forest)
    rows = np.flatnonzero(awaited & (service.codes >= 0))
    top, together, texts = service_sets(forest.root[rows], service.codes[rows], service.values)
    edges = forest.edges
    is_service = np.array([node.kind == "service" for node in edges.nodes], np.bool_)
    across = np.flatnonzero((edges.kind == SYNC) & (edges.caller != edges.callee) & (edges.client >= 0))
    if len(across):
        across = across[is_service[edges.caller[across]] & is_service[edges.callee[across]]]
    client = np.sort(edges.client[across].astype(np.int64))
    client = client[awaited[client]]
    place = np.full(forest.size, -1, np.int64)
    place[top] = np.arange(len(top))
    owner = place[forest.root[client]]
    client, owner = client[owner >= 0], owner[owner >= 0]
    way = added(owner, forest.critical[client], len(top))
    offset, spans = listed(np.concatenate([np.arange(len(top)), owner]), np.concatenate([top, client]), len(top))
    # Owners are rows of topmost spans: ascending, and so are their traces.
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={**entry_keys(forest, top), "services": Codes(together, texts)},
            trace=forest.trace_of[top],
            sums={
                "requests": np.ones(len(top), np.int64),
                "calls": added(owner, forest.multiplicity[client], len(top)),
                "way_ns": way,
            },
            histograms={"way_per_request": (way, np.ones(len(top), np.int64))},
            exemplar_value=way,
            span_offset=offset,
            span_rows=spans,
        ),
    )
