"""Spans in Polars: decoded once, numbers apart from the texts that few spans differ in, and each with its parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from tests.benchmarks.peers import texts
from tests.benchmarks.peers.columns import NUMBERS, SMALL, TEXTS

__all__ = ["Planted", "plant", "step_of"]

_TEXTS: Final = (*TEXTS, *SMALL)
_NUMBERS: Final = (*NUMBERS, "instance")
#: What few spans differ in.
_TOLD: Final = (*_TEXTS, "stated", "cut_off")
#: What each span is told by its kind.
_TAKEN: Final = ("kind", "failed", "expected", "serves", "service_number", "visits_number", "requests_number")


@dataclass(frozen=True)
class Planted:
    """The tables that all facts share.

    Attributes
    ----------
    spans
        In the order in which examples of equal worth are chosen; ``place`` is the row, ``parent`` that of the parent,
        ``told`` the row in ``kinds``, ``trace`` that in ``traces``.
    kinds
        Every combination of what few spans differ in, with the numbers of its groups in facts.
    traces
        Ids and ``began``; ``recency`` orders them by it.
    """

    spans: pl.DataFrame
    kinds: pl.DataFrame
    traces: pl.DataFrame


def plant(path: str) -> Planted:
    """Decode spans and find their parents."""
    changes = [pl.col(name) != pl.col(name).shift() for name in ("trace_id_high", "trace_id_low")]
    statement = pl.col("db_statement").cat
    exported = (
        pl.scan_parquet(path)
        .select(
            *_NUMBERS,
            *_TEXTS,
            # Spans of a trace lie together in the file.
            trace=pl.any_horizontal(changes).fill_null(value=True).cum_sum() - 1,
            stated=pl.col("db_statement").is_not_null(),
            cut_off=pl.any_horizontal(statement.ends_with(end) for end in texts.CUT_OFF).fill_null(value=False),
        )
        .collect()
    )
    different = exported.select(_TOLD).unique().with_row_index("told")
    told = exported.select(_TOLD).join(different, on=_TOLD, how="left", nulls_equal=True, maintain_order="left")
    kinds = _kinds(different)
    traces = exported.group_by("trace").agg(
        pl.col("trace_id_high", "trace_id_low").first(), began=pl.col("start_ns").min()
    )
    traces = traces.sort("trace").with_columns(
        recency=pl.struct("began", -pl.col("trace").cast(pl.Int64)).rank("ordinal")
    )
    spans = (
        exported.select(*_NUMBERS, "trace", told.get_column("told"))
        .sort("trace", "duration_ns", "span_id")
        .with_row_index("place")
    )
    return Planted(_with_parents(spans, kinds, traces), kinds, traces)


def _kinds(different: pl.DataFrame) -> pl.DataFrame:
    """Say of each combination what it tells, and number the groups that it belongs to."""
    plain = different.with_columns(pl.col(pl.Categorical).cast(pl.String))
    routes = plain.get_column("http_route").drop_nulls()
    raw = {name: texts.is_raw_path(name) for name in pl.concat([plain.get_column("name"), routes]).unique()}
    connecting = {name: texts.opens_connection(name) for name in plain.get_column("operation").unique()}
    status = pl.col("http_status")
    data = pl.col("category").is_in(["database", "cache"]) & ~pl.col("kind").is_in(["server", "consumer"])
    unsaid = ~pl.col("stated") & pl.col("db_collection").is_null()
    keys = ("service", "operation", "kind", "category")
    return plain.with_columns(
        failed=pl.col("status") == "error",
        expected=(status.is_between(400, 499) & ~status.is_in([408, 429])).fill_null(value=False),
        serves=pl.col("kind").is_in(["server", "consumer"]),
        data=data,
        raw_name=pl.col("name").replace_strict(raw, return_dtype=pl.Boolean),
        with_route=~pl.col("http_route").replace_strict(raw, default=True, return_dtype=pl.Boolean),
        data_call=data & ~(pl.col("operation").replace_strict(connecting, return_dtype=pl.Boolean) & unsaid),
        service_number=pl.col("service").rank("dense"),
        operation_number=pl.col("operation").rank("dense"),
        visits_number=pl.struct(keys[:2]).rank("dense"),
        requests_number=pl.struct(keys[:3]).rank("dense"),
        operations_number=pl.struct(keys).rank("dense"),
    )


def _with_parents(spans: pl.DataFrame, kinds: pl.DataFrame, traces: pl.DataFrame) -> pl.DataFrame:
    # Ids are of 64 random bits: each is there once, and who has one of another trace is no parent.
    above = spans.select(parent_span_id="span_id", parent="place", above_trace="trace")
    joined = spans.select("trace", "parent_span_id").join(above, on="parent_span_id", how="left", maintain_order="left")
    parent = joined.select(pl.when(pl.col("above_trace") == pl.col("trace")).then("parent")).to_series()
    taken = kinds.select(_TAKEN)[spans.get_column("told")]
    around = taken.get_column("service_number").gather(parent)
    crosses = around != taken.get_column("service_number")
    value = pl.col("duration_ns")
    return spans.hstack(taken).with_columns(
        traces.get_column("recency").gather(spans.get_column("trace")),
        end_ns=pl.col("start_ns") + value,
        parent=parent,
        crosses=crosses,
        enters=parent.is_null() | crosses | taken.get_column("serves"),
        step=step_of(value),
        bucket=_bucket_of(value),
    )


def _octave_of(value: pl.Expr) -> pl.Expr:
    return 63 - value.bitwise_leading_zeros().cast(pl.Int64)


def _bucket_of(value: pl.Expr) -> pl.Expr:
    """Return the bucket of a histogram: 64 an octave."""
    octave, two = _octave_of(value), pl.lit(2, pl.Int64)
    fine = (octave - 5) * 64 + (value // two.pow((octave - 6).clip(lower_bound=0))) % 64
    return pl.when(value < 64).then(value).otherwise(fine).cast(pl.Int32)


def step_of(value: pl.Expr) -> pl.Expr:
    """Return the half octave of a value and one."""
    octave = _octave_of(value + 1)
    upper = (value + 1) / pl.lit(2, pl.Int64).pow(octave) > 2**0.5
    return (2 * octave + upper.cast(pl.Int64)).cast(pl.Int32)
