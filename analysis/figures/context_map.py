"""Today's owners of services beside the contexts that the calls, tables and failures suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from analysis.catalogue import Catalogue
from analysis.contexts import ContextMap
from analysis.figures._text import HOVER_CHARACTERS, fitted, hover, plural, shown
from analysis.figures._theme import COLOURS, FAINT, GREY, INK, annotate, empty_figure, figure_of

__all__ = ["context_map"]

_TITLE: Final = "Context map"
UNITS_AT_MOST: Final = 60
_ROW_PX: Final = 24
_GAP: Final = 1.15
_LEFT, _RIGHT = 0.0, 1.0
_LABEL_PX: Final = 330


@dataclass(frozen=True)
class _Side:
    """Where each unit stands on one side, and the boxes around those of one group."""

    place: Mapping[str, float]
    boxes: Sequence[tuple[str, float, float]]
    height: float


def context_map(found: ContextMap, catalogue: Catalogue | None = None) -> go.Figure:
    """Draw every service twice: on the left with the team that owns it today, on the right in its suggested context.

    Parameters
    ----------
    found
        What ``contexts(result)`` suggests.
    catalogue
        Teams; without one the left side is in the order of the names.

    Returns
    -------
    plotly.graph_objects.Figure
        A line joins the two places of a service, in the colour and dash of its context. Lines of one box that spread
        show a team that works on several contexts; lines of several boxes that meet show a context cut between teams.
    """
    if found.reason:
        return empty_figure(found.reason, _TITLE)
    contexts = [item for item in found.contexts if item.members]
    units = [unit for item in contexts for unit in item.members][:UNITS_AT_MOST]
    teams = catalogue.teams if catalogue is not None else {}
    owner = {unit: teams.get(unit.partition("/")[0], "") for unit in units}
    context = {unit: item.name for item in contexts for unit in item.members}
    alone = [item.name for item in contexts if len(item.members) == 1]
    left_groups = sorted({owner[unit] for unit in units}, key=lambda name: (name == "", name))
    left = _side(
        [
            (_owner_title(name, bool(teams), found.grain), [u for u in sorted(units) if owner[u] == name])
            for name in left_groups
        ]
    )
    parts = [
        (f"around {item.name}", [u for u in item.members if u in owner]) for item in contexts if item.name not in alone
    ]
    single = [unit for item in contexts if item.name in alone for unit in item.members if unit in owner]
    right = _side([*parts, *([("on their own", sorted(single))] if single else [])])
    traces = [
        _line(unit, left.place[unit], right.place[unit], contexts, context[unit], alone, owner[unit]) for unit in units
    ]
    hidden = sum(len(item.members) for item in contexts) - len(units)
    several = sum(len(item.members) > 1 for item in contexts)
    notes = [
        "Left: who owns it today. Right: what acts as one context by its calls, tables, traces and failures. Lines "
        "that spread from one box: a team on several contexts; that meet in one: a context cut between teams."
        if teams
        else f"Left: {found.grain}s by name (no catalogue was given, so teams are not known). "
        "Right: what acts as one context."
    ]
    if found.fronts:
        notes.append(
            f"Left out, as they call everybody on purpose: {', '.join(shown(name, 30) for name in found.fronts[:8])}."
        )
    if hidden:
        notes.insert(0, f"{hidden} of {plural(hidden + len(units), found.grain)} hidden.")
    height = max(left.height, right.height)
    figure = figure_of(
        traces,
        title=_TITLE,
        subtitle=f"{plural(len(units), found.grain)}: {plural(several, 'context')}, {len(alone)} on their own",
        plot_height_px=height * _ROW_PX,
        notes=notes,
        margin={"l": _LABEL_PX, "r": _LABEL_PX, "t": 8},
        showlegend=False,
        xaxis={"visible": False, "range": [-0.02, 1.02], "fixedrange": True},
        yaxis={"visible": False, "range": [height - 0.3, -0.8]},
    )
    annotations, brackets = [], []
    for side, place, sign in ((left, _LEFT, -1), (right, _RIGHT, 1)):
        annotations += [_name(unit, place, side.place[unit], sign) for unit in units]
        annotations += [_heading(title, place, begin, sign) for title, begin, _ in side.boxes]
        brackets += [_bracket(place, begin, end, sign) for _, begin, end in side.boxes]
    annotate(figure, annotations)
    figure.layout.shapes = brackets
    return figure


def _owner_title(team: str, known: bool, grain: str) -> str:
    if team:
        return f"team {team}"
    return "no team in the catalogue" if known else f"{grain}s today"


def _side(groups: Sequence[tuple[str, Sequence[str]]]) -> _Side:
    place: dict[str, float] = {}
    boxes = []
    row = 0.0
    for title, members in groups:
        if not members:
            continue
        begin = row
        row += 1.0
        for member in members:
            place[member] = row
            row += 1.0
        boxes.append((title, begin, row - 1.0))
        row += _GAP - 1.0 + 0.35
    return _Side(place, boxes, row)


def _line(
    unit: str, left: float, right: float, contexts: Sequence[Any], context: str, alone: Sequence[str], owner: str
) -> go.Scatter:
    number = [item.name for item in contexts].index(context)
    single = context in alone
    style = {"color": GREY if single else COLOURS[number % 6], "width": 1.2 if single else 3}
    style["dash"] = "dot" if single else ("solid", "dash", "dashdot", "longdash")[(number // 6) % 4]
    item = contexts[number]
    said = hover(
        [
            f"<b>{shown(unit, HOVER_CHARACTERS)}</b>",
            f"today: {shown(owner or 'no team known', HOVER_CHARACTERS)}",
            f"context around {shown(context, HOVER_CHARACTERS)}, stable in {item.stability:.0%} of the runs",
            *(shown(sentence, HOVER_CHARACTERS) for sentence in item.evidence),
        ]
    )
    steps = [0.0, 0.12, 0.3, 0.5, 0.7, 0.88, 1.0]
    ease = [3 * step**2 - 2 * step**3 for step in steps]
    return go.Scatter(
        x=steps,
        y=[left + (right - left) * part for part in ease],
        mode="lines",
        line={**style, "shape": "spline"},
        hovertext=[said] * len(steps),
        hoverinfo="text",
        name="service",
    )


def _name(unit: str, x: float, y: float, sign: int) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "text": fitted(unit, _LABEL_PX - 60, 12),
        "showarrow": False,
        "xanchor": "right" if sign < 0 else "left",
        "xshift": 14 * sign,
        "font": {"size": 12, "color": INK},
        "name": "unit",
    }


def _heading(title: str, x: float, y: float, sign: int) -> dict[str, Any]:
    return _name(title, x, y, sign) | {"text": f"<b>{fitted(title, _LABEL_PX - 60, 12)}</b>", "name": "group"}


def _bracket(x: float, begin: float, end: float, sign: int) -> dict[str, Any]:
    shift = 0.008 * sign
    line = {"color": FAINT, "width": 6}
    return {"type": "line", "x0": x + shift, "x1": x + shift, "y0": begin - 0.3, "y1": end + 0.4, "line": line}
