"""What operations take of trees in Polars: own times, and critical paths.

The times of all parents are laid end to end on one axis, where children of one parent never meet those of another: the
largest so far, or the nearest before, of all siblings are then found in one pass over sorted columns.
"""

from __future__ import annotations

import polars as pl

from tests.benchmarks.peers.polars_spans import Planted

__all__ = ["covered", "critical"]


def _below(planted: Planted) -> pl.DataFrame:
    """Return all children, by parent, with their times on the axis, cut to those of their parents."""
    spans = planted.spans
    axis = (spans.get_column("duration_ns") + 2).cum_sum().shift(1, fill_value=0)
    children = spans.filter(pl.col("parent").is_not_null()).select("place", "parent", "kind", "start_ns", "end_ns")
    parent = children.get_column("parent")
    began, ended, origin = (
        column.gather(parent) for column in (spans.get_column("start_ns"), spans.get_column("end_ns"), axis)
    )
    return children.with_columns(
        begins=pl.col("start_ns").clip(began, ended) - began + origin,
        ends=pl.col("end_ns").clip(began, ended) - began + origin,
        around=spans.get_column("kind").gather(parent),
        whole=ended - began,
    )


def covered(planted: Planted) -> pl.Series:
    """Return how much of each span the union of its children covers."""
    found = (
        _below(planted)
        .lazy()
        .sort("begins")
        .select("parent", ns=(pl.col("ends") - pl.max_horizontal("begins", pl.col("ends").cum_max().shift(1))).clip(0))
        .group_by("parent")
        .agg(pl.col("ns").sum())
    )
    return _by_place(planted, found.collect())


def critical(planted: Planted) -> pl.Series:
    """Return how much of each span is on the critical path of its tree and of no span below it there.

    From the end of a span backwards: after a sibling comes who alone ends within 1 % of the parent's time after its
    beginning, if nothing else begins or ends meanwhile, else who ends last before it.
    """
    waited = (pl.col("kind") != "consumer") & (pl.col("around") != "producer")
    by_begin = (
        _below(planted)
        .filter(waited)
        .sort("begins")
        .with_columns(begun_before=pl.col("begins").shift(1), begins_next=pl.col("begins").shift(-1))
    )
    by_end = (
        by_begin.select("place", "parent", "begins", "ends")
        .sort("ends", "begins", "place")
        .with_columns(
            alone=pl.col("ends").ne_missing(pl.col("ends").shift(1)),
            last=pl.col("parent").ne_missing(pl.col("parent").shift(-1)),
            kept=pl.col("ends").ne_missing(pl.col("ends").shift(-1)),
        )
        .filter("kept")
    )
    other = {"begins": "other_begins", "place": "earlier", "parent": "other_parent"}
    ending = by_end.select(pl.col("ends").alias("at"), pl.col("ends").alias("other_ends"), "alone", *other).rename(
        other
    )
    later = by_begin.select("place", "parent", "begins", "ends", "whole", "begun_before", "begins_next", at="begins")
    after = later.join_asof(ending, on="at", strategy="forward")
    before = later.join_asof(ending, on="at", strategy="backward", allow_exact_matches=False)
    touching = (
        (pl.col("other_parent") == pl.col("parent"))
        & pl.col("alone")
        & (pl.col("other_ends") < pl.col("ends"))
        & (pl.col("other_begins") < pl.col("begins"))
        & (pl.col("other_ends") - pl.col("begins") <= (pl.col("whole") - 1) // 100)
        & pl.col("begun_before").ne_missing(pl.col("begins"))
        & (pl.col("begins_next") > pl.col("other_ends")).fill_null(value=True)
    ).fill_null(value=False)
    near = after.select(pl.when(touching).then("earlier")).to_series()
    far = before.select(pl.when(pl.col("other_parent") == pl.col("parent")).then("earlier")).to_series()
    steps = later.select("place", entered=pl.coalesce(near, far)).drop_nulls()
    lasts = by_end.filter("last")
    following, first = (pl.repeat(None, planted.spans.height, dtype=pl.UInt32, eager=True) for _ in range(2))
    following.scatter(steps.get_column("place"), steps.get_column("entered"))
    first.scatter(lasts.get_column("parent"), lasts.get_column("place"))
    return _exclusive(planted.spans, first, following)


def _exclusive(spans: pl.DataFrame, first: pl.Series, following: pl.Series) -> pl.Series:
    """Go down from the roots: from a span to the child that the path enters last, and to the siblings before it."""
    reached = [spans.filter(pl.col("parent").is_null()).get_column("place")]
    while len(reached[-1]):
        reached.append(pl.concat([step.gather(reached[-1]).drop_nulls() for step in (first, following)]))
    path = pl.concat(reached)
    entered = spans.select("place", "parent", "duration_ns")[path]
    below = entered.filter(pl.col("parent").is_not_null()).group_by("parent").agg(ns=pl.col("duration_ns").sum())
    own = entered.join(below, left_on="place", right_on="parent", how="left").select(
        "place", ns=(pl.col("duration_ns") - pl.col("ns").fill_null(0)).clip(0)
    )
    return pl.zeros(spans.height, pl.Int64, eager=True).scatter(own.get_column("place"), own.get_column("ns"))


def _by_place(planted: Planted, found: pl.DataFrame) -> pl.Series:
    nothing = pl.zeros(planted.spans.height, pl.Int64, eager=True)
    return nothing.scatter(found.get_column("parent"), found.get_column("ns"))
