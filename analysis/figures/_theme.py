"""What all figures share: colours, fonts, margins, notes, and what stands where there is nothing to draw.

Colours are those of Okabe and Ito (2008), which people with the common colour deficiencies tell apart; no figure
relies on colour alone. Backgrounds are transparent and lines of a middle grey, so that figures stand on light and on
dark pages; longer texts stand on light plates of their own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

from analysis.figures._text import cleaned, shown

__all__ = [
    "COLOURS",
    "FONT_FAMILY",
    "GREY",
    "INK",
    "PAGE_STYLE",
    "PLATE",
    "PLATE_INK",
    "PLATE_LINE",
    "TEMPLATE",
    "add_notes",
    "annotate",
    "empty_figure",
    "figure_of",
]

#: Okabe and Ito's palette, black and yellow last: they vanish on dark and on light pages.
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = COLOURS[:6]
#: Text and lines that stand on the page itself: contrast of 4.5 on white and 4.1 on near-black.
INK: Final = "#6e7681"
TITLE_INK: Final = "#646d77"
GREY: Final = "#9aa1a9"
FAINT: Final = "rgba(128,134,142,0.28)"
#: Texts on plates.
PLATE: Final = "#f7f8fa"
PLATE_INK: Final = "#1f2328"
PLATE_LINE: Final = "#c4c9cf"
FONT_FAMILY: Final = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
#: For pages that show figures: titles and labels take the full contrast of the page.
PAGE_STYLE: Final = """
.js-plotly-plot .gtitle, .js-plotly-plot .gtitle-subtitle { fill: CanvasText !important; }
"""

#: Width that labels are cut for; a figure fills the width it is given.
DESIGN_WIDTH: Final = 960
_NOTE_SIZE: Final = 12
_NOTE_LINE: Final = 17
_NOTE_CHARACTERS: Final = 150
_TITLE_ROOM: Final = 64

TEMPLATE: Final = go.layout.Template(
    layout={
        "font": {"family": FONT_FAMILY, "size": 12, "color": INK},
        "title": {
            "font": {"size": 18, "color": TITLE_INK},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 12},
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(COLOURS),
        "hoverlabel": {
            "align": "left",
            "bgcolor": PLATE,
            "bordercolor": PLATE_LINE,
            "font": {"family": FONT_FAMILY, "size": 12, "color": PLATE_INK},
            "namelength": 0,
        },
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        "xaxis": {"automargin": True, "gridcolor": FAINT, "linecolor": GREY, "zeroline": False, "ticks": ""},
        "yaxis": {"automargin": True, "gridcolor": FAINT, "linecolor": GREY, "zeroline": False, "ticks": ""},
        "annotationdefaults": {"showarrow": False, "font": {"size": 12}},
        "dragmode": "pan",
    }
)


def figure_of(
    traces: Sequence[Any],
    *,
    title: str,
    subtitle: str,
    plot_height_px: float,
    notes: Sequence[str] = (),
    margin: dict[str, float] | None = None,
    **layout: Any,
) -> go.Figure:
    """Put traces into a figure of the shared theme.

    Parameters
    ----------
    traces
        Plotly traces.
    title, subtitle
        Safe text.
    plot_height_px
        Height of the plot itself; title, axes and notes are added to it.
    notes
        What is hidden, cut or counted otherwise: shown below the plot, each on lines of its own; safe text.
    margin
        ``l``, ``r``, ``t``, ``b`` in pixels beside what title and notes need.
    layout
        Further members of the layout.
    """
    extra = {"l": 12, "r": 12, "t": 0, "b": 8} | (margin or {})
    lines = note_lines(notes)
    top = _TITLE_ROOM + extra["t"]
    bottom = extra["b"] + len(lines) * _NOTE_LINE + (10 if lines else 0)
    height = plot_height_px + top + bottom
    figure = go.Figure(list(traces))
    figure.update_layout(
        template=TEMPLATE,
        title={
            "text": f"<b>{title}</b>",
            "subtitle": {"text": subtitle, "font": {"size": 13}},
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 12, "l": 12},
        },
        height=height,
        margin={"l": extra["l"], "r": extra["r"], "t": top, "b": bottom, "pad": 0, "autoexpand": False},
        **layout,
    )
    add_notes(figure, lines, below_px=extra["b"], left_px=extra["l"] - 12)
    return figure


def note_lines(notes: Sequence[str]) -> list[str]:
    """Break notes into lines; a continued line is indented."""
    lines: list[str] = []
    for note in notes:
        first, *rest = textwrap.wrap(note, _NOTE_CHARACTERS, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [first, *(f"\u00a0\u00a0\u00a0{line}" for line in rest)]
    return lines


def add_notes(figure: go.Figure, lines: Sequence[str], below_px: float, left_px: float = 0.0) -> None:
    """Write lines below the plot, `below_px` under its lower edge and `left_px` left of it."""
    if lines:
        figure.add_annotation(
            text="<br>".join(lines),
            name="notes",
            xref="paper",
            yref="paper",
            x=0,
            y=0,
            xanchor="left",
            yanchor="top",
            xshift=-left_px,
            yshift=-below_px,
            align="left",
            showarrow=False,
            font={"size": _NOTE_SIZE, "color": INK},
        )


def annotate(figure: go.Figure, annotations: Iterable[Mapping[str, Any]]) -> None:
    """Add annotations all at once: for each that is added alone plotly copies those that the figure has."""
    figure.layout.annotations = (*figure.layout.annotations, *annotations)


def empty_figure(reason: str, title: str = "Nothing to show") -> go.Figure:
    """Return a figure that says why there is nothing to draw.

    Parameters
    ----------
    reason
        A sentence; may hold names of the telemetry, which are made safe here.
    title
        What would have been shown.
    """
    text = "<br>".join(shown(line, 400) for line in textwrap.wrap(cleaned(reason), 90)) or "There is nothing to show."
    figure = figure_of(
        [],
        title=shown(title, 80),
        subtitle="",
        plot_height_px=110,
        xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
        yaxis={"visible": False, "range": [0, 1], "fixedrange": True},
    )
    figure.add_annotation(
        text=text,
        name="reason",
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        bgcolor=PLATE,
        bordercolor=PLATE_LINE,
        borderwidth=1,
        borderpad=12,
        font={"size": 14, "color": PLATE_INK},
    )
    return figure
