"""The same answers from Polars, in its lazy expressions where there is one for the question."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from tests.benchmarks.origins import origin_rows

__all__ = ["by_polars"]

Answers = dict[str, dict[tuple[str, ...], tuple[float, ...]]]

_IDS = ["trace_id_high", "trace_id_low"]
_COUNTED = [pl.len().alias("count"), pl.col("failed").sum()]
_P95 = pl.col("duration_ns").quantile(0.95, "linear").alias("p95")


def by_polars(table: pa.Table) -> Answers:
    """Answer with Polars."""
    spans = _planted(pl.from_arrow(table).lazy().with_row_index("row"))
    top = spans.filter(pl.col("parent").is_null())
    asked = {
        "requests": (2, top.group_by("service", "operation").agg(*_COUNTED, _P95)),
        "edges": (2, _edges(spans)),
        "own time": (2, _own_time(spans)),
        "failures": (1, _origins(spans)),
        "orphans": (1, top.filter(pl.col("parent_span_id") != 0).group_by("service").agg(pl.len())),
        "tables": (2, _tables(spans)),
    }
    frames = pl.collect_all([query for _, query in asked.values()])
    return {
        question: {tuple(row[:keys]): tuple(row[keys:]) for row in frame.rows()}
        for (question, (keys, _)), frame in zip(asked.items(), frames, strict=True)
    }


def _planted(exported: pl.LazyFrame) -> pl.LazyFrame:
    """Add the row, service, kind and times of each span's parent; computed once for all questions."""
    above = exported.select(
        *_IDS,
        pl.col("span_id").alias("parent_span_id"),
        pl.col("row").cast(pl.Int64).alias("parent"),
        pl.col("service").alias("above_service"),
        pl.col("kind").alias("above_kind"),
        pl.col("start_ns").alias("above_start_ns"),
        (pl.col("start_ns") + pl.col("duration_ns")).alias("above_end_ns"),
    )
    spans = exported.join(above, on=[*_IDS, "parent_span_id"], how="left", maintain_order="left")
    return (
        spans.with_columns(failed=pl.col("status") == "error", end_ns=pl.col("start_ns") + pl.col("duration_ns"))
        .collect()
        .lazy()
    )


def _edges(spans: pl.LazyFrame) -> pl.LazyFrame:
    servers = spans.filter((pl.col("kind") == "server") & pl.col("parent").is_not_null())
    answered = servers.select("parent", pl.col("service").alias("callee"), pl.col("failed").alias("callee_failed"))
    clients = spans.filter((pl.col("kind") == "client") & (pl.col("category") == "http"))
    calls = clients.select(
        pl.col("row").cast(pl.Int64), pl.col("service").alias("caller"), "server_address", "failed", "duration_ns"
    ).join(answered, left_on="row", right_on="parent", how="left")
    named = calls.with_columns(
        callee=pl.coalesce(pl.col("callee").cast(pl.String), pl.col("server_address").cast(pl.String)),
        failed=pl.col("failed") | pl.col("callee_failed").fill_null(value=False),
    )
    return named.group_by("caller", "callee").agg(*_COUNTED, _P95)


def _own_time(spans: pl.LazyFrame) -> pl.LazyFrame:
    below = spans.filter(pl.col("parent").is_not_null()).select(
        "parent",
        "start_ns",
        begins=pl.max_horizontal("start_ns", "above_start_ns"),
        ends=pl.min_horizontal("end_ns", "above_end_ns"),
    )
    until = pl.col("ends").cum_max().shift(1).over("parent").fill_null(0)
    covered = (
        below.sort("parent", "start_ns")
        .with_columns(until=until)
        .select("parent", ns=(pl.col("ends") - pl.max_horizontal("begins", "until")).clip(lower_bound=0))
        .group_by("parent")
        .agg(pl.col("ns").sum())
    )
    whole = spans.with_columns(pl.col("row").cast(pl.Int64)).join(covered, left_on="row", right_on="parent", how="left")
    own = pl.col("duration_ns") - pl.col("ns").fill_null(0)
    return whole.group_by("service", "operation").agg(
        *_COUNTED, pl.col("duration_ns").sum().alias("total"), own.sum().alias("own")
    )


def _origins(spans: pl.LazyFrame) -> pl.LazyFrame:
    """Climb with arrays: a loop over levels has no expression."""
    served = pl.col("kind").is_in(["server", "consumer"])
    waits = (pl.col("kind") != "consumer") & (pl.col("above_kind").is_null() | (pl.col("above_kind") != "producer"))
    told = spans.select(
        "service",
        "failed",
        parent=pl.col("parent").fill_null(-1),
        waits=waits,
        enters=pl.col("parent").is_null() | (pl.col("above_service") != pl.col("service")) | served,
    ).collect()
    rows = origin_rows(*(told[name].to_numpy() for name in ("parent", "enters", "waits", "failed")))
    return told.lazy().select(pl.col("service").gather(rows)).group_by("service").agg(pl.len())


def _tables(spans: pl.LazyFrame) -> pl.LazyFrame:
    stored = spans.filter((pl.col("category") == "database") & (pl.col("db_system") == "postgresql"))
    return stored.group_by("service", "db_collection").agg(*_COUNTED)
