"""How long calls take, answered, failed and timed out, with the timeout in force marked."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis._histogram import Histogram, mid
from analysis.figures._reviewed import Reviewed, fact, milliseconds
from analysis.figures._text import hover, plural, shown
from analysis.figures._theme import BLUE, INK, ORANGE, VERMILION, empty_figure, figure_of

__all__ = ["duration_histogram"]

_TITLE: Final = "Durations of calls"
_KEY: Final = ["service", "target", "template"]
_ENDS: Final = {"answered": BLUE, "failed": ORANGE, "timeout": VERMILION}
_SHAPES: Final = {"answered": "", "failed": "/", "timeout": "x"}
_HATCH: Final = {"fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.6)", "size": 7, "solidity": 0.2}
#: Bars for each factor of ten.
_STEPS: Final = 12
_NS_PER_MS: Final = 1e6


def duration_histogram(
    result: Reviewed, service: str | None = None, target: str | None = None, template: str | None = None
) -> go.Figure:
    """Draw how many calls took how long, by how they ended.

    Parameters
    ----------
    result
        A review: its ``waits`` fact and the findings of unbounded waits.
    service, target, template
        Who calls whom with what; by default the calls that met a timeout most often.

    Returns
    -------
    plotly.graph_objects.Figure
        Durations grow to the right, a factor of ten for each wide step. The dashed line is the timeout in force, where
        failed calls gather at a round value; the dotted one the p99 of the answered calls.
    """
    waits = fact(result, "waits")
    if waits is None:
        return empty_figure("No call was seen whose span says its kind (client) and its time.", _TITLE)
    chosen = waits
    for name, value in zip(_KEY, (service, target, template), strict=True):
        if value is not None:
            chosen = chosen[chosen[name] == value]
    if chosen.empty:
        return empty_figure(f"No call of {service or 'any service'} to {target or 'any target'} was seen.", _TITLE)
    ranked = chosen.assign(
        late=chosen["calls"].where(chosen["end"] == "timeout", 0),
        bad=chosen["calls"].where(chosen["end"] != "answered", 0),
    )
    totals = ranked.groupby(_KEY, as_index=False, sort=True)[["late", "bad", "calls"]].sum()
    worst = totals.sort_values(["late", "bad", "calls"], ascending=False, kind="stable").iloc[0]
    rows = chosen[np.logical_and.reduce([chosen[name] == worst[name] for name in _KEY])]
    return _draw(result, tuple(str(worst[name]) for name in _KEY), rows)


def _draw(result: Reviewed, key: tuple[str, ...], rows: pd.DataFrame) -> go.Figure:
    latencies = {end: Histogram.merged(part["latency"]) for end, part in rows.groupby("end", sort=True)}
    edges = _edges(list(latencies.values()))
    traces = [_bars(end, latencies[end], edges) for end in _ENDS if end in latencies and latencies[end].count]
    answered = latencies.get("answered", Histogram.merged([]))
    marks = []
    timeout = _timeout_s(result, key)
    if timeout is not None:
        marks.append((timeout * 1000.0, f"timeout in force: {timeout:g} s", "dash", 0.0))
    if answered.count:
        usual = answered.percentile(0.99) / _NS_PER_MS
        marks.append((usual, f"p99 of the answered: {milliseconds(usual)}", "dot", 0.09))
    counts = {end: latency.count for end, latency in latencies.items()}
    shapes = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper"}
        | {"line": {"color": INK, "width": 2, "dash": dash}}
        for at, _, dash, _ in marks
    ]
    low, high = float(np.log10(edges[0])), float(np.log10(edges[-1]))
    figure = figure_of(
        traces,
        title=f"{_TITLE}: {shown(key[0], 28)} → {shown(key[1] or 'a callee that nothing names', 34)}",
        subtitle=f"{shown(key[2], 60)}; "
        + ", ".join(f"{counts[end]:,} {'timed out' if end == 'timeout' else end}" for end in _ENDS if counts.get(end)),
        plot_height_px=300,
        notes=["Each wide step to the right is ten times as long; bars of calls that ended differently are stacked."],
        margin={"l": 60, "b": 62, "t": 34},
        barmode="stack",
        bargap=0.04,
        shapes=shapes,
        xaxis={"type": "log", "title": {"text": "duration"}, "range": [low - 0.05, high + 0.05], **_ticks(low, high)},
        yaxis={"title": {"text": "calls"}},
        legend={"y": 1.0},
    )
    for at, text, _, down in marks:
        left = np.log10(at) > (low + high) / 2
        figure.add_annotation(
            x=float(np.log10(at)),
            y=0.98 - down,
            yref="paper",
            text=text,
            xanchor="right" if left else "left",
            xshift=-6 if left else 6,
            yanchor="top",
            font={"size": 12, "color": INK},
            name="mark",
        )
    return figure


def _edges(latencies: list[Histogram]) -> np.ndarray:
    """Return the borders of the bars in milliseconds."""
    values = np.array([mid(int(bucket)) for latency in latencies for bucket in latency.buckets], float) / _NS_PER_MS
    values = np.maximum(values, 1e-3)
    first = np.floor(np.log10(values.min()) * _STEPS)
    last = np.ceil(np.log10(values.max()) * _STEPS + 1e-9)
    return np.asarray(10 ** (np.arange(first, max(last, first + 1) + 1) / _STEPS))


def _bars(end: str, latency: Histogram, edges: np.ndarray) -> go.Bar:
    values = np.maximum(np.array([mid(int(bucket)) for bucket in latency.buckets], float) / _NS_PER_MS, 1e-3)
    heights, _ = np.histogram(values, edges, weights=latency.counts)
    middle, width = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)
    kept = heights > 0
    named = "timed out" if end == "timeout" else end
    return go.Bar(
        x=middle[kept],
        y=heights[kept],
        width=width[kept] * 0.96,
        marker={"color": _ENDS[end], "pattern": {"shape": _SHAPES[end], **_HATCH}},
        name=named,
        hoverinfo="text",
        hovertext=[
            hover([f"{plural(int(count), 'call')} {named}", f"{milliseconds(low)} to {milliseconds(high)}"])
            for count, low, high in zip(heights[kept], edges[:-1][kept], edges[1:][kept], strict=True)
        ],
    )


def _ticks(low: float, high: float) -> dict[str, Any]:
    # Of a narrow range more than the powers of ten are told.
    parts = (1, 2, 5) if high - low < 3 else (1,)
    values = [part * 10.0**power for power in range(int(np.floor(low)), int(np.ceil(high)) + 1) for part in parts]
    texts = [_duration(value) for value in values]
    return {"tickvals": values, "ticktext": texts}


def _duration(value_ms: float) -> str:
    if value_ms >= 1000:
        return f"{value_ms / 1000:g} s"
    return f"{value_ms:g} ms" if value_ms >= 1 else f"{value_ms * 1000:g} µs"


def _timeout_s(result: Reviewed, key: tuple[str, ...]) -> float | None:
    """Return the timeout in force that was found for these calls, in seconds."""
    if result.findings.empty or "measures" not in result.findings:
        return None
    for subject, measures in zip(result.findings["subject"], result.findings["measures"], strict=True):
        if subject.get("kind") == "timeout" and tuple(subject.get(name) for name in _KEY) == key:
            return float(measures["timeout_s"])
    return None
