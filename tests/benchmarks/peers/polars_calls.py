"""Calls and accesses to data in Polars: whom a span calls is told by what it is, hence once for each of the kinds."""

from __future__ import annotations

import polars as pl

from tests.benchmarks.peers.polars_facts import Made, gather
from tests.benchmarks.peers.polars_spans import Planted
from tests.benchmarks.peers.texts import Call, StoreAccess, accesses_of, store_of

__all__ = ["calls", "data_access"]

_SAID = ("category", "db_system", "server_address", "server_port", "db_namespace", "peer_service", "template",
         "db_collection", "db_operation")  # fmt: skip

#: sync, async or data: of calls to stores, of messages, of other clients, of servers.
_LINK_KINDS = (2, 1, 0, 0)


def _stores(planted: Planted) -> dict[int, Call]:
    """Return what kinds of spans that call a store say of the call."""
    named = pl.any_horizontal("stated", pl.col("db_operation", "db_collection").is_not_null())
    asked = planted.kinds.filter(pl.col("data") & named).with_columns(template=pl.when("stated").then("template"))
    said = asked.select("told", *_SAID).with_columns(
        pl.col(pl.String).fill_null(""), pl.col("server_port").fill_null(0)
    )
    return {told: Call(*texts) for told, *texts in said.iter_rows()}


def data_access(planted: Planted) -> Made:
    """Return which operations read and write which tables."""
    found = [(told, *access) for told, call in _stores(planted).items() for access in accesses_of(call)]
    accesses = pl.DataFrame(
        found, schema=["told", *StoreAccess._fields], schema_overrides={"told": pl.UInt32}, orient="row"
    )
    spans = planted.spans
    key = ("service", "store", "store_system", "table", "mode", "method")
    ways = (
        planted.kinds.select("told", "service", store_system=pl.col("db_system").fill_null(""))
        .join(accesses, on="told")
        .with_columns(way=pl.struct(key).rank("dense").cast(pl.UInt64))
    )
    found = (
        spans.lazy().join(ways.lazy().select("told", "way", "confidence"), on="told", maintain_order="left").collect()
    )
    # The operation that a call serves is that of the nearest span above through which the service is entered.
    entry, parent, enters = found.get_column("place"), spans.get_column("parent"), spans.get_column("enters")
    while not (there := enters.gather(entry)).all():
        entry = entry.zip_with(there, parent.gather(entry))
    served = planted.kinds.get_column("operation_number").gather(spans.get_column("told").gather(entry))
    seen = found.with_columns(number=pl.col("way") * 1_000_000 + served)
    operations = planted.kinds.lazy().select("operation", "operation_number").unique()
    keys = (
        seen.lazy()
        .select("number", "way", operation_number=(pl.col("number") % 1_000_000).cast(pl.UInt32))
        .unique()
        .join(operations, on="operation_number")
        .join(ways.lazy().select("way", *key).unique(), on="way")
    )
    many = pl.col("multiplicity")
    return gather(
        planted,
        seen,
        keys,
        {
            "calls": many.sum(),
            "errors": many.filter("failed").sum(),
            "total_ns": pl.col("duration_ns").sum(),
            "confidence": pl.col("confidence").min(),
        },
        {},
        "duration_ns",
    )


def _links(planted: Planted) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the nodes, and for each kind its service's node and the call that half of it is."""
    kinds, kind = planted.kinds, pl.col("kind")
    stores = {told: store_of(call) for told, call in _stores(planted).items()}
    of_kinds = pl.DataFrame({"told": stores.keys(), "store": stores.values()}, schema_overrides={"told": pl.UInt32})
    told = kinds.join(of_kinds, on="told", how="left", maintain_order="left")
    peer = pl.coalesce("peer_service", "server_address")
    queue = pl.col("messaging_system").fill_null("queue") + "://" + pl.col("messaging_destination")
    store_kind = pl.when(pl.col("category") == "cache").then(pl.lit("cache")).otherwise(pl.lit("database"))
    known = peer.is_in(kinds.get_column("service").unique().implode())
    peer_kind = pl.when(known).then(pl.lit("service")).otherwise(pl.lit("external"))
    message = kind.is_in(["producer", "consumer"])

    def chosen(store: pl.Expr, queue: pl.Expr, peer: pl.Expr, user: pl.Expr) -> pl.Expr:
        """Return one of these, as the span calls a store, sends or receives, calls anyone else, or is called."""
        stored = pl.when("data").then(store).when(message).then(queue)
        return stored.when(kind == "client").then(peer).when(kind == "server").then(user)

    user = pl.lit("user")
    homes = told.select(name="service", node_kind=pl.lit("service"))
    others = told.select(
        name=chosen(pl.col("store"), queue, peer, user), node_kind=chosen(store_kind, pl.lit("queue"), peer_kind, user)
    )
    nodes = pl.concat([homes, others]).drop_nulls().unique().with_row_index("node")
    joined = [side.join(nodes, on=["name", "node_kind"], how="left", maintain_order="left") for side in (homes, others)]
    home, other = (side.get_column("node").cast(pl.UInt64) for side in joined)
    incoming = pl.col("serves") & ~pl.col("data")
    links = told.select(
        home=home,
        caller=pl.when(incoming).then(other).otherwise(home),
        callee=pl.when(incoming).then(home).otherwise(other),
        link_kind=chosen(*(pl.lit(code, pl.UInt64) for code in _LINK_KINDS)),
        client=kind == "client",
        server=kind == "server",
    )
    return nodes, links


def calls(planted: Planted) -> Made:
    """Return calls between services, to their stores, and through brokers."""
    nodes, links = _links(planted)
    spans, parent = planted.spans, planted.spans.get_column("parent")
    link = links[spans.get_column("told")]
    called = link.get_column("server") & link.get_column("client").gather(parent).fill_null(value=False)
    answer = pl.repeat(None, spans.height, dtype=pl.UInt32, eager=True)
    answer.scatter(parent.filter(called), spans.get_column("place").filter(called))
    # Who was called by nobody seen was called by the user, unless the caller is lost.
    begun = ~pl.col("server") | (pl.col("parent").is_null() & (pl.col("parent_span_id") == 0))
    seen = (
        spans.lazy()
        .with_columns(
            *link.get_columns(),
            answer_home=link.get_column("home").gather(answer),
            other_span_id=spans.get_column("span_id").gather(answer),
            server_ns=spans.get_column("duration_ns").gather(answer),
            server_failed=spans.get_column("failed").gather(answer),
        )
        .filter(begun & pl.col("link_kind").is_not_null())
        .select(
            "trace", "recency", "span_id", "other_span_id", "step", "bucket", "duration_ns", "multiplicity",
            "server_ns",
            failed=pl.col("failed") | pl.col("server_failed").fill_null(value=False),
            number=(pl.col("caller") * 100_000 + pl.coalesce("answer_home", "callee")) * 4 + pl.col("link_kind"),
        )
        .collect()
    )  # fmt: skip
    number = pl.col("number")
    link_kind = (number % 4).cast(pl.UInt32).replace_strict({0: "sync", 1: "async", 2: "data"}, return_dtype=pl.String)
    callers = nodes.lazy().select(caller_node="node", caller="name", caller_kind="node_kind")
    callees = nodes.lazy().select(callee_node="node", callee="name", callee_kind="node_kind")
    keys = (
        seen.lazy()
        .select("number")
        .unique()
        .with_columns(
            kind=link_kind,
            caller_node=(number // 400_000).cast(pl.UInt32),
            callee_node=(number // 4 % 100_000).cast(pl.UInt32),
        )
        .join(callers, on="caller_node")
        .join(callees, on="callee_node")
    )
    many, paired = pl.col("multiplicity"), pl.col("server_ns").is_not_null()
    return gather(
        planted,
        seen,
        keys,
        {
            "calls": many.sum(),
            "errors": many.filter("failed").sum(),
            "total_ns": pl.col("duration_ns").sum(),
            "paired": many.filter(paired).sum(),
            "client_ns": pl.col("duration_ns").filter(paired).sum(),
            "server_ns": pl.col("server_ns").sum(),
        },
        {"latency": ("bucket", many)},
        "duration_ns",
    )
