"""Tables of shaded cells: rows and columns with names, a shade, a text and a hover in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from analysis.figures._text import cleaned, fitted, text_width
from analysis.figures._theme import DESIGN_WIDTH, PLATE_INK, figure_of

__all__ = ["LABEL_PX", "Cell", "draw_cells"]

#: Room for the names of rows.
LABEL_PX: Final = 250
_ROW_PX: Final = 28
_TOP_PX: Final = 170
#: Light enough for dark text everywhere; every cell also holds its number.
_SHADES: Final = [[0, "#eef5fa"], [0.5, "#bcd9ee"], [1, "#7db7de"]]


class Cell(NamedTuple):
    """What stands in a cell.

    Parameters
    ----------
    shade
        0..1.
    text
        Shown in the cell; safe.
    hover
        Shown beside the pointer; safe.
    """

    shade: float
    text: str
    hover: str


def draw_cells(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[int, int], Cell],
    *,
    title: str,
    subtitle: str,
    notes: Sequence[str],
    name: str,
    shapes: Sequence[Mapping[str, Any]] = (),
    level: bool = False,
) -> go.Figure:
    """Draw a table of shaded cells.

    Parameters
    ----------
    rows, columns
        Names, first at the top and on the left; made safe here.
    cells
        By row and column; others stay empty.
    title, subtitle, notes, name
        Safe texts.
    shapes
        Drawn over the cells, in places of rows and columns.
    level
        Names of columns are short enough to stand upright.
    """
    size = len(rows), len(columns)
    z: list[list[float | None]] = [[None] * size[1] for _ in rows]
    text, hovers = ([[""] * size[1] for _ in rows] for _ in range(2))
    for (row, column), cell in cells.items():
        z[row][column], text[row][column], hovers[row][column] = cell
    widest = max((text_width(cleaned(column), 12) for column in columns), default=0.0)
    top = 30 if level else 16 + 0.75 * min(widest, _TOP_PX)
    # Names of columns that are turned reach beyond the last of them.
    right = 12 if level else 12 + 0.6 * min(widest, _TOP_PX)
    column_px = (DESIGN_WIDTH - LABEL_PX - right) / max(1, size[1])
    heat = go.Heatmap(
        z=z,
        text=text,
        hovertext=hovers,
        hoverinfo="text",
        hoverongaps=False,
        texttemplate="%{text}",
        textfont={"size": 11 if column_px >= 34 else 9, "color": PLATE_INK},
        colorscale=_SHADES,
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
        name=name,
    )
    axis: dict[str, Any] = {"tickmode": "array", "showgrid": True, "automargin": False, "tickfont": {"size": 12}}
    return figure_of(
        [heat],
        title=title,
        subtitle=subtitle,
        plot_height_px=size[0] * _ROW_PX,
        notes=notes,
        margin={"l": LABEL_PX, "t": top, "r": right},
        showlegend=False,
        shapes=list(shapes),
        xaxis=axis
        | {
            "side": "top",
            "tickvals": list(range(size[1])),
            "ticktext": [fitted(column, column_px if level else _TOP_PX - 10, 12) for column in columns],
            "tickangle": 0 if level else -45,
            "range": [-0.5, size[1] - 0.5],
        },
        yaxis=axis
        | {
            "tickvals": list(range(size[0])),
            "ticktext": [fitted(row, LABEL_PX - 24, 12) for row in rows],
            "ticklabelstandoff": 6,
            "range": [size[0] - 0.5, -0.5],
        },
    )
