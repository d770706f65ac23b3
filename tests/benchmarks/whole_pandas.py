"""Whole facts from pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, HISTOGRAM

__all__ = ["by_pandas"]

_IDS = ["trace_id_high", "trace_id_low"]
_TEXTS = ["service", "operation", "kind", "category"]


def by_pandas(table: pa.Table) -> dict[str, pa.Table]:
    """Make the facts with pandas."""
    spans = _planted(table.to_pandas())
    top = spans[spans["entry"]].rename(columns={name: f"entry_{name}" for name in _TEXTS})
    one = pd.Series(1, index=top.index)
    return {
        "operations": _fact(
            spans.assign(
                many=spans["multiplicity"],
                spans=spans["multiplicity"],
                errors=spans["multiplicity"].where(spans["failed"], 0),
                total_ns=spans["duration_ns"],
                self_ns=spans["duration_ns"] - spans["covered_ns"],
            ),
            [*_TEXTS, "entry"],
            ["spans", "errors", "total_ns", "self_ns"],
        ),
        "requests": _fact(
            top.assign(
                many=one,
                requests=one,
                weighted_millis=(top["weight"] * 1000).round().astype(np.int64),
                errors=top["failed"],
                orphaned=top["parent_span_id"] != 0,
                total_ns=top["duration_ns"],
            ),
            ["entry_service", "entry_operation", "entry_kind"],
            ["requests", "weighted_millis", "errors", "orphaned", "total_ns"],
        ),
    }


def _planted(frame: pd.DataFrame) -> pd.DataFrame:
    """Add parents, own times and steps, in the order in which exemplars are chosen."""
    spans = frame.sort_values([*_IDS, "duration_ns", "span_id"], ignore_index=True)
    for name in _TEXTS:
        spans[name] = spans[name].astype(object).fillna("").astype("category")
    spans["end_ns"] = spans["start_ns"] + spans["duration_ns"]
    spans["trace"] = spans.groupby(_IDS, sort=False).ngroup()
    spans["trace_start"] = spans.groupby("trace")["start_ns"].transform("min")
    above = spans[["trace", "span_id"]].rename(columns={"span_id": "parent_span_id"}).assign(parent=spans.index)
    parent = spans[["trace", "parent_span_id"]].merge(above, how="left", on=["trace", "parent_span_id"])["parent"]
    spans["entry"] = parent.isna()
    below = spans.loc[~spans["entry"], ["start_ns", "end_ns"]].assign(parent=parent.dropna().astype(np.int64))
    below = below.sort_values(["parent", "start_ns"])
    bounds = spans.loc[below["parent"], ["start_ns", "end_ns"]].to_numpy()
    begins = np.maximum(below["start_ns"].to_numpy(), bounds[:, 0])
    ends = pd.Series(np.minimum(below["end_ns"].to_numpy(), bounds[:, 1]))
    group = below["parent"].reset_index(drop=True)
    until = ends.groupby(group).cummax().groupby(group).shift(fill_value=0).to_numpy()
    inside = pd.Series(np.maximum(ends.to_numpy() - np.maximum(begins, until), 0))
    spans["covered_ns"] = inside.groupby(group).sum().reindex(spans.index, fill_value=0)
    spans["failed"] = spans["status"] == "error"
    value = spans["duration_ns"].to_numpy()
    exponent = np.frexp(np.maximum(value, 1).astype(np.float64))[1] - 1
    fine = (np.maximum(exponent - 5, 0) << 6) + ((value >> np.maximum(exponent - 6, 0)) & 63)
    spans["bucket"] = np.where(value < 64, value, fine)
    mantissa, octave = np.frexp((value + 1).astype(np.float64))
    spans["step"] = 2 * (octave - 1) + (2 * mantissa > 2**0.5)
    return spans


def _fact(chosen: pd.DataFrame, keys: list[str], sums: list[str]) -> pa.Table:
    groups = chosen.groupby(keys, observed=True)
    rows = groups[sums].sum().assign(traces=groups["trace"].nunique())
    number = groups.ngroup()
    buckets = chosen.groupby([number, "bucket"])["many"].sum()
    shown = np.unique(
        np.concatenate(
            [
                chosen.index[~chosen.assign(number=number).duplicated(["number", "step"])],
                groups["duration_ns"].idxmax(),
                groups["trace_start"].idxmax(),
            ]
        )
    )
    owner = number.loc[shown]
    shown = shown[np.argsort(owner.to_numpy(), kind="stable")]
    told = chosen.loc[shown]
    spans = pa.ListArray.from_arrays(np.arange(len(told) + 1, dtype=np.int32), pa.array(told["span_id"].to_numpy()))
    parts = [pa.array(told[name].to_numpy()) for name in ("duration_ns", *_IDS, "trace_start")]
    examples = pa.StructArray.from_arrays([*parts, spans], [item.name for item in EXEMPLARS.value_type])
    counts = [buckets.index.get_level_values(1).to_numpy(np.int32), buckets.to_numpy(np.int64)]
    entries = pa.StructArray.from_arrays(list(map(pa.array, counts)), ["bucket", "count"])
    place = np.arange(len(rows) + 1)
    begins = np.searchsorted(buckets.index.get_level_values(0), place).astype(np.int32)
    examples_begin = np.searchsorted(np.sort(owner.to_numpy()), place).astype(np.int32)
    named = rows.reset_index()
    columns = {name: pa.array(named[name].astype(object) if name not in sums else named[name]) for name in named}
    return pa.table(
        {
            **columns,
            "latency": pa.ListArray.from_arrays(begins, entries).cast(HISTOGRAM),
            "exemplars": pa.ListArray.from_arrays(examples_begin, examples).cast(EXEMPLARS),
        }
    )
