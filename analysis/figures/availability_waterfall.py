"""What each requirement takes from the availability of an entry operation, against what was seen."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._reviewed import Reviewed
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import BLUE, GREEN, INK, VERMILION, empty_figure, figure_of
from analysis.resilience import availability, availability_steps

__all__ = ["availability_waterfall"]

_TITLE: Final = "Availability"
STEPS_AT_MOST: Final = 12
_ROW_PX: Final = 34
_LABEL_PX: Final = 330


def availability_waterfall(result: Reviewed, service: str | None = None, operation: str | None = None) -> go.Figure:
    """Draw how the availability of an entry operation falls from 100 % along what it requires.

    Parameters
    ----------
    result
        A review: what :func:`analysis.resilience.availability` makes of its facts.
    service, operation
        The entry operation; by default the one that its requirements make least available.

    Returns
    -------
    plotly.graph_objects.Figure
        A bar for what the failures that begin in each required operation cost; then the product that is left, and the
        share of requests that was seen to succeed, with its 95 % interval.
    """
    table = availability(result)
    if table.empty:
        return empty_figure("No request was seen, so there is no availability to tell.", _TITLE)
    if service is None or operation is None:
        chosen = table.iloc[0]
    else:
        fitting = table[(table["entry_service"] == service) & (table["entry_operation"] == operation)]
        if fitting.empty:
            return empty_figure(f"No request of {service} {operation} was seen.", _TITLE)
        chosen = fitting.iloc[0]
    entry = (str(chosen["entry_service"]), str(chosen["entry_operation"]))
    steps = availability_steps(result, *entry)
    losing = steps[steps["loss"] > 0]
    if losing.empty and float(chosen["seen"]) == 1.0:
        reason = (
            f"Nothing that {' '.join(entry)} requires failed, and none of its {int(chosen['requests'])} requests did."
        )
        return empty_figure(reason, _TITLE)
    return _draw(entry, chosen, losing.head(STEPS_AT_MOST).to_dict("records"), len(losing), len(steps) - 1)


def _draw(entry: tuple[str, str], chosen: Any, steps: list[dict[Any, Any]], losing: int, required: int) -> go.Figure:
    left, bars = 1.0, []
    for step in steps:
        after = left * (1 - float(step["loss"]))
        bars.append((f"{step['service']} {step['operation']}", after, left, _hover(step)))
        left = after
    product, seen = float(chosen["product"]), float(chosen["seen"])
    if losing > len(steps):
        bars.append((f"{losing - len(steps)} more", product, left, "what is too small to be drawn alone"))
    labels = ["all requests", *(name for name, *_ in bars), "by what is required", "as seen"]
    lowest = min(product, float(chosen["seen_low"]))
    floor = max(0.0, lowest - 0.12 * (1 - lowest) - 0.002)
    rows = list(range(len(labels)))
    traces = [
        _bars([0], [1 - floor], [floor], BLUE, ["100 %"], "start"),
        _bars(
            rows[1:-2],
            [before - after for _, after, before, _ in bars],
            [after for _, after, _, _ in bars],
            VERMILION,
            [f"{_points(before - after)} lost" for _, after, before, _ in bars],
            "loss",
            [text for *_, text in bars],
        ),
        _bars([rows[-2]], [product - floor], [floor], BLUE, [_share(product)], "product"),
        _bars([rows[-1]], [seen - floor], [floor], GREEN, [""], "seen"),
        go.Scatter(
            x=[float(chosen["seen_high"])],
            y=[rows[-1]],
            mode="text",
            text=[f"  {_share(seen)}"],
            textposition="middle right",
            cliponaxis=False,
            hoverinfo="skip",
            name="seen",
        ),
        go.Scatter(
            x=[seen],
            y=[rows[-1]],
            mode="markers",
            marker={"symbol": "line-ns", "size": 12, "color": INK, "line": {"width": 2, "color": INK}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [float(chosen["seen_high"]) - seen],
                "arrayminus": [seen - float(chosen["seen_low"])],
                "color": INK,
                "thickness": 2,
            },
            hoverinfo="skip",
            name="interval",
        ),
    ]
    bounds = f"{_share(float(chosen['low']))} to {_share(float(chosen['high']))}"
    return figure_of(
        traces,
        title=f"{_TITLE}: {shown(' '.join(entry), 60)}",
        subtitle=(
            f"{plural(int(chosen['requests']), 'request')}, {plural(required, 'operation')} below; by what is required "
            f"{_share(product)} ({bounds}), as seen {_share(seen)}"
        ),
        plot_height_px=len(labels) * _ROW_PX,
        notes=[
            "Each bar: what failures that begin there cost, after retries and fallbacks on the way as measured.",
            "The product holds if failures come independently; the line is the 95 % interval of what was seen.",
        ],
        margin={"l": _LABEL_PX, "r": 70, "b": 34},
        showlegend=False,
        barmode="overlay",
        xaxis={"range": [floor, 1.0 + 0.08 * (1 - floor)], "tickformat": ".0%" if floor < 0.9 else ".1%"},
        yaxis={
            "tickvals": rows,
            "ticktext": [fitted(label, _LABEL_PX - 24, 12) for label in labels],
            "range": [len(labels) - 0.5, -0.5],
            "showgrid": False,
            "automargin": False,
            "ticklabelstandoff": 6,
        },
    )


def _bars(
    rows: list[int],
    lengths: list[float],
    bases: list[float],
    colour: str,
    texts: list[str],
    name: str,
    hovers: list[str] | None = None,
) -> go.Bar:
    return go.Bar(
        x=lengths,
        base=bases,
        y=rows,
        orientation="h",
        width=0.62,
        marker={"color": colour},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        hoverinfo="text" if hovers else "skip",
        hovertext=hovers,
        name=name,
    )


def _hover(step: dict[Any, Any]) -> str:
    return hover(
        [
            f"<b>{shown(step['service'], HOVER_CHARACTERS)} {shown(step['operation'], HOVER_CHARACTERS)}</b>",
            f"{int(step['own_failures']):,} failures began in {plural(int(step['visits']), 'visit')}",
            f"{float(step['per_request']):.2f} visits a request",
            f"a failure fails {float(step['reach']):.0%} of the requests",
        ]
    )


def _share(value: float) -> str:
    """Return a share with as many nines as it has, and one digit more."""
    if value >= 1:
        return "100 %"
    return (
        f"{100 * value:.1f} %" if value < 0.99 else f"{100 * value:.3g} %" if value < 0.999 else f"{100 * value:.5g} %"
    )


def _points(value: float) -> str:
    return f"{100 * value:.1f} points" if value >= 0.001 else f"{100 * value:.2g} points"
