"""How much is left of a dataset of which some is left out: partitions with their rows counted anew, and the totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.ingest import Input
from analysis.ingest.counting import SpanLanes, count_logs
from analysis.ingest.tally import Tally

if TYPE_CHECKING:
    from analysis.dataset.model import Partition

__all__ = ["recounted"]

_SPANS: Final = (
    "trace_id_high",
    "trace_id_low",
    "span_id",
    "parent_span_id",
    "shared",
    "status",
    "service",
    "start_ns",
    "duration_ns",
)
_LOGS: Final = ("service", "time_ns", "trace_id_high", "trace_id_low", "span_id")


def recounted(
    spans: Sequence[Partition], logs: Sequence[Partition], totals: Input
) -> tuple[list[Partition], list[Partition], Input, tuple[int, int] | None]:
    """Count what is seen of a dataset through its view.

    Returns
    -------
    tuple
        The partitions of spans and of logs, rows counted; the totals, with a note of how much was left out; and the
        window of the spans, ns since the epoch.
    """
    whole = Tally()
    counted_spans, counted_logs = [], []
    for one in spans:
        table = one.read(_SPANS)
        part = SpanLanes.of(table).count(Tally())
        whole.add(part)
        counted_spans.append(replace(one, rows=table.num_rows))
    for one in logs:
        table = one.read(_LOGS)
        part = Tally()
        count_logs(part, table, np.arange(table.num_rows))
        whole.add(part)
        counted_logs.append(replace(one, rows=table.num_rows))
    gone = (
        f"left out by the configuration: {totals.spans - whole.spans} spans and {totals.logs - whole.logs} log records"
    )
    fresh = replace(totals, rejected=(), notes=(*totals.notes, gone)).counted(whole)
    return counted_spans, counted_logs, replace(fresh, rejected=totals.rejected), whole.window
