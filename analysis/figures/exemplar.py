"""The trace that shows a finding."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from analysis.dataset import Dataset
from analysis.figures._theme import empty_figure
from analysis.figures.waterfall import waterfall
from analysis.findings import Finding

__all__ = ["exemplar"]

_TITLE: Final = "Exemplar trace"
#: A page shows several of them.
_SPANS_AT_MOST: Final = 60


def exemplar(
    traces: Dataset, finding: Finding, why: str = "median", *, spans_at_most: int = _SPANS_AT_MOST
) -> go.Figure:
    """Draw the waterfall of the trace that shows a finding, its offending spans marked.

    Parameters
    ----------
    traces
        Where the trace is: ``result.traces``, or the dataset that was reviewed.
    finding
        What is shown.
    why
        Which of its exemplars: ``median``, ``worst`` or ``recent``; the first where there is none of this kind.
    spans_at_most
        Draw no more spans than these.
    """
    if not finding.exemplars:
        return empty_figure("This finding names no trace.", _TITLE)
    chosen = next((example for example in finding.exemplars if example.why == why), finding.exemplars[0])
    return waterfall(traces, chosen.trace_id, chosen.span_ids, spans_at_most=spans_at_most)
