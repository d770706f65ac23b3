"""Whole facts from Polars."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

__all__ = ["by_polars"]

_IDS = ["trace_id_high", "trace_id_low"]
_SHOWN = ["value", *_IDS, "start_ns", "span_ids"]


def by_polars(table: pa.Table) -> dict[str, pa.Table]:
    """Make the facts with Polars."""
    spans = _planted(pl.from_arrow(table))
    texts = {name: pl.col(name).cast(pl.String).fill_null("") for name in ("service", "operation", "kind", "category")}
    operations = spans.with_columns(**texts, many=pl.col("multiplicity"))
    requests = spans.filter("entry").select(
        pl.all(),
        many=pl.lit(1),
        entry_service=texts["service"],
        entry_operation=texts["operation"],
        entry_kind=texts["kind"],
    )
    failed = pl.col("failed")
    return {
        "operations": _fact(
            operations,
            ["service", "operation", "kind", "category", "entry"],
            spans=pl.col("many").sum(),
            errors=pl.col("many").filter(failed).sum(),
            total_ns=pl.col("duration_ns").sum(),
            self_ns=(pl.col("duration_ns") - pl.col("covered_ns").fill_null(0)).sum(),
        ),
        "requests": _fact(
            requests,
            ["entry_service", "entry_operation", "entry_kind"],
            requests=pl.len(),
            weighted_millis=(pl.col("weight") * 1000).round().sum(),
            errors=failed.sum(),
            orphaned=(pl.col("parent_span_id") != 0).sum(),
            total_ns=pl.col("duration_ns").sum(),
        ),
    }


def _planted(exported: pl.DataFrame) -> pl.DataFrame:
    """Add parents, own times and steps, in the order in which exemplars are chosen."""
    spans = exported.sort(*_IDS, "duration_ns", "span_id").with_row_index("place")
    ends = pl.col("start_ns") + pl.col("duration_ns")
    above = spans.select(
        *_IDS,
        pl.col("span_id").alias("parent_span_id"),
        pl.col("place").alias("parent"),
        pl.col("start_ns").alias("above_start_ns"),
        ends.alias("above_end_ns"),
    )
    spans = spans.join(above, on=[*_IDS, "parent_span_id"], how="left", maintain_order="left")
    below = spans.filter(pl.col("parent").is_not_null()).select(
        "parent",
        "start_ns",
        begins=pl.max_horizontal("start_ns", "above_start_ns"),
        ends=pl.min_horizontal(ends, "above_end_ns"),
    )
    covered = (
        below.sort("parent", "start_ns")
        .with_columns(until=pl.col("ends").cum_max().shift(1).over("parent").fill_null(0))
        .group_by(pl.col("parent").alias("place"))
        .agg(covered_ns=(pl.col("ends") - pl.max_horizontal("begins", "until")).clip(lower_bound=0).sum())
    )
    value = pl.col("duration_ns")
    exponent = 63 - value.bitwise_leading_zeros().cast(pl.Int64)
    octave = 63 - (value + 1).bitwise_leading_zeros().cast(pl.Int64)
    two = pl.lit(2).cast(pl.Int64)
    return spans.join(covered, on="place", how="left", maintain_order="left").with_columns(
        entry=pl.col("parent").is_null(),
        failed=(pl.col("status") == "error").fill_null(value=False),
        trace_start=pl.col("start_ns").min().over(_IDS),
        bucket=pl.when(value < 64)
        .then(value)
        .otherwise((exponent - 5) * 64 + (value // two.pow((exponent - 6).clip(lower_bound=0))) % 64)
        .cast(pl.Int32),
        step=2 * octave + ((value + 1) / two.pow(octave) > 2**0.5).cast(pl.Int64),
    )


def _fact(chosen: pl.DataFrame, keys: list[str], **sums: pl.Expr) -> pa.Table:
    groups = chosen.group_by(keys).agg(traces=pl.struct(_IDS).n_unique(), **sums)
    buckets = chosen.group_by(*keys, "bucket").agg(count=pl.col("many").sum().cast(pl.Int64)).sort("bucket")
    latency = buckets.group_by(keys, maintain_order=True).agg(latency=pl.struct("bucket", "count"))
    place = pl.col("place")
    shown = pl.concat(
        [
            chosen.group_by(*keys, "step").agg(place.first()).select(*keys, "place"),
            chosen.group_by(keys).agg(place.get(pl.col("duration_ns").arg_max())),
            chosen.group_by(keys).agg(place.get(pl.col("trace_start").arg_max())),
        ]
    ).unique()
    told = chosen.select(
        "place",
        *_IDS,
        value=pl.col("duration_ns"),
        start_ns=pl.col("trace_start"),
        span_ids=pl.concat_list("span_id"),
    )
    examples = shown.join(told, on="place", how="left").sort("place")
    exemplars = examples.group_by(keys, maintain_order=True).agg(exemplars=pl.struct(_SHOWN))
    return groups.join(latency, on=keys).join(exemplars, on=keys).to_arrow()
