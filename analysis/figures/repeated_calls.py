"""The waterfall of a run of repeated calls, the run marked as a whole."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from analysis.dataset import Dataset
from analysis.figures._reviewed import milliseconds
from analysis.figures._text import cleaned, plural
from analysis.figures._theme import VERMILION, empty_figure
from analysis.figures.waterfall import forest_of_trace, trace_waterfall
from analysis.findings import Finding

__all__ = ["repeated_calls"]

_TITLE: Final = "Run of repeated calls"
_SPANS_AT_MOST: Final = 60
_MS: Final = 1e6
_BAND: Final = "rgba(213,94,0,0.07)"
_LINE_PX: Final = 18


def repeated_calls(traces: Dataset, finding: Finding, why: str = "median") -> go.Figure:
    """Draw the trace that shows a run of repeated calls, with a band over the time that the run takes.

    Parameters
    ----------
    traces
        Where the trace is: ``result.traces``, or the dataset that was reviewed.
    finding
        Of N+1 queries, N+1 calls, redundant calls or another that names the calls of a run.
    why
        Which of its exemplars: ``median``, ``worst`` or ``recent``; the first where there is none of this kind.

    Returns
    -------
    plotly.graph_objects.Figure
        As :func:`analysis.figures.waterfall`; the band reaches from the start of the first call to the end of the
        last; above it stand the calls, their time together, and the longest of them: what one call would take instead.
    """
    if not finding.exemplars:
        return empty_figure("This finding names no trace.", _TITLE)
    chosen = next((example for example in finding.exemplars if example.why == why), finding.exemplars[0])
    forest = forest_of_trace(traces, chosen.trace_id)
    if forest.size == 0:
        return empty_figure(f"The trace {cleaned(chosen.trace_id)[:40]} is not there.", _TITLE)
    figure = trace_waterfall(forest, 0, chosen.span_ids, spans_at_most=_SPANS_AT_MOST)
    wanted = set(chosen.span_ids)
    run = [row for row in range(forest.size) if forest.span_id(row) in wanted and forest.has_time[row]]
    if len(run) < 2:
        return figure
    begin, end = int(forest.start[run].min()), int(forest.end[run].max())
    longest = int(forest.duration[run].max())
    figure.add_shape(
        type="rect",
        xref="x",
        yref="paper",
        x0=begin / _MS,
        x1=end / _MS,
        y0=0,
        y1=1,
        layer="below",
        line={"color": VERMILION, "width": 1.5, "dash": "dot"},
        fillcolor=_BAND,
        name="run",
    )
    figure.layout.title.subtitle.text += (
        f"<br>dotted band: {plural(len(run), 'call')} in {milliseconds((end - begin) / _MS)}; "
        f"the longest takes {milliseconds(longest / _MS)}"
    )
    figure.layout.margin.t += _LINE_PX
    figure.layout.height += _LINE_PX
    return figure
