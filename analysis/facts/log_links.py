"""Log records beside the spans of their service, minute by minute: which were written while requests were handled.

A record of a minute in which its service has a span may belong to a request; one of any other minute tells of starting,
stopping, or a schedule.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._log_rows import together
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts.call_minutes import MINUTE_NS
from analysis.forest import Codes, Forest
from analysis.request_ids import JOINED

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "TIMELESS", "scan"]

COLUMNS: Final = ("service",)
LOG_COLUMNS: Final = ("service", "request_id")
#: Minute of records without a time.
TIMELESS: Final = -(1 << 40)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that logged; empty where the export names none"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute of the records; far below zero for those without"),
    Field("spans", pa.int64(), "sum", "spans", "spans of the service that began in it"),
    Field("lines", pa.int64(), "sum", "records", "log records"),
    Field("named", pa.int64(), "sum", "records", "of these, naming a trace"),
    Field("joined", pa.int64(), "sum", "records", "of those, naming a trace that the export has spans of"),
    Field("by_request", pa.int64(), "sum", "records", "without a trace, joined to one by the id of their request"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the log records and spans of one partition."""
    logs = forest.logs
    timed = np.flatnonzero(forest.has_time)
    began = forest.trace_start_ns[forest.trace_of[timed]] + forest.start[timed]
    written = np.where(logs.has_time, logs.time // MINUTE_NS, TIMELESS)
    service = forest.service
    none, no_span = np.zeros(len(timed), np.bool_), np.zeros(logs.size, np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": together(Codes(service.codes[timed], service.values), logs.service),
                "minute": np.concatenate([began // MINUTE_NS, written]),
            },
            trace=np.zeros(len(timed) + logs.size, np.int64),
            sums={
                "spans": np.concatenate([~none, no_span]),
                "lines": np.concatenate([none, ~no_span]),
                "named": np.concatenate([none, logs.named]),
                "joined": np.concatenate([none, logs.trace >= 0]),
                "by_request": np.concatenate([none, logs.by_request == JOINED]),
            },
            histograms={},
        ),
    )
