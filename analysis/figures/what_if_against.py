"""What a replay predicted, held to what was recorded after the change was made."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from analysis.detectors.boundaries._services import is_probe
from analysis.figures._text import fitted, hover, plural, shown
from analysis.figures._theme import BLUE, FAINT, GREEN, GREY, INK, VERMILION, empty_figure, figure_of

__all__ = ["what_if_against"]

_TITLE: Final = "Did it come true?"
#: The share by which a prediction may differ to be held, as the replay judges it.
_BAND: Final = 0.2
_MOST: Final = 12
_ROW_PX: Final = 58
_LABEL_PX: Final = 230
_TEXT_PX: Final = 680
_VERDICTS: Final = {True: "✔ held", False: "✖ not held", None: "? cannot be told"}


def what_if_against(against: pd.DataFrame | None) -> go.Figure:
    """Draw the p95 that was predicted for entry operations, and the one that was observed after the change.

    Parameters
    ----------
    against
        ``against`` of what :func:`analysis.what_if` returns; None where no recording after the change was given.

    Returns
    -------
    plotly.graph_objects.Figure
        A row an entry operation, those that the scenario changes most first, probes left out: an open circle before, a
        diamond as predicted, with the drift between the two recordings taken out, a filled circle as observed, and
        around it the band of 20 % within which the prediction holds. Above stands the verdict: held, not held, or why
        it cannot be told.
    """
    if against is None:
        return empty_figure("No recording made after the change is given: nothing can be held to it.", _TITLE)
    asked = against[[not is_probe(str(name)) for name in against["operation"]]]
    seen = asked[asked["requests_after"] > 0]
    if seen.empty:
        return empty_figure("No entry operation of the recording is in the one made after the change.", _TITLE)
    change = (seen["p95_ms_predicted"] / seen["p95_ms_before"] - 1).abs()
    weight = seen.assign(change=-change.round(6), asked=-seen["requests_before"])
    order = weight.sort_values(["change", "asked", "service", "operation"], kind="stable")
    rows = order.head(_MOST).to_dict("records")
    places = list(range(len(rows)))
    texts = [_hover(row) for row in rows]
    observed = [float(row["p95_ms_observed"]) for row in rows]
    predicted = [_predicted(row) for row in rows]
    told = [row["held"] for row in order.to_dict("records") if not pd.isna(row["held"])]
    notes = [f"{plural(len(seen) - len(rows), 'more entry operation')} not drawn."] if len(seen) > len(rows) else []
    if probes := len(against) - len(asked):
        notes.append(f"{plural(probes, 'entry operation')} of probes left out.")
    if missing := len(asked) - len(seen):
        notes.append(f"{plural(missing, 'entry operation')} not in the recording after.")
    figure = figure_of(
        [
            _around(observed, places),
            _marks("before", [row["p95_ms_before"] for row in rows], places, texts, GREY, "circle-open"),
            _marks("predicted, without the drift", predicted, places, texts, BLUE, "diamond"),
            _marks("observed after", observed, places, texts, GREEN, "circle"),
        ],
        title=_TITLE,
        subtitle=(
            f"p95 of each entry operation, ms: {sum(map(bool, told))} of {plural(len(told), 'prediction')} held within "
            f"20 %, {len(seen) - len(told)} cannot be told"
        ),
        plot_height_px=_ROW_PX * len(rows) + 20,
        notes=notes,
        margin={"l": _LABEL_PX, "r": 40, "t": 44, "b": 34},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "yref": "paper"},
        showlegend=True,
        xaxis={"rangemode": "tozero", "ticksuffix": " ms", "fixedrange": True},
        yaxis={
            "tickvals": places,
            "ticktext": [fitted(f"{row['service']} {row['operation']}", _LABEL_PX - 30, 12) for row in rows],
            "range": [len(rows) - 0.4, -0.7],
            "fixedrange": True,
            "showgrid": False,
            "ticks": "outside",
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
        },
    )
    for place, row in zip(places, rows, strict=True):
        figure.add_annotation(
            x=0,
            xref="paper",
            y=place,
            xanchor="left",
            yshift=20,
            xshift=2,
            text=fitted(_said(row), _TEXT_PX, 11),
            showarrow=False,
            font={"size": 11, "color": VERMILION if _verdict(row) is False else INK},
        )
    return figure


def _verdict(row: dict[Any, Any]) -> bool | None:
    return None if pd.isna(row["held"]) else bool(row["held"])


def _predicted(row: dict[Any, Any]) -> float:
    """Return the p95 that is predicted, without the drift where that is known."""
    corrected = row["p95_ms_predicted_with_drift"]
    return float(row["p95_ms_predicted"] if pd.isna(corrected) else corrected)


def _around(observed: list[float], places: list[int]) -> go.Bar:
    return go.Bar(
        name="within 20 % of it",
        base=[(1 - _BAND) * value for value in observed],
        x=[2 * _BAND * value for value in observed],
        y=places,
        orientation="h",
        width=0.3,
        marker={"color": FAINT},
        hoverinfo="skip",
    )


def _marks(name: str, values: Any, places: list[int], texts: list[str], colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=values,
        y=places,
        mode="markers",
        cliponaxis=False,
        marker={"color": colour, "symbol": symbol, "size": 13, "line": {"color": colour, "width": 2}},
        hovertext=texts,
        hoverinfo="text",
    )


def _said(row: dict[Any, Any]) -> str:
    verdict = _verdict(row)
    if verdict is None:
        return f"{_VERDICTS[None]}: {row['why']}"
    calls = f"calls {row['calls_predicted']:,.4g} predicted, {row['calls_observed']:,.4g} observed"
    return f"{_VERDICTS[verdict]}: {row['ratio']:.2f} of what was observed, {calls}"


def _hover(row: dict[Any, Any]) -> str:
    ms = {name: row[f"p95_ms_{name}"] for name in ("before", "predicted", "observed")}
    lines = [
        f"<b>{shown(row['service'])} {shown(row['operation'])}</b>",
        f"p95 {ms['before']:,.1f} ms before, {ms['predicted']:,.1f} replayed, {ms['observed']:,.1f} observed after",
    ]
    if not pd.isna(row["drift"]):
        lines.append(
            f"spans that the change does not concern took {row['drift']:.2f} times as long before ({row['drift_from']})"
        )
        lines.append(f"without that drift {row['p95_ms_predicted_with_drift']:,.1f} ms predicted")
    return hover([*lines, shown(row["why"], 300) if row["why"] else ""])
