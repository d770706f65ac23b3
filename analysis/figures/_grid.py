"""A grid of names against names with a text in each cell: what matrices have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._text import cleaned, fitted, text_width
from analysis.figures._theme import DESIGN_WIDTH, PLATE_INK, figure_of

__all__ = ["GAP", "LABEL_PX", "grid"]

LABEL_PX: Final = 190
#: Stands for a cell without a value.
GAP: Final = "-"
_LABEL_SIZE: Final = 12
_MOST_TOP_PX: Final = 150


def grid(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    *,
    title: str,
    subtitle: str,
    shades: list[list[Any]],
    notes: Sequence[str] = (),
    row_px: int = 25,
    least: float = 0.0,
    most: float = 1.0,
    label_px: int = LABEL_PX,
    text_size: int = 11,
) -> go.Figure:
    """Draw a grid.

    Parameters
    ----------
    rows, columns
        Names as telemetry has them; they are made safe here.
    values
        Of the shade of each cell; None leaves it blank.
    texts, hovers
        Of each cell, safe.
    title, subtitle, notes
        Safe texts.
    shades
        A Plotly colour scale, light enough for dark texts everywhere.
    row_px, label_px, text_size
        Height of a row, width of its name, size of the texts.
    least, most
        Values of the first and the last shade.
    """
    column_px = (DESIGN_WIDTH - label_px - 24) / max(1, len(columns))
    widest = max((text_width(cleaned(name), _LABEL_SIZE) for name in columns), default=0.0)
    level = widest <= column_px - 8
    top = 26 if level else min(_MOST_TOP_PX, 24 + widest)
    heat = go.Heatmap(
        z=[list(line) for line in values],
        text=[list(line) for line in texts],
        hovertext=[list(line) for line in hovers],
        hoverinfo="text",
        hoverongaps=False,
        texttemplate="%{text}",
        textfont={"size": text_size, "color": PLATE_INK},
        colorscale=shades,
        zmin=least,
        zmax=most,
        showscale=False,
        xgap=1,
        ygap=1,
        name="cells",
    )
    return figure_of(
        [heat],
        title=title,
        subtitle=subtitle,
        plot_height_px=len(rows) * row_px,
        notes=notes,
        margin={"l": label_px + 12, "t": top, "r": 24},
        showlegend=False,
        xaxis=_axis(columns, column_px if level else top - 16)
        | {"side": "top", "tickangle": 0 if level else -90, "range": [-0.5, len(columns) - 0.5]},
        yaxis=_axis(rows, label_px - 16) | {"range": [len(rows) - 0.5, -0.5]},
    )


def _axis(names: Sequence[str], width_px: float) -> dict[str, Any]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [fitted(name, width_px, _LABEL_SIZE) for name in names],
        "tickfont": {"size": _LABEL_SIZE},
        "ticks": "outside",
        "ticklen": 6,
        "tickcolor": "rgba(0,0,0,0)",
        "showgrid": False,
        "automargin": False,
    }
