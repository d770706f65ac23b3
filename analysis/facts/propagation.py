"""How failures travel: for an origin and each operation that waits for it, how often both fail."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._ancestry import local_entries
from analysis.facts._ascent import MOST_HOPS, ascend, origins
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts.failures import last_attempts
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "operation", "kind", "template", *FAILING_COLUMNS)
FIELDS: Final = (
    Field("origin_service", pa.string(), "key", "", "service whose span failed first"),
    Field("origin_operation", pa.string(), "key", "", "operation of that span"),
    Field("service", pa.string(), "key", "", "service that waited for it"),
    Field("operation", pa.string(), "key", "", "its operation that waited"),
    Field("hops", pa.int64(), "min", "visits", "visits between the two"),
    Field("waited", pa.int64(), "sum", "visits", "visits of the operation in which the origin failed below"),
    Field("failed", pa.int64(), "sum", "visits", "of these, failed themselves"),
)


def scan(forest: Forest) -> pa.Table:
    """Return how the failures of one partition travelled."""
    failed = failing(forest)
    entry = local_entries(forest)
    began, _, _ = last_attempts(forest, origins(forest.parent, entry, forest.blocking, failed))
    offset, hops, _, _ = ascend(began, forest.parent, entry, forest.blocking, failed, MOST_HOPS)
    length = np.diff(offset)
    origin = np.repeat(began, length)
    distance = np.arange(len(hops)) - np.repeat(offset[:-1], length)
    above = distance > 0
    origin, distance, visit = origin[above], distance[above], hops[above]
    service, operation = forest.codes("service"), forest.codes("operation")
    # Several failures of one operation below one visit count once.
    key = np.stack([visit, service.codes[origin], operation.codes[origin]], axis=1)
    _, first = np.unique(key, axis=0, return_index=True) if len(visit) else (key, np.zeros(0, np.int64))
    chosen = first[np.argsort(visit[first], kind="stable")]
    origin, distance, visit = origin[chosen], distance[chosen], visit[chosen]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "origin_service": Codes(service.codes[origin], service.values),
                "origin_operation": Codes(operation.codes[origin], operation.values),
                "service": Codes(service.codes[visit], service.values),
                "operation": Codes(operation.codes[visit], operation.values),
            },
            trace=forest.trace_of[visit],
            sums={
                "hops": distance,
                "waited": np.ones(len(visit), np.int64),
                "failed": failed[visit].astype(np.int64),
            },
            histograms={},
        ),
    )
