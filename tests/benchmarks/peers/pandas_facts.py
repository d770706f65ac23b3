"""The facts in pandas but for calls and accesses to data: for each what is counted, by number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tests.benchmarks.peers import frames
from tests.benchmarks.peers.pandas_paths import covered
from tests.benchmarks.peers.pandas_spans import Planted, number_of, step_of

__all__ = ["Made", "coverage", "gather", "operations", "pauses", "requests", "visits"]


Made = frames.Made[pd.DataFrame]


def gather(
    planted: Planted,
    seen: pd.DataFrame,
    keys: pd.DataFrame,
    sums: Mapping[str, np.ndarray | pd.Series],
    histograms: Mapping[str, tuple[str, np.ndarray | pd.Series | None]],
    value: str | None,
    least: Mapping[str, pd.Series] | None = None,
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
        Those of each number, which is the index.
    sums, least
        By column: what is summed, and that of which the least counts.
    histograms
        By column: what tells the bucket, and how often it counts; once where nothing says it.
    value
        What examples are chosen by; None where there are none.
    """
    seen = seen.reset_index(drop=True)
    number = seen["number"].to_numpy()
    summed = {name: np.asarray(column) for name, column in sums.items()}
    groups = pd.DataFrame(summed, index=seen.index).groupby(number)
    made = groups.sum()
    for name, column in (least or {}).items():
        made[name] = np.asarray(pd.Series(np.asarray(column)).groupby(number).min())
    traces = len(planted.traces)
    firsts = ~pd.Series(number * traces + seen["trace"].to_numpy()).duplicated()
    of_traces = seen.loc[firsts, ["number", "recency"]].groupby("number")["recency"]
    made["traces"] = of_traces.size()
    rows = keys.join(made, how="inner")
    rows.index.name = "number"
    counted = {}
    for name, (bucket, many) in histograms.items():
        key = pd.Series(number * 4096 + seen[bucket].to_numpy())
        counts = key.value_counts(sort=False) if many is None else pd.Series(np.asarray(many)).groupby(key).sum()
        counts = counts[counts > 0]
        where = counts.index.to_numpy()
        counted[name] = pd.DataFrame({"number": where // 4096, "bucket": where % 4096, "count": counts.to_numpy()})
    if value is None:
        return Made(rows, counted, None)
    steps = ~pd.Series(number * 256 + seen["step"].to_numpy()).duplicated()
    worst = seen.groupby("number")[value].idxmax()
    shown = np.unique(np.concatenate([np.flatnonzero(steps), worst, of_traces.idxmax()]))
    spans = [name for name in ("span_id", "other_span_id") if name in seen.columns]
    examples = seen.loc[shown, ["number", "trace", *spans, value]].rename(columns={value: "value"})
    ids = planted.traces.loc[examples["trace"], ["trace_id_high", "trace_id_low", "began"]]
    ids = ids.rename(columns={"began": "start_ns"}).set_axis(examples.index)
    return Made(rows, counted, pd.concat([examples, ids], axis=1))


def _keys(planted: Planted, number: str, **names: str) -> pd.DataFrame:
    """Return the keys of each number, by their names in the kinds."""
    different = planted.kinds.drop_duplicates(number).set_index(number)
    return different[list(names.values())].set_axis(list(names), axis=1)


def requests(planted: Planted) -> Made:
    """Return requests by the operation of their topmost span."""
    seen = planted.spans[planted.spans["parent"] < 0].rename(columns={"requests_number": "number"})
    return gather(
        planted,
        seen,
        _keys(planted, "requests_number", entry_service="service", entry_operation="operation", entry_kind="kind"),
        {
            "requests": np.ones(len(seen), np.int64),
            "weighted_millis": (seen["weight"] * 1000).round().clip(lower=1).astype(np.int64),
            "errors": seen["failed"],
            "orphaned": seen["parent_span_id"] != 0,
            "total_ns": seen["duration_ns"],
        },
        {"latency": ("bucket", None)},
        "duration_ns",
    )


def visits(planted: Planted) -> Made:
    """Return how often operations were entered."""
    seen = planted.spans[planted.spans["enters"]].rename(columns={"visits_number": "number"})
    return gather(
        planted,
        seen,
        _keys(planted, "visits_number", service="service", operation="operation"),
        {"visits": np.ones(len(seen), np.int64), "failures": seen["failed"] & ~seen["expected"]},
        {"latency": ("bucket", None)},
        None,
    )


def pauses(planted: Planted) -> Made:
    """Return the time from the beginning of visits to their first child, by copy and minute."""
    spans = planted.spans
    inner = spans[spans["parent"] >= 0]
    first = inner.groupby("parent")["start_ns"].min()
    columns = ["trace", "recency", "span_id", "instance", "service_number", "start_ns"]
    found = spans.loc[first.index[spans["enters"].to_numpy()[first.index]], columns]
    pause = np.maximum(first.loc[found.index].to_numpy() - found["start_ns"].to_numpy(), 0)
    second = found["start_ns"] // 1_000_000_000
    found = found.assign(pause=pause, minute=second // 60, second=second % 60, step=step_of(pause))
    found = found.iloc[np.lexsort((found["span_id"], found["pause"], found["trace"]))].reset_index(drop=True)
    begun = int(found["minute"].min())
    number, of_number = number_of([found["service_number"], found["instance"], found["minute"] - begun])
    keys = found.loc[of_number, ["service_number", "instance", "minute"]].reset_index(drop=True)
    services = planted.kinds.drop_duplicates("service_number").set_index("service_number")["service"]
    keys["service"] = services.loc[keys["service_number"]].to_numpy()
    return gather(
        planted,
        found.assign(number=number),
        keys,
        {"visits": np.ones(len(found), np.int64)},
        {"pause_count": ("second", None), "pause_ns": ("second", found["pause"])},
        "pause",
    )


def operations(planted: Planted, on_path: np.ndarray) -> Made:
    """Return operations with their own times and what of these is on critical paths."""
    spans = planted.spans
    many = spans["multiplicity"]
    entry = (spans["parent"] < 0).to_numpy()
    number = 2 * planted.kinds["operations_number"].to_numpy()[spans["told"].to_numpy()] + entry
    names = ("service", "operation", "kind", "category")
    keys = _keys(planted, "operations_number", **dict(zip(names, names, strict=True)))
    both = pd.concat([keys.assign(entry=top).set_axis(2 * keys.index + top) for top in (False, True)])
    return gather(
        planted,
        spans.assign(number=number),
        both,
        {
            "spans": many,
            "errors": many.where(spans["failed"], 0),
            "total_ns": spans["duration_ns"],
            "self_ns": spans["duration_ns"] - covered(planted),
            "critical_ns": on_path,
        },
        {"latency": ("bucket", many)},
        "duration_ns",
    )


def coverage(planted: Planted) -> Made:
    """Return what the spans of services say, counted by what their texts say first."""
    spans, kinds = planted.spans, planted.kinds
    many = spans["multiplicity"]
    counted = pd.DataFrame(
        {
            "spans": np.ones(len(spans), np.int64),
            "compressed": many > 1,
            "stood_for": many.where(many > 1, 0),
            "dropped": spans["dropped_children"],
            "weighted": spans["weight"] != 1,
            "coarse": spans["time_resolution_ns"] >= 1_000_000,
            "old_conventions": spans["old_conventions"],
        }
    )
    counted = counted.groupby(spans["told"].to_numpy()).sum()
    kind = kinds["kind"]
    remote = (kind == "client") & kinds["category"].isin(["http", "rpc"])
    named = kinds["peer_service"].notna() | kinds["server_address"].notna()
    told, parent = spans["told"].to_numpy(), spans["parent"].to_numpy()
    unnamed = np.flatnonzero((remote & ~named).to_numpy()[told])
    answering = parent[((kind == "server").to_numpy()[told] & (parent >= 0)) | spans["crosses"].to_numpy()]
    answered = np.bincount(told[unnamed[np.isin(unnamed, answering)]], minlength=len(kinds))
    served, message = (kind == "server") & (kinds["category"] == "http"), kind.isin(["producer", "consumer"])
    data, status = kinds["data_call"], kinds["status"] != "unset"
    code = kinds["rpc_status"]
    coded = (kinds["http_status"] >= 400) | (code.notna() & ~code.isin(["OK", "0"]))
    says = {
        "with_kind": kind != "unspecified",
        "with_status": status,
        "with_outcome": status | (kinds["http_status"] > 0) | kinds["rpc_status"].notna(),
        "http_servers": served,
        "with_route": served & kinds["with_route"],
        "raw_names": kinds["raw_name"],
        "data_calls": data,
        "with_system": data & kinds["db_system"].notna(),
        "with_statement": data & (kinds["stated"] | kinds["db_collection"].notna()),
        "clients": remote,
        "messages": message,
        "with_destination": message & kinds["messaging_destination"].notna(),
        "errors": kinds["failed"],
        "with_error_type": kinds["failed"] & (kinds["error_type"].notna() | coded),
        "truncated": data & kinds["cut_off"],
    }
    columns = {name: counted["spans"].where(condition, 0) for name, condition in says.items()}
    peer = counted["spans"].where(named, answered).where(remote, 0)
    told_of = pd.DataFrame({**counted, **columns, "with_peer": peer, "timeless": 0})
    keys = told_of.groupby(kinds["service_number"]).sum()
    keys["service"] = _keys(planted, "service_number", service="service")["service"]
    return gather(planted, spans.rename(columns={"service_number": "number"}), keys, {}, {}, "duration_ns")
