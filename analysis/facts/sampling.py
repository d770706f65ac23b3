"""What sampling kept: requests by what they stand for, and by whether they failed."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("weight", *FAILING_COLUMNS)
FIELDS: Final = (
    Field("failed", pa.bool_(), "key", "", "the request's topmost span failed"),
    Field("requests", pa.int64(), "sum", "requests", "trees seen"),
    Field("weighted_millis", pa.int64(), "sum", "requests / 1000", "how many they stand for"),
    Field("weighted", pa.int64(), "sum", "requests", "trees that stand for more or less than one"),
    Field("least_millis", pa.int64(), "min", "requests / 1000", "least that one stands for"),
    Field("most_millis", pa.int64(), "max", "requests / 1000", "most that one stands for"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "requests / 1000", "by what they stand for; the topmost span"),
)


def scan(forest: Forest) -> pa.Table:
    """Return what the requests of one partition stand for."""
    top = np.flatnonzero(forest.root == np.arange(forest.size))
    weight = forest.weight_millis[top]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={"failed": failing(forest)[top]},
            trace=forest.trace_of[top],
            sums={
                "requests": np.ones(len(top), np.bool_),
                "weighted_millis": weight,
                "weighted": weight != 1000,
                "least_millis": weight,
                "most_millis": weight,
            },
            histograms={},
            exemplar_value=weight,
            span_rows=top,
        ),
    )
