"""Spans in pandas: decoded once, numbers apart from the texts that few spans differ in, and each with its parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.benchmarks.peers import texts
from tests.benchmarks.peers.columns import NUMBERS, SMALL, TEXTS

__all__ = ["Planted", "number_of", "plant", "step_of"]

_WIDEST: Final = 1 << 62


@dataclass(frozen=True)
class Planted:
    """The tables that all facts share.

    Attributes
    ----------
    spans
        In the order in which examples of equal worth are chosen, by which they are numbered; ``parent`` is the row of
        the parent, -1 for none, ``told`` the row in ``kinds``, ``trace`` that in ``traces``.
    kinds
        Every combination of what few spans differ in, with the numbers of its groups in facts.
    traces
        Ids and ``began``; ``recency`` orders them by it.
    """

    spans: pd.DataFrame
    kinds: pd.DataFrame
    traces: pd.DataFrame


def plant(path: str) -> Planted:
    """Decode spans and find their parents."""
    columns = [*NUMBERS, *TEXTS, *SMALL, "instance", "db_statement"]
    table = pq.read_table(path, columns=columns, use_threads=False)
    statement = table["db_statement"].combine_chunks()
    exported = table.drop_columns("db_statement").to_pandas()
    exported["stated"] = pc.is_valid(statement).to_numpy(zero_copy_only=False)
    exported["cut_off"] = _cut_off(statement)
    exported[list(SMALL)] = exported[list(SMALL)].fillna(0).astype(np.int32)
    exported["dropped_children"] = exported["dropped_children"].fillna(0).astype(np.int64)
    high, low = (exported[name].to_numpy() for name in ("trace_id_high", "trace_id_low"))
    # Spans of a trace lie together in the file.
    begins = np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1]))
    exported["trace"] = np.cumsum(begins) - 1
    told, first = number_of([exported[name] for name in (*TEXTS, *SMALL, "stated", "cut_off")])
    kinds = _kinds(exported.iloc[first])
    traces = exported.loc[begins, ["trace_id_high", "trace_id_low"]].reset_index(drop=True)
    traces["began"] = np.minimum.reduceat(exported["start_ns"].to_numpy(), np.flatnonzero(begins))
    traces["recency"] = np.argsort(np.lexsort((-traces.index, traces["began"])))
    order = np.lexsort((exported["span_id"], exported["duration_ns"], exported["trace"]))
    spans = exported[[*NUMBERS, "trace", "instance"]].assign(told=told).iloc[order].reset_index(drop=True)
    return Planted(_with_parents(spans, kinds, traces), kinds, traces)


def number_of(columns: Sequence[pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """Number the combinations of categories, marks and small numbers: for each row, and the first row of each."""
    number, width = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes, size = column.cat.codes.to_numpy() + 1, len(column.cat.categories) + 1
        else:
            codes, size = column.to_numpy(), int(column.max()) + 1
        if width * size > _WIDEST:
            number, found = pd.factorize(number)
            width = len(found)
        number, width = number * size + codes, width * size
    number, found = pd.factorize(number)
    first = np.empty(len(found), np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return number, first


def _cut_off(statement: pa.DictionaryArray) -> np.ndarray:
    trimmed = pc.utf8_rtrim_whitespace(statement.dictionary)
    marked = [pc.ends_with(trimmed, end) for end in texts.CUT_OFF]
    marked = np.append(pc.or_(*marked).to_numpy(zero_copy_only=False), False)
    return marked[statement.indices.fill_null(-1).to_numpy()]


def _kinds(different: pd.DataFrame) -> pd.DataFrame:
    """Say of each combination what it tells, and number the groups that it belongs to."""
    kinds = different[[*TEXTS, *SMALL, "stated", "cut_off"]].reset_index(drop=True)
    kinds = kinds.astype(dict.fromkeys(TEXTS, object))
    status, kind = kinds["http_status"], kinds["kind"]
    kinds["failed"] = kinds["status"] == "error"
    kinds["expected"] = status.between(400, 499) & ~status.isin([408, 429])
    kinds["serves"] = kind.isin(["server", "consumer"])
    kinds["data"] = kinds["category"].isin(["database", "cache"]) & ~kinds["serves"]
    raw = {name: texts.is_raw_path(name) for name in pd.concat([kinds["name"], kinds["http_route"].dropna()]).unique()}
    connecting = {name: texts.opens_connection(name) for name in kinds["operation"].unique()}
    kinds["raw_name"] = kinds["name"].map(raw).astype(bool)
    kinds["with_route"] = kinds["http_route"].map(raw).eq(other=False)
    unsaid = ~kinds["stated"] & kinds["db_collection"].isna()
    kinds["data_call"] = kinds["data"] & ~(kinds["operation"].map(connecting).astype(bool) & unsaid)
    keys = ["service", "operation", "kind", "category"]
    for name, few in (("service", 1), ("visits", 2), ("requests", 3), ("operations", 4)):
        kinds[f"{name}_number"] = kinds.groupby(keys[:few], sort=False).ngroup()
    kinds["operation_number"] = kinds.groupby("operation", sort=False).ngroup()
    return kinds


def _with_parents(spans: pd.DataFrame, kinds: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    trace = spans["trace"].to_numpy()
    # Ids are of 64 random bits: each is there once, and who has one of another trace is no parent.
    parent = pd.Index(spans["span_id"]).get_indexer(spans["parent_span_id"])
    parent = np.where(trace[parent] == trace, parent, -1)
    told = spans["told"].to_numpy()
    taken = {
        name: kinds[name].to_numpy()[told]
        for name in ("failed", "expected", "serves", "service_number", "visits_number", "requests_number")
    }
    service, value = taken["service_number"], spans["duration_ns"].to_numpy()
    crosses = (parent >= 0) & (service[parent] != service)
    return spans.assign(
        **taken,
        recency=traces["recency"].to_numpy()[trace],
        end_ns=spans["start_ns"] + value,
        parent=parent,
        crosses=crosses,
        enters=(parent < 0) | crosses | taken["serves"],
        step=step_of(value),
        bucket=_bucket_of(value),
    )


def _bucket_of(value: np.ndarray) -> np.ndarray:
    """Return the bucket of a histogram: 64 an octave."""
    octave = np.frexp(value.astype(np.float64))[1] - 1
    fine = ((octave - 5) << 6) + ((value >> np.maximum(octave - 6, 0)) & 63)
    return np.where(value < 64, value, fine).astype(np.int32)


def step_of(value: np.ndarray) -> np.ndarray:
    """Return the half octave of a value and one."""
    mantissa, exponent = np.frexp((value + 1).astype(np.float64))
    return (2 * (exponent - 1) + (2 * mantissa > 2**0.5)).astype(np.int32)
