"""Failures that spans keep to themselves: failed without a reason, or with a reason and without a status."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._ancestry import local_entries
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._says import given, says
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "HOW", "scan"]

COLUMNS: Final = ("service", "operation", "kind", "status_message", "exception_message", *FAILING_COLUMNS)
#: ``told``: failed, and says or shows why. ``unexplained``: failed, and neither the span nor a child says why.
#: ``unmarked``: an exception is recorded, and neither the span nor what it belongs to has failed.
HOW: Final = ("told", "unexplained", "unmarked")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("service", pa.string(), "key", "", "service of the span"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("how", pa.string(), "key", "", "told, unexplained or unmarked"),
    Field("spans", pa.int64(), "sum", "spans", "such spans, as exported"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "their time"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the span"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the failures of one partition by how they are told."""
    failed = failing(forest)
    unexplained = failed & ~_says_why(forest) & ~_above(forest, forest.error)
    unmarked = _unmarked(forest)
    rows = np.flatnonzero(failed | unmarked)
    how = np.where(unmarked[rows], 2, np.where(unexplained[rows], 1, 0)).astype(np.int32)
    service, operation = forest.codes("service"), forest.codes("operation")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows),
                "service": Codes(service.codes[rows], service.values),
                "operation": Codes(operation.codes[rows], operation.values),
                "how": Codes(how, HOW),
            },
            trace=forest.trace_of[rows],
            sums={"spans": np.ones(len(rows), np.bool_), "total_ns": forest.duration[rows]},
            histograms={},
            exemplar_value=forest.duration[rows],
            span_rows=rows,
        ),
    )


def _says_why(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the spans with an exception, a type of error, a description of the status, or a code of the answer."""
    reasons = [given(forest, name) for name in ("error_type", "exception_message", "status_message", "rpc_status")]
    return np.asarray(np.logical_or.reduce(reasons) | (forest.array("http_status") >= 400))


def _unmarked(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the spans with an exception that neither they nor the visit or request they belong to failed with.

    A status of "ok" is set by hand and means that the exception was dealt with; an answer of 4xx is told by its code.
    """
    recorded = given(forest, "exception_message") | says(forest, "error_type", lambda text: not text.isdigit())
    http = forest.array("http_status")
    set_aside = forest.codes("status").equal("ok") | (http >= 400) | given(forest, "rpc_status")
    told = forest.error | forest.error[local_entries(forest)] | forest.error[forest.root]
    return np.asarray(recorded & ~set_aside & ~told)


def _above(forest: Forest, marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the parents of marked spans."""
    below = np.flatnonzero(marked & (forest.parent >= 0))
    above = np.zeros(forest.size, np.bool_)
    above[forest.parent[below]] = True
    return above
