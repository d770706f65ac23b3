"""Which services a trace leads through, whether somebody waits for them or not.

A trace counts once, under the operation that it begins with, so that the traces of any choice of services add up
without counting one twice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, service_sets
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "operation")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the first topmost span of the trace"),
    Field("entry_operation", pa.string(), "key", "", "operation of that span"),
    Field("services", pa.string(), "key", "", "services with a span in the trace, sorted", separator=SEPARATOR),
    Field("traces", pa.int64(), "sum", "traces", "traces with just these services"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the services of the traces of one partition."""
    service, operation = forest.codes("service"), forest.codes("operation")
    named = np.flatnonzero(service.codes >= 0)
    trace, together, texts = service_sets(forest.trace_of[named], service.codes[named], service.values)
    top = np.flatnonzero(forest.root == np.arange(forest.size))
    first = np.full(forest.trace_count, -1, np.int64)
    # Written from the last to the first, so that the first stays.
    first[forest.trace_of[top][::-1]] = top[::-1]
    entry = first[trace]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "entry_service": Codes(service.codes[entry], service.values),
                "entry_operation": Codes(operation.codes[entry], operation.values),
                "services": Codes(together, texts),
            },
            trace=trace,
            sums={},
            histograms={},
        ),
    )
