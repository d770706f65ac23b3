"""Calls and accesses to data in pandas: whom a span calls is told by what it is, hence once for each of the kinds."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from tests.benchmarks.peers.pandas_facts import Made, gather
from tests.benchmarks.peers.pandas_spans import Planted
from tests.benchmarks.peers.texts import Call, StoreAccess, accesses_of, store_of

__all__ = ["calls", "data_access"]

_SAID = ["category", "db_system", "server_address", "server_port", "db_namespace", "peer_service", "template",
         "db_collection", "db_operation"]  # fmt: skip

#: sync, async or data: of calls to stores, of producers and consumers, of other clients, of servers.
_LINK_KINDS: Final = (2, 1, 1, 0, 0)


def _stores(planted: Planted) -> dict[int, Call]:
    """Return what kinds of spans that call a store say of the call."""
    kinds = planted.kinds
    asked = kinds[kinds["data"] & (kinds["stated"] | kinds["db_operation"].notna() | kinds["db_collection"].notna())]
    said = asked[_SAID].assign(template=asked["template"].where(asked["stated"])).fillna("")
    return {told: Call(*texts) for told, *texts in said.itertuples(name=None)}


def data_access(planted: Planted) -> Made:
    """Return which operations read and write which tables."""
    spans, kinds = planted.spans, planted.kinds
    found = [(told, *access) for told, call in _stores(planted).items() for access in accesses_of(call)]
    accesses = pd.DataFrame(found, columns=["told", *StoreAccess._fields])
    key = ["service", "store", "store_system", "table", "mode", "method"]
    of_kind = kinds.loc[accesses["told"], ["service", "db_system"]].reset_index(drop=True)
    ways = accesses.assign(service=of_kind["service"], store_system=of_kind["db_system"].fillna(""))
    ways["way"] = ways.groupby(key, sort=False).ngroup()
    calls = spans.reset_index(names="place").merge(ways[["told", "way", "confidence"]], on="told")
    calls = calls.sort_values("place", kind="stable", ignore_index=True)
    # The operation that a call serves is that of the nearest span above through which the service is entered.
    entry, parent, enters = calls["place"].to_numpy(), spans["parent"].to_numpy(), spans["enters"].to_numpy()
    while not enters[entry].all():
        entry = np.where(enters[entry], entry, parent[entry])
    told = spans["told"].to_numpy()[entry]
    served, operations = kinds["operation_number"].to_numpy()[told], len(kinds)
    calls["number"] = calls["way"] * operations + served
    number = calls["number"].drop_duplicates().to_numpy()
    keys = ways.drop_duplicates("way").set_index("way").loc[number // operations, key].set_axis(number)
    names = kinds.drop_duplicates("operation_number").set_index("operation_number")["operation"]
    keys["operation"] = names.loc[number % operations].to_numpy()
    many = calls["multiplicity"]
    return gather(
        planted,
        calls,
        keys,
        {"calls": many, "errors": many.where(calls["failed"], 0), "total_ns": calls["duration_ns"]},
        {},
        "duration_ns",
        least={"confidence": calls["confidence"]},
    )


def _links(planted: Planted) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return the nodes, and for each kind its service's node and the call that half of it is."""
    kinds, kind = planted.kinds, planted.kinds["kind"]
    stores = pd.Series({told: store_of(call) for told, call in _stores(planted).items()}).reindex(kinds.index)
    peer = kinds["peer_service"].fillna(kinds["server_address"])
    queue = kinds["messaging_system"].fillna("queue") + "://" + kinds["messaging_destination"]
    conditions = [kinds["data"], kind == "producer", kind == "consumer", kind == "client", kind == "server"]
    store_kind = np.where(kinds["category"] == "cache", "cache", "database")
    peer_kind = np.where(peer.isin(kinds["service"].unique()), "service", "external")
    name = np.select(conditions, [stores, queue, queue, peer, "user"], None)
    node_kind = np.select(conditions, [store_kind, "queue", "queue", peer_kind, "user"], "")
    homes = pd.DataFrame({"name": kinds["service"], "node_kind": "service"})
    ends = pd.concat([homes, pd.DataFrame({"name": name, "node_kind": node_kind})], ignore_index=True)
    number = ends.groupby(["name", "node_kind"], sort=False, dropna=False).ngroup()
    nodes = ends.assign(node=number).drop_duplicates("node").set_index("node").sort_index()
    home, other = number.to_numpy().reshape(2, -1)
    incoming = ~kinds["data"] & kinds["serves"]
    links = {
        "home": home,
        "caller": np.where(incoming, other, home),
        "callee": np.where(incoming, home, other),
        "kind": np.select(conditions, _LINK_KINDS, 0),
        "linked": np.logical_or.reduce(conditions),
        "client": (kind == "client").to_numpy(),
        "server": (kind == "server").to_numpy(),
    }
    return nodes, links


def calls(planted: Planted) -> Made:
    """Return calls between services, to their stores, and through brokers."""
    nodes, links = _links(planted)
    spans = planted.spans
    told, parent = spans["told"].to_numpy(), spans["parent"].to_numpy()
    served = links["server"][told]
    server = np.flatnonzero(served & (parent >= 0) & links["client"][told[parent]])
    answer = np.full(len(spans), -1)
    answer[parent[server]] = server
    # Who was called by nobody seen was called by the user, unless the caller is lost.
    begun = ~served | ((parent < 0) & (spans["parent_span_id"].to_numpy() == 0))
    place = np.flatnonzero(begun & links["linked"][told])
    of_kind, there = told[place], answer[place]
    paired = there >= 0
    callee = np.where(paired, links["home"][told[there]], links["callee"][of_kind])
    number = (links["caller"][of_kind] * len(nodes) + callee) * 3 + links["kind"][of_kind]
    others = pd.arrays.IntegerArray(spans["span_id"].to_numpy()[there], ~paired)
    failed = spans["failed"].to_numpy()
    columns = ["trace", "recency", "span_id", "step", "bucket", "duration_ns", "multiplicity"]
    seen = (
        spans[columns]
        .iloc[place]
        .assign(number=number, other_span_id=others, failed=failed[place] | (paired & failed[there]))
    )
    distinct = pd.unique(number)
    ends = [nodes.loc[distinct // 3 // len(nodes)], nodes.loc[distinct // 3 % len(nodes)]]
    keys = pd.DataFrame({"kind": np.array(["sync", "async", "data"], object)[distinct % 3]}, index=distinct)
    for name, node in zip(("caller", "callee"), ends, strict=True):
        keys[name], keys[f"{name}_kind"] = node["name"].to_numpy(), node["node_kind"].to_numpy()
    many, duration = seen["multiplicity"].to_numpy(), seen["duration_ns"].to_numpy()
    return gather(
        planted,
        seen,
        keys,
        {
            "calls": many,
            "errors": np.where(seen["failed"], many, 0),
            "total_ns": duration,
            "paired": np.where(paired, many, 0),
            "client_ns": np.where(paired, duration, 0),
            "server_ns": np.where(paired, spans["duration_ns"].to_numpy()[there], 0),
        },
        {"latency": ("bucket", many)},
        "duration_ns",
    )
