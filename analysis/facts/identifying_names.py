"""Span names that hold values: identifiers, raw paths, statements with their literals."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._every_span import gather_spans
from analysis.facts._grouping import Groups
from analysis.facts._says import given, says
from analysis.facts._table import EXEMPLARS, Field
from analysis.forest import Forest
from analysis.operations import holds_identifier

__all__ = ["COLUMNS", "FIELDS", "identifying", "scan"]

COLUMNS: Final = ("service", "operation", "name")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that recorded the span"),
    Field("operation", pa.string(), "key", "", "its operation: the name with identifiers replaced"),
    Field("identifying", pa.bool_(), "key", "", "the name as exported holds a value that makes names many"),
    Field("spans", pa.int64(), "sum", "spans", "spans as exported"),
    Field("named", pa.int64(), "sum", "spans", "of these, with a name"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the span"),
)


def scan(forest: Forest) -> pa.Table:
    """Return how spans of one partition are named."""
    return gather_spans(FIELDS, forest, _count)


def _count(forest: Forest, groups: Groups) -> dict[str, npt.NDArray[np.int64]]:
    return {
        "spans": np.bincount(groups.of_row, minlength=groups.count),
        "named": groups.reduce("sum", given(forest, "name")),
    }


def identifying(forest: Forest) -> np.ndarray:
    """Mark the spans whose name holds an identifier."""
    return says(forest, "name", holds_identifier)
