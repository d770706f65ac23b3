"""Spans whose parent is not in the export, by the operation that lost it.

Those near the ends of the export's window may have a parent outside it; they are counted apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._every_span import gather_spans
from analysis.facts._grouping import Groups
from analysis.facts._table import EXEMPLARS, Field
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "operation", "kind")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that recorded the span"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("kind", pa.string(), "key", "", "its kind"),
    Field("lost", pa.bool_(), "key", "", "the span names a parent that is not there"),
    Field("spans", pa.int64(), "sum", "spans", "spans seen, lost or not"),
    Field("with_parent", pa.int64(), "sum", "spans", "of these, naming a parent"),
    Field("orphans", pa.int64(), "sum", "spans", "of these, whose parent is not there, the cut ones included"),
    Field("cut", pa.int64(), "sum", "spans", "orphans close to the ends of the export's window"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the orphans of one partition, beside the spans that could have been."""
    return gather_spans(FIELDS, forest, _count)


def _count(forest: Forest, groups: Groups) -> dict[str, npt.NDArray[np.int64]]:
    return {
        "spans": np.bincount(groups.of_row, minlength=groups.count),
        "with_parent": groups.reduce("sum", (forest.parent >= 0) | forest.orphan),
        "orphans": groups.reduce("sum", forest.orphan),
        "cut": groups.reduce("sum", forest.orphan & forest.cut),
    }
