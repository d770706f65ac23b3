"""Whom client spans call, and how often the callee's own span is there."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "answered", "scan"]

COLUMNS: Final = ("name", "service", "kind", "category", "peer_service", "server_address", "multiplicity", "status")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("peer", pa.string(), "key", "", "peer.service, else server.address; empty where neither is given"),
    Field("peer_is_name", pa.bool_(), "key", "", "the peer is given by peer.service"),
    Field("category", pa.string(), "key", "", "http, rpc or internal (a client span of unknown protocol)"),
    Field("calls", pa.int64(), "sum", "calls", "client spans"),
    Field("unanswered", pa.int64(), "sum", "calls", "of these, without a span of the callee below"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("unanswered_ns", pa.int64(), "sum", "ns", "time of the unanswered ones"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the unanswered ones"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the client span"),
)
_CALLS: Final = ("http", "rpc", "internal")
#: Steps of a connection that instrumentations of Node.js record as spans of clients: nobody answers them with a span.
_STEPS: Final = frozenset({"dns.lookup", "dns.lookupService", "tcp.connect", "tls.connect"})


def scan(forest: Forest) -> pa.Table:
    """Return whom the client spans of one partition call."""
    category = forest.codes("category")
    wanted = [code for code, name in enumerate(category.values) if name in _CALLS]
    client = (forest.kind == KINDS.index("client")) & category.marked(wanted)
    name = forest.codes("name")
    steps = name.marked([code for code, text in enumerate(name.values) if text in _STEPS])
    rows = np.flatnonzero(client & ~steps)
    unanswered = ~answered(forest)[rows]
    peer, by_name = _peers(forest, rows)
    many = forest.multiplicity[rows]
    duration = forest.duration[rows]
    service = forest.codes("service")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": Codes(service.codes[rows], service.values),
                "peer": peer,
                "peer_is_name": by_name,
                "category": Codes(category.codes[rows], category.values),
            },
            trace=forest.trace_of[rows],
            sums={
                "calls": many,
                "unanswered": np.where(unanswered, many, 0),
                "unanswered_ns": np.where(unanswered, duration, 0),
            },
            histograms={"latency": (np.where(unanswered & forest.has_time[rows], duration, -1), many)},
            exemplar_value=np.where(unanswered, duration, 0),
            span_rows=rows,
        ),
    )


def answered(forest: Forest) -> np.ndarray:
    """Mark the spans that have a child which is a server span or belongs to another service."""
    return _answered(forest.parent, forest.codes("service").codes, forest.kind, KINDS.index("server"))


@kernel
def _answered(
    parent: npt.NDArray[np.int32], service: npt.NDArray[np.int32], kind: npt.NDArray[np.int8], server: int
) -> npt.NDArray[np.bool_]:
    marked = np.zeros(len(parent), np.bool_)
    for row in range(len(parent)):
        above = parent[row]
        if above >= 0 and (kind[row] == server or service[row] != service[above]):
            marked[above] = True
    return marked


def _peers(forest: Forest, rows: np.ndarray) -> tuple[Codes, np.ndarray]:
    """Return the peer of each row: its name where one is given, else its address."""
    name, address = forest.codes("peer_service"), forest.codes("server_address")
    by_name = name.codes[rows] >= 0
    shifted = np.where(address.codes[rows] >= 0, address.codes[rows] + len(name.values), -1)
    codes = np.where(by_name, name.codes[rows], shifted).astype(np.int32)
    return Codes(codes, (*name.values, *address.values)), by_name
