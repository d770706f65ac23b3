"""What each service's spans say, and what they leave out.

Counts by service: how many spans could carry an attribute, and how many do. Shares are formed at the end, from the
sums.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._data_calls import connecting
from analysis.facts._says import given, says
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts.callees import answered
from analysis.forest import Forest
from analysis.operations import is_raw_path
from analysis.schema import KINDS

__all__ = ["ASPECTS", "COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (
    "service",
    "name",
    "operation",
    "kind",
    "status",
    "http_status",
    "rpc_status",
    "category",
    "http_route",
    "db_system",
    "db_statement",
    "db_collection",
    "peer_service",
    "server_address",
    "messaging_destination",
    "error_type",
    "old_conventions",
    "time_resolution_ns",
    "multiplicity",
    "weight",
    "dropped_children",
)
#: For each aspect: the sum of spans that could say it, the sum of those that do, and what it is called.
ASPECTS: Final = {
    "kind": ("spans", "with_kind", "span kind"),
    "route": ("http_servers", "with_route", "http.route on HTTP server spans"),
    "database_system": ("data_calls", "with_system", "db.system.name on data calls"),
    "database_text": ("data_calls", "with_statement", "db.query.text or db.collection.name on data calls"),
    "peer": ("clients", "with_peer", "server.address or peer.service on client spans"),
    "destination": ("messages", "with_destination", "messaging.destination.name on messaging spans"),
    "error_type": ("errors", "with_error_type", "error.type or an exception on failed spans"),
}
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service; empty where the export names none"),
    Field("spans", pa.int64(), "sum", "spans", "spans as exported"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("with_kind", pa.int64(), "sum", "spans", "spans that say their kind"),
    Field("with_status", pa.int64(), "sum", "spans", "spans whose status is ok or error"),
    Field("with_outcome", pa.int64(), "sum", "spans", "spans that say how they ended: a status, or a response code"),
    Field("http_servers", pa.int64(), "sum", "spans", "HTTP server spans"),
    Field("with_route", pa.int64(), "sum", "spans", "of these, with a route that is not a raw path"),
    Field("raw_names", pa.int64(), "sum", "spans", "spans whose name is or holds a raw path"),
    Field("data_calls", pa.int64(), "sum", "spans", "client spans of a database or cache, but for connecting"),
    Field("with_system", pa.int64(), "sum", "spans", "of these, naming the system"),
    Field("with_statement", pa.int64(), "sum", "spans", "of these, with a statement or collection"),
    Field("clients", pa.int64(), "sum", "spans", "client spans of HTTP and RPC"),
    Field(
        "with_peer", pa.int64(), "sum", "spans", "of these, naming whom they call, or answered by a span of the callee"
    ),
    Field("messages", pa.int64(), "sum", "spans", "producer and consumer spans"),
    Field("with_destination", pa.int64(), "sum", "spans", "of these, naming topic or queue"),
    Field("errors", pa.int64(), "sum", "spans", "failed spans"),
    Field("with_error_type", pa.int64(), "sum", "spans", "of these, with an error type or exception"),
    Field(
        "old_conventions", pa.int64(), "sum", "spans", "spans with names that the semantic conventions have replaced"
    ),
    Field("compressed", pa.int64(), "sum", "spans", "spans that stand for several"),
    Field("stood_for", pa.int64(), "sum", "spans", "how many those stand for"),
    Field("dropped", pa.int64(), "sum", "spans", "children that agents say they dropped"),
    Field("weighted", pa.int64(), "sum", "spans", "spans that represent others under sampling"),
    Field("timeless", pa.int64(), "sum", "spans", "spans without times"),
    Field("coarse", pa.int64(), "sum", "spans", "spans whose times have steps of a millisecond or more"),
    Field("truncated", pa.int64(), "sum", "spans", "data calls whose statement is cut off"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration"),
)
_KIND: Final = {name: code for code, name in enumerate(KINDS)}
_COARSE_NS: Final = 1_000_000
_CUT_OFF: Final = ("...", "…")


def scan(forest: Forest) -> pa.Table:
    """Return what each service's spans of one partition say."""
    category = forest.codes("category")
    http, rpc, database, cache = (category.equal(name) for name in ("http", "rpc", "database", "cache"))
    kind = forest.kind
    http_server = http & (kind == _KIND["server"])
    data = (database | cache) & (kind != _KIND["server"]) & ~connecting(forest)
    client = (http | rpc) & (kind == _KIND["client"])
    message = (kind == _KIND["producer"]) | (kind == _KIND["consumer"])
    counted = {
        "spans": np.ones(forest.size, bool),
        "with_kind": kind != _KIND["unspecified"],
        "with_status": ~says(forest, "status", lambda text: text == "unset") & given(forest, "status"),
        "with_outcome": _says_outcome(forest),
        "http_servers": http_server,
        "with_route": http_server & given(forest, "http_route") & ~says(forest, "http_route", is_raw_path),
        "raw_names": says(forest, "name", is_raw_path),
        "data_calls": data,
        "with_system": data & given(forest, "db_system"),
        "with_statement": data & (given(forest, "db_statement") | given(forest, "db_collection")),
        "clients": client,
        "with_peer": client & (given(forest, "server_address") | given(forest, "peer_service") | answered(forest)),
        "messages": message,
        "with_destination": message & given(forest, "messaging_destination"),
        "errors": forest.error,
        "with_error_type": forest.error & given(forest, "error_type"),
        "old_conventions": forest.array("old_conventions").astype(bool),
        "compressed": forest.multiplicity > 1,
        "weighted": forest.weight_millis != 1000,
        "timeless": ~forest.has_time,
        "coarse": forest.has_time & (forest.array("time_resolution_ns", 1).astype(np.int64) >= _COARSE_NS),
        "truncated": data & says(forest, "db_statement", lambda text: text.rstrip().endswith(_CUT_OFF)),
    }
    sums: dict[str, np.ndarray] = dict(counted)
    sums["stood_for"] = np.where(forest.multiplicity > 1, forest.multiplicity, 0)
    sums["dropped"] = forest.array("dropped_children").astype(np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"service": forest.codes("service")},
            trace=forest.trace_of,
            sums=sums,
            histograms={},
            exemplar_value=forest.duration,
            span_offset=np.arange(forest.size + 1),
            span_rows=np.arange(forest.size),
        ),
    )


def _says_outcome(forest: Forest) -> np.ndarray:
    said = given(forest, "status") & ~says(forest, "status", lambda text: text == "unset")
    return np.asarray(said | (forest.array("http_status") > 0) | given(forest, "rpc_status"))
