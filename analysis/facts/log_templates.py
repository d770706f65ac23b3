"""What each service logs: its records by severity and template, without values."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import Field, Occurrences, gather
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "scan"]

COLUMNS: Final = ("service",)
LOG_COLUMNS: Final = ("template",)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that logged; empty where the export names none"),
    Field("severity", pa.string(), "key", "", "trace, debug, info, warn, error, fatal; empty where unknown"),
    Field("template", pa.string(), "key", "", "message with its variable parts replaced"),
    Field("lines", pa.int64(), "sum", "records", "log records"),
    Field("named", pa.int64(), "sum", "records", "of these, naming a trace"),
    Field("joined", pa.int64(), "sum", "records", "of those, naming a trace that the export has spans of"),
    Field("first_ns", pa.int64(), "min", "ns since epoch", "when the first was written; the largest where unknown"),
    Field("last_ns", pa.int64(), "max", "ns since epoch", "when the last was written; the smallest where unknown"),
)
_LIMITS: Final = np.iinfo(np.int64)


def scan(forest: Forest) -> pa.Table:
    """Return the templates of one partition."""
    logs = forest.logs
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"service": logs.service, "severity": logs.codes("severity"), "template": logs.codes("template")},
            trace=np.zeros(logs.size, np.int64),
            sums={
                "lines": np.ones(logs.size, np.bool_),
                "named": logs.named,
                "joined": logs.trace >= 0,
                "first_ns": np.where(logs.has_time, logs.time, _LIMITS.max),
                "last_ns": np.where(logs.has_time, logs.time, _LIMITS.min),
            },
            histograms={},
        ),
    )
