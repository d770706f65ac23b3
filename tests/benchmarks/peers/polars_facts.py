"""The facts in Polars but for calls and accesses to data: for each what is counted, by number."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tests.benchmarks.peers import frames
from tests.benchmarks.peers.polars_paths import covered
from tests.benchmarks.peers.polars_spans import Planted, step_of

__all__ = ["Made", "coverage", "gather", "operations", "pauses", "requests", "visits"]


Made = frames.Made[pl.DataFrame]


def gather(
    planted: Planted,
    seen: pl.DataFrame,
    keys: pl.LazyFrame,
    sums: Mapping[str, pl.Expr],
    histograms: Mapping[str, tuple[str, pl.Expr]],
    value: str | None,
) -> Made:
    """Add up what was seen by its number.

    Parameters
    ----------
    planted
        Where it was seen.
    seen
        Has ``number``, ``trace`` and ``recency``; for examples ``step``, ``span_id`` and maybe ``other_span_id``, in
        the order in which examples of equal worth are chosen.
    keys
        Those of each number.
    sums
        By column: what is summed.
    histograms
        By column: what tells the bucket, and how often it counts.
    value
        What examples are chosen by; None where there are none.
    """
    row = pl.col("row")
    rows = seen.with_row_index("row").lazy()
    traces = rows.group_by("number", "trace").agg(row.first(), pl.col("recency").first())
    told = traces.group_by("number").agg(traces=pl.len().cast(pl.Int64), latest=row.max_by("recency"))
    worst = {} if value is None else {"worst": row.get(pl.col(value).arg_max())}
    counted = rows.group_by("number").agg(**sums, **worst)
    counts = {
        column: rows.group_by("number", bucket).agg(count=many.sum().cast(pl.Int64)).filter(pl.col("count") > 0)
        for column, (bucket, many) in histograms.items()
    }
    steps = [] if value is None else [rows.group_by("number", "step").agg(row.first())]
    whole = keys.join(told, on="number").join(counted, on="number")
    made, *others = pl.collect_all([whole, *counts.values(), *steps])
    buckets = {
        column: others[place].rename({bucket: "bucket"})
        for place, (column, (bucket, _)) in enumerate(histograms.items())
    }
    if value is None:
        return Made(made, buckets, None)
    shown = pl.concat([others[-1].get_column("row"), made.get_column("latest"), made.get_column("worst")]).unique()
    spans = [name for name in ("span_id", "other_span_id") if name in seen.columns]
    examples = seen.select("number", "trace", *spans, value=pl.col(value))[shown]
    ids = planted.traces.select("trace_id_high", "trace_id_low", start_ns="began")[examples.get_column("trace")]
    return Made(made, buckets, examples.hstack(ids))


def requests(planted: Planted) -> Made:
    """Return requests by the operation of their topmost span."""
    keys = planted.kinds.lazy().select(
        number="requests_number", entry_service="service", entry_operation="operation", entry_kind="kind"
    )
    return gather(
        planted,
        planted.spans.filter(pl.col("parent").is_null()).rename({"requests_number": "number"}),
        keys.unique(),
        {
            "requests": pl.len(),
            "weighted_millis": (pl.col("weight") * 1000).round().clip(1).sum(),
            "errors": pl.col("failed").sum(),
            "orphaned": (pl.col("parent_span_id") != 0).sum(),
            "total_ns": pl.col("duration_ns").sum(),
        },
        {"latency": ("bucket", pl.len())},
        "duration_ns",
    )


def visits(planted: Planted) -> Made:
    """Return how often operations were entered."""
    return gather(
        planted,
        planted.spans.filter("enters").rename({"visits_number": "number"}),
        planted.kinds.lazy().select("service", "operation", number="visits_number").unique(),
        {"visits": pl.len(), "failures": (pl.col("failed") & ~pl.col("expected")).sum()},
        {"latency": ("bucket", pl.len())},
        None,
    )


def pauses(planted: Planted) -> Made:
    """Return the time from the beginning of visits to their first child, by copy and minute."""
    second = pl.col("start_ns") // 1_000_000_000
    spans = planted.spans.lazy()
    firsts = spans.filter(pl.col("parent").is_not_null()).group_by("parent").agg(first=pl.col("start_ns").min())
    found = (
        spans.filter("enters")
        .join(firsts, left_on="place", right_on="parent")
        .select(
            "trace", "recency", "span_id", "instance", "service_number",
            minute=second // 60,
            second=second % 60,
            pause=(pl.col("first") - pl.col("start_ns")).clip(0),
        )
        .sort("trace", "pause", "span_id")
        .with_columns(step=step_of(pl.col("pause")))
        .collect()
    )  # fmt: skip
    copies = ("service_number", "instance", "minute")
    keys = found.select(copies).unique().with_row_index("number")
    services = planted.kinds.lazy().select("service_number", "service").unique()
    return gather(
        planted,
        found.join(keys, on=copies, how="left", maintain_order="left"),
        keys.lazy().join(services, on="service_number"),
        {"visits": pl.len()},
        {"pause_count": ("second", pl.len()), "pause_ns": ("second", pl.col("pause"))},
        "pause",
    )


def operations(planted: Planted, on_path: pl.Series) -> Made:
    """Return operations with their own times and what of these is on critical paths."""
    many, entry = pl.col("multiplicity"), pl.col("parent").is_null()
    # Looked up here alone, so that spans need not carry it.
    of_told = planted.kinds.get_column("operations_number").gather(planted.spans.get_column("told"))
    seen = planted.spans.with_columns(
        number=2 * of_told + entry.cast(pl.UInt32), covered_ns=covered(planted), critical_ns=on_path
    )
    keys = planted.kinds.lazy().select("operations_number", "service", "operation", "kind", "category").unique()
    both = keys.join(pl.LazyFrame({"entry": [False, True]}), how="cross")
    return gather(
        planted,
        seen,
        both.with_columns(number=2 * pl.col("operations_number") + pl.col("entry").cast(pl.UInt32)),
        {
            "spans": many.sum(),
            "errors": many.filter("failed").sum(),
            "total_ns": pl.col("duration_ns").sum(),
            "self_ns": (pl.col("duration_ns") - pl.col("covered_ns")).sum(),
            "critical_ns": pl.col("critical_ns").sum(),
        },
        {"latency": ("bucket", many)},
        "duration_ns",
    )


def coverage(planted: Planted) -> Made:
    """Return what the spans of services say, counted by what their texts say first."""
    spans, kind, category = planted.spans.lazy(), pl.col("kind"), pl.col("category")
    many = pl.col("multiplicity")
    counted = spans.group_by("told").agg(
        spans=pl.len(),
        compressed=(many > 1).sum(),
        stood_for=many.filter(many > 1).sum(),
        dropped=pl.col("dropped_children").sum(),
        weighted=(pl.col("weight") != 1).sum(),
        coarse=(pl.col("time_resolution_ns") >= 1_000_000).sum(),
        old_conventions=pl.col("old_conventions").sum(),
    )
    remote = (kind == "client") & category.is_in(["http", "rpc"])
    peer = pl.coalesce("peer_service", "server_address").is_not_null()
    unnamed = planted.kinds.lazy().filter(remote & ~peer).select("told")
    answering = spans.filter((kind == "server") | pl.col("crosses")).select(pl.col("parent").drop_nulls()).unique()
    answered = (
        spans.join(unnamed, on="told", how="semi")
        .join(answering, left_on="place", right_on="parent", how="semi")
        .group_by("told")
        .agg(answered=pl.len())
    )
    served = (kind == "server") & (category == "http")
    message, data = kind.is_in(["producer", "consumer"]), pl.col("data_call")
    told = (pl.col("status") != "unset") | (pl.col("http_status") > 0) | pl.col("rpc_status").is_not_null()
    coded = (pl.col("http_status") >= 400) | ~pl.col("rpc_status").is_in(["OK", "0"])
    says = {
        "with_kind": kind != "unspecified",
        "with_status": pl.col("status") != "unset",
        "with_outcome": told,
        "http_servers": served,
        "with_route": served & pl.col("with_route"),
        "raw_names": pl.col("raw_name"),
        "data_calls": data,
        "with_system": data & pl.col("db_system").is_not_null(),
        "with_statement": data & (pl.col("stated") | pl.col("db_collection").is_not_null()),
        "clients": remote,
        "messages": message,
        "with_destination": message & pl.col("messaging_destination").is_not_null(),
        "errors": pl.col("failed"),
        "with_error_type": pl.col("failed") & (pl.col("error_type").is_not_null() | coded),
        "truncated": data & pl.col("cut_off"),
    }
    counts = ("spans", "compressed", "stood_for", "dropped", "weighted", "coarse", "old_conventions")
    keys = (
        planted.kinds.lazy()
        .join(counted, on="told")
        .join(answered, on="told", how="left")
        .group_by("service", number="service_number")
        .agg(
            **{name: pl.col(name).sum() for name in counts},
            **{name: pl.col("spans").filter(condition).sum() for name, condition in says.items()},
            with_peer=pl.when(peer).then("spans").otherwise("answered").filter(remote).sum(),
            timeless=pl.lit(0),
        )
    )
    return gather(planted, planted.spans.rename({"service_number": "number"}), keys, {}, {}, "duration_ns")
