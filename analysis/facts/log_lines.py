"""Log records of each service by severity: how many, in what form, and how many of them lead to a trace."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import Field, Occurrences, gather
from analysis.forest import Forest
from analysis.request_ids import APART, JOINED, SHARED

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "scan"]

COLUMNS: Final = ("service",)
LOG_COLUMNS: Final = ("structured", "fields", "request_id", "error_type", "logger")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that logged; empty where the export names none"),
    Field("severity", pa.string(), "key", "", "trace, debug, info, warn, error, fatal; empty where unknown"),
    Field("lines", pa.int64(), "sum", "records", "log records"),
    Field("structured", pa.int64(), "sum", "records", "of these, JSON, logfmt or a known access log"),
    Field("apart", pa.int64(), "sum", "records", "of the others, with fields beside their message"),
    Field("named", pa.int64(), "sum", "records", "records that name a trace"),
    Field("joined", pa.int64(), "sum", "records", "of those, naming a trace that the export has spans of"),
    Field("with_span", pa.int64(), "sum", "records", "of those, naming a span of that trace that the export has"),
    Field("request_ids", pa.int64(), "sum", "records", "records without a trace that name a request or correlation id"),
    Field("by_request", pa.int64(), "sum", "records", "of those, whose id is carried by spans of one trace: joined"),
    Field(
        "request_apart",
        pa.int64(),
        "sum",
        "records",
        "whose id is carried by spans of several traces, at another time, or named by too many records: not joined",
    ),
    Field("request_shared", pa.int64(), "sum", "records", "whose id no span carries, but records of another service"),
    Field("with_error_type", pa.int64(), "sum", "records", "records with the type of an exception"),
    Field("timeless", pa.int64(), "sum", "records", "records without a time"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the log records of one partition."""
    logs = forest.logs
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"service": logs.service, "severity": logs.codes("severity")},
            trace=np.zeros(logs.size, np.int64),
            sums={
                "lines": np.ones(logs.size, np.bool_),
                "structured": logs.array("structured").astype(np.bool_),
                "apart": ~logs.array("structured").astype(np.bool_) & (logs.codes("fields").codes >= 0),
                "named": logs.named,
                "joined": logs.trace >= 0,
                "with_span": logs.span >= 0,
                "request_ids": ~logs.named & (logs.codes("request_id").codes >= 0),
                "by_request": logs.by_request == JOINED,
                "request_apart": logs.by_request == APART,
                "request_shared": logs.by_request == SHARED,
                "with_error_type": logs.codes("error_type").codes >= 0,
                "timeless": ~logs.has_time,
            },
            histograms={},
        ),
    )
