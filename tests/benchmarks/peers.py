"""The same answers five times: from facts, with DuckDB, Polars and pandas, and in plain Python, from the same columns.

Every peer returns counts and nanoseconds by name. Percentiles are left to each peer's own rule: those of facts come
from histograms and are within 0.8 % of the values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis import facts
from analysis.forest import COLUMNS as FOREST_COLUMNS
from analysis.forest import plant
from tests.benchmarks.origins import origin_rows
from tests.benchmarks.peers_duckdb import by_duckdb
from tests.benchmarks.peers_polars import by_polars

__all__ = ["COLUMNS", "PEERS", "Answers", "by_facts", "by_pandas", "in_python", "needed_facts"]

#: For each question: by name, counts and ns, and last the 95th percentile in ns where it is asked for.
Answers = dict[str, dict[tuple[str, ...], tuple[float, ...]]]

needed_facts: Final = ("calls", "data_access", "failures", "operations", "orphans", "requests")
#: What the other peers read.
COLUMNS: Final = (
    "trace_id_high", "trace_id_low", "span_id", "parent_span_id", "service", "operation", "kind", "status",
    "category", "server_address", "db_system", "db_collection", "start_ns", "duration_ns",
)  # fmt: skip


def fact_columns() -> tuple[str, ...]:
    """Return what the facts read."""
    catalogue = facts.discover()
    return tuple(dict.fromkeys((*FOREST_COLUMNS, *facts.columns_of([catalogue[name] for name in needed_facts]))))


def by_facts(table: pa.Table) -> Answers:
    """Answer from the facts of this project."""
    forest = plant(table)
    catalogue = facts.discover()
    frames = {name: facts.to_frame(catalogue[name].FIELDS, catalogue[name].scan(forest)) for name in needed_facts}
    calls = frames["calls"]
    calls = calls[(calls["kind"] == "sync") & (calls["caller_kind"] == "service") & (calls["callee_kind"] == "service")]
    stored = frames["data_access"].query("store_system == 'postgresql'")
    return {
        "requests": _timed(frames["requests"], ["entry_service", "entry_operation"], ["requests", "errors"]),
        "edges": _timed(calls, ["caller", "callee"], ["calls", "errors"]),
        "own time": _plain(frames["operations"], ["service", "operation"], ["spans", "errors", "total_ns", "self_ns"]),
        "failures": _plain(frames["failures"], ["origin_service"], ["attempts"]),
        "orphans": _plain(frames["orphans"].query("orphans > 0"), ["service"], ["orphans"]),
        "tables": _plain(stored, ["service", "table"], ["calls", "errors"]),
    }


def _plain(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> dict[tuple[str, ...], tuple[float, ...]]:
    sums = frame.groupby(keys)[columns].sum().reset_index()
    return {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in sums.itertuples(index=False, name=None)}


def _timed(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> dict[tuple[str, ...], tuple[float, ...]]:
    counts = _plain(frame, keys, columns)
    for key, cells in frame.groupby(keys)["latency"]:
        counts[key] = (*counts[key], facts.Histogram.merged(cells).percentile(0.95))
    return counts


def by_pandas(table: pa.Table) -> Answers:
    """Answer with pandas, columns at a time."""
    frame = table.select(COLUMNS).to_pandas()
    frame["row"] = np.arange(len(frame))
    frame["failed"] = frame["status"] == "error"
    frame["end_ns"] = frame["start_ns"] + frame["duration_ns"]
    ids = ["trace_id_high", "trace_id_low"]
    above = frame[[*ids, "span_id", "row"]].rename(columns={"span_id": "parent_span_id", "row": "parent"})
    parent = frame.merge(above, how="left", on=[*ids, "parent_span_id"])["parent"].fillna(-1).astype(np.int64)
    frame["parent"] = parent.to_numpy()
    top = frame[frame["parent"] < 0]
    pairs = _calls(frame)
    frame["self_ns"] = frame["duration_ns"] - _covered(frame)
    operations = frame.groupby(["service", "operation"], observed=True)
    own = operations.agg(
        spans=("row", "size"), errors=("failed", "sum"), total=("duration_ns", "sum"), own=("self_ns", "sum")
    )
    database = frame[(frame["category"] == "database") & (frame["db_system"] == "postgresql")]
    stored = database.groupby(["service", "db_collection"], observed=True)["failed"].agg(["size", "sum"])
    lost = top[top["parent_span_id"] != 0]
    return {
        "requests": _timed_groups(top, ["service", "operation"]),
        "edges": _timed_groups(pairs, ["caller", "callee"]),
        "own time": _cells(own),
        "failures": _cells(_origins(frame).groupby("service", observed=True).size().to_frame()),
        "orphans": _cells(lost.groupby("service", observed=True).size().to_frame()),
        "tables": _cells(stored),
    }


def _calls(frame: pd.DataFrame) -> pd.DataFrame:
    """Return client spans with whom they called: the service of the server span below, else that of the address."""
    servers = frame.loc[(frame["kind"] == "server") & (frame["parent"] >= 0), ["parent", "service", "failed"]]
    columns = ["row", "service", "server_address", "failed", "duration_ns"]
    clients = frame.loc[(frame["kind"] == "client") & (frame["category"] == "http"), columns]
    calls = clients.merge(servers, how="left", left_on="row", right_on="parent", suffixes=("", "_callee"))
    callee = calls["service_callee"].astype(object).fillna(calls["server_address"].astype(object))
    failed = calls["failed"] | calls["failed_callee"].eq(True)
    return calls.assign(caller=calls["service"].astype(object), callee=callee, failed=failed)


def _timed_groups(frame: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], tuple[float, ...]]:
    groups = frame.groupby(keys, observed=True)
    counts = groups["failed"].agg(["size", "sum"])
    return _cells(counts.assign(p95=groups["duration_ns"].quantile(0.95)))


def _cells(frame: pd.DataFrame) -> dict[tuple[str, ...], tuple[float, ...]]:
    keys = [key if isinstance(key, tuple) else (key,) for key in frame.index]
    return dict(zip(keys, frame.itertuples(index=False, name=None), strict=True))


def _covered(frame: pd.DataFrame) -> np.ndarray:
    """Return how much of each span the union of its children covers."""
    below = frame.loc[frame["parent"] >= 0, ["parent", "start_ns", "end_ns"]].sort_values(["parent", "start_ns"])
    bounds = frame.loc[below["parent"], ["start_ns", "end_ns"]]
    begins = np.maximum(below["start_ns"].to_numpy(), bounds["start_ns"].to_numpy())
    ends = pd.Series(np.minimum(below["end_ns"].to_numpy(), bounds["end_ns"].to_numpy()))
    group = below["parent"].reset_index(drop=True)
    until = ends.groupby(group).cummax().groupby(group).shift(fill_value=0).to_numpy()
    inside = pd.Series(np.maximum(ends.to_numpy() - np.maximum(begins, until), 0))
    return inside.groupby(group).sum().reindex(frame["row"], fill_value=0).to_numpy()


def _origins(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the failed spans below which nothing failed that they waited for, inside the visits that failed."""
    parent, service, kind = (frame[name].to_numpy() for name in ("parent", "service", "kind"))
    known = np.maximum(parent, 0)
    waits = (kind != "consumer") & ((parent < 0) | (kind[known] != "producer"))
    enters = (parent < 0) | (service[known] != service) | (kind == "server") | (kind == "consumer")
    return frame.iloc[origin_rows(parent, enters, waits, frame["failed"].to_numpy())]


def in_python(table: pa.Table) -> Answers:
    """Answer in plain Python, a span at a time."""
    spans: list[dict[str, Any]] = table.select(COLUMNS).to_pylist()
    places = {(span["trace_id_high"], span["trace_id_low"], span["span_id"]): row for row, span in enumerate(spans)}
    children: dict[int, list[int]] = defaultdict(list)
    found: dict[str, dict[Any, list[Any]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    durations: dict[tuple[str, tuple[str, str]], list[int]] = defaultdict(list)
    for row, span in enumerate(spans):
        key = (span["trace_id_high"], span["trace_id_low"], span["parent_span_id"])
        span["parent"] = places.get(key, -1) if span["parent_span_id"] else -1
        span["failed"] = span["status"] == "error"
        span["end_ns"] = span["start_ns"] + span["duration_ns"]
        if span["parent"] >= 0:
            children[span["parent"]].append(row)
    for row, span in enumerate(spans):
        name = (span["service"], span["operation"])
        if span["parent"] < 0:
            _count(found["requests"][name], span["failed"])
            durations["requests", name].append(span["duration_ns"])
            if span["parent_span_id"]:
                found["orphans"][span["service"],][0] += 1
        if span["kind"] == "client" and span["category"] == "http":
            servers = [spans[below] for below in children[row] if spans[below]["kind"] == "server"]
            pair = (span["service"], servers[0]["service"] if servers else span["server_address"])
            _count(found["edges"][pair], span["failed"] or (bool(servers) and servers[0]["failed"]))
            durations["edges", pair].append(span["duration_ns"])
        if span["category"] == "database" and span["db_system"] == "postgresql":
            _count(found["tables"][span["service"], span["db_collection"]], span["failed"])
        own = found["own time"][name]
        _count(own, span["failed"])
        own[2] += span["duration_ns"]
        own[3] += span["duration_ns"] - _union(span, [spans[below] for below in children[row]])
    for row in _python_origins(spans):
        found["failures"][spans[row]["service"],][0] += 1
    widths = {"requests": 2, "edges": 2, "own time": 4, "failures": 1, "orphans": 1, "tables": 2}
    answers: Answers = {
        name: {key: tuple(cells[:width]) for key, cells in found[name].items()} for name, width in widths.items()
    }
    for (name, pair), values in durations.items():
        answers[name][pair] = (*answers[name][pair], _percentile(sorted(values), 0.95))
    return answers


def _count(cells: list[int], failed: bool) -> None:
    cells[0] += 1
    cells[1] += failed


def _union(span: Mapping[str, Any], children: list[dict[str, Any]]) -> int:
    covered, until = 0, span["start_ns"]
    for child in sorted(children, key=lambda below: below["start_ns"]):
        begins, ends = max(child["start_ns"], until), min(child["end_ns"], span["end_ns"])
        if ends > begins:
            covered += ends - begins
            until = ends
    return covered


def _python_origins(spans: list[dict[str, Any]]) -> list[int]:
    for row, span in enumerate(spans):
        above = spans[span["parent"]] if span["parent"] >= 0 else None
        span["waits"] = span["kind"] != "consumer" and (above is None or above["kind"] != "producer")
        enters = above is None or above["service"] != span["service"] or span["kind"] in ("server", "consumer")
        span["entry"] = row if enters else -1
    above_failure = set()
    for span in spans:
        current = span
        while span["failed"] and current["waits"] and current["parent"] >= 0 and current["parent"] not in above_failure:
            above_failure.add(current["parent"])
            current = spans[current["parent"]]
            if current["failed"] or not _entry(spans, current)["failed"]:
                break
    return [row for row, span in enumerate(spans) if span["failed"] and row not in above_failure]


def _entry(spans: list[dict[str, Any]], span: dict[str, Any]) -> dict[str, Any]:
    while span["entry"] < 0:
        span = spans[span["parent"]]
    return span


def _percentile(ordered: list[int], share: float) -> float:
    rank = share * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


PEERS: Final = {
    "facts": by_facts,
    "DuckDB": by_duckdb,
    "Polars": by_polars,
    "pandas": by_pandas,
    "plain Python": in_python,
}
