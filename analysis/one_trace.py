"""Everything about one trace, in the order of time: where each span begins, what is logged on the way."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from analysis.dataset import Dataset
from analysis.executors import open_executor
from analysis.figures.waterfall import forest_of_trace
from analysis.findings import Finding
from analysis.forest import Codes, Forest
from analysis.request_ids import JOINED, find_request_ids, hashes_of

__all__ = ["story", "worst_exemplar"]

_COLUMNS: Final = ("at_ms", "service", "what", "name", "severity", "duration_ms", "failed", "span_id", "joined_by")
#: What is asked of a log record; a kept review has no more.
_OF_LOGS: Final = ("trace_id", "span_id", "time_ns", "service", "severity", "template")
_NS_A_MS: Final = 1e6


def worst_exemplar(findings: tuple[Finding, ...]) -> str:
    """Return the trace to look at first: the worst exemplar of the worst finding that names a trace; "" for none."""
    shown = [example for finding in findings for example in finding.exemplars]
    return next((example.trace_id for example in shown if example.why == "worst"), shown[0].trace_id if shown else "")


def story(data: Dataset, trace_id: str, logs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Tell one trace in the order of time, its log lines between its spans.

    Parameters
    ----------
    data
        Where the trace is.
    trace_id
        Hexadecimal digits.
    logs
        Log records with ``trace_id``, ``time_ns``, ``service``, ``severity``, ``template`` and ``span_id``; those of
        `data` when not given.

    Returns
    -------
    pandas.DataFrame
        A row for each span and log record: ``at_ms`` (since the trace began, clocks corrected: that of a log record as
        its span's, else as all spans of its service in the trace; missing where no time is known), ``service``,
        ``what`` (span or log), ``name`` (the operation, or the template of the message: values are not shown),
        ``severity`` (of a log), ``duration_ms``, ``failed``, ``span_id``, and ``joined_by`` (of a log: by which key it
        is of this trace, its trace id, or less surely a request id that spans of this trace alone carry). Empty where
        there is no such trace.

    Raises
    ------
    ValueError
        If `trace_id` is not a trace id.
    """
    forest = forest_of_trace(data, trace_id)
    if not forest.size:
        return pd.DataFrame(columns=list(_COLUMNS))
    known = forest.has_time
    spans = pd.DataFrame(
        {
            "at_ms": np.where(known, forest.start / _NS_A_MS, np.nan),
            "service": _texts(forest.codes("service").codes, forest.codes("service").values),
            "what": "span",
            "name": _texts(forest.codes("operation").codes, forest.codes("operation").values),
            "severity": "",
            "duration_ms": np.where(known, forest.duration / _NS_A_MS, np.nan),
            "failed": forest.error,
            "span_id": [forest.span_id(row) for row in range(forest.size)],
            "joined_by": "",
        }
    )
    records = _records(_logs_of(data, trace_id, forest) if logs is None else logs, trace_id, forest, spans)
    both = pd.concat([spans, records], ignore_index=True) if len(records) else spans
    both["at_ms"] = both["at_ms"].astype(float).round(3)
    both["duration_ms"] = both["duration_ms"].astype(float).round(3)
    order = ["at_ms", "what", "span_id", "name"]
    return both.sort_values(order, ascending=[True, False, True, True], kind="stable", ignore_index=True)


def _logs_of(data: Dataset, trace_id: str, forest: Forest) -> pd.DataFrame:
    """Return log records, those of the trace by a request id among them as if they named it."""
    own = forest.codes("request_id")
    ids = {own.values[code] for code in set(own.codes.tolist()) if code >= 0}
    if not ids:
        return data.logs(_OF_LOGS)
    logs = data.logs((*_OF_LOGS, "request_id"))
    asks = logs["trace_id"].isna() & logs["request_id"].astype(object).isin(ids)
    if not asks.any():
        return logs
    with open_executor("threads") as executor:
        known = find_request_ids(data, executor)
    if known is None:
        return logs
    rows = logs[asks]
    texts = rows["request_id"].astype(object)
    values = tuple(sorted(set(texts)))
    codes = np.array([values.index(text) for text in texts], np.int32)
    times = rows["time_ns"].fillna(0).to_numpy(np.int64)
    lead = known.lead(hashes_of(Codes(codes, values)), times, rows["time_ns"].notna().to_numpy())
    joined = rows.index[lead == JOINED]
    logs.loc[joined, "trace_id"] = _whole(trace_id)
    logs["joined_by"] = "trace id"
    logs.loc[joined, "joined_by"] = "request id"
    return logs


def _whole(trace_id: str) -> str:
    return trace_id.lower().rjust(32, "0")


def _records(logs: pd.DataFrame, trace_id: str, forest: Forest, spans: pd.DataFrame) -> pd.DataFrame:
    whole, began_ns = _whole(trace_id), int(forest.trace_start_ns[0])
    mine = logs[logs["trace_id"].astype(object) == whole]
    times = pd.to_numeric(mine["time_ns"], errors="coerce").astype("Int64") + _shifts(forest, spans, mine)
    return pd.DataFrame(
        {
            "at_ms": ((times - began_ns) / _NS_A_MS).astype("Float64").astype(float),
            "service": mine["service"].astype(object).fillna(""),
            "what": "log",
            "name": mine["template"].astype(object).fillna("(no message)"),
            "severity": mine["severity"].astype(object).fillna(""),
            "duration_ms": np.nan,
            "failed": mine["severity"].astype(object).isin(["error", "fatal"]),
            "span_id": mine["span_id"].astype(object).fillna(""),
            "joined_by": mine.get("joined_by", "trace id"),
        }
    )


def _shifts(forest: Forest, spans: pd.DataFrame, records: pd.DataFrame) -> np.ndarray:
    """Return what is added to the clock of each record, ns: what was added to its span's."""
    corrected = forest.trace_start_ns[forest.trace_of] + forest.start
    shift = np.where(forest.has_time, corrected - forest.array("start_ns").astype(np.int64), 0)
    timed = spans[forest.has_time].assign(shift=shift[forest.has_time])
    by_span = dict(zip(timed["span_id"], timed["shift"].tolist(), strict=True))
    # Spans of one service on hosts whose clocks differ do not say which of them wrote.
    agreed = timed.groupby("service")["shift"].agg(lambda each: each.iloc[0] if each.min() == each.max() else 0)
    by_service = {str(service): int(each) for service, each in agreed.items()}
    said = zip(records["span_id"].astype(object), records["service"].astype(object), strict=True)
    return np.array([by_span.get(span, by_service.get(service, 0)) for span, service in said], np.int64)


def _texts(codes: np.ndarray, values: tuple[str, ...]) -> list[str]:
    return [values[code] if code >= 0 else "" for code in codes.tolist()]
