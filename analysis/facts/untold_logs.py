"""Errors that are in a log only: records of severity error in a trace none of whose spans has failed."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._log_rows import chosen
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "scan"]

COLUMNS: Final = ("service", "operation")
LOG_COLUMNS: Final = ("template",)
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("service", pa.string(), "key", "", "service that logged"),
    Field(
        "operation", pa.string(), "key", "", "operation of the span that the record names, else of the trace's first"
    ),
    Field("template", pa.string(), "key", "", "message with its variable parts replaced"),
    Field("lines", pa.int64(), "sum", "records", "such log records"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the spans that they name, once for each record"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the duration of the span; the span that the record names"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the errors of one partition that only logs tell."""
    logs = forest.logs
    failed = np.zeros(forest.trace_count, np.bool_)
    failed[forest.trace_of[forest.error]] = True
    untold = logs.grave & (logs.trace >= 0)
    untold[untold] = ~failed[logs.trace[untold]]
    records = np.flatnonzero(untold)
    records = records[np.argsort(logs.trace[records], kind="stable")]
    span = _spans(forest, records)
    service = logs.service
    said = np.where(service.codes[records] >= 0, service.codes[records], -1).astype(np.int32)
    operation = forest.codes("operation")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, span),
                "service": Codes(said, service.values),
                "operation": chosen(operation, span),
                "template": chosen(logs.codes("template"), records),
            },
            trace=logs.trace[records],
            sums={"lines": np.ones(len(records), np.bool_), "total_ns": forest.duration[span]},
            histograms={},
            exemplar_value=forest.duration[span],
            span_rows=span,
        ),
    )


def _spans(forest: Forest, records: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the span that each record names; where it names none that is there, the first of its trace."""
    named = forest.logs.span[records]
    return np.where(named >= 0, named, forest.trace_offset[forest.logs.trace[records]])
