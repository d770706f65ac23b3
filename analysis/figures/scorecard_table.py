"""Five marks for each service and each team, one a chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pandas as pd
import plotly.graph_objects as go

from analysis.figures._grid import grid
from analysis.figures._text import HOVER_CHARACTERS, hover, plural, shown
from analysis.figures._theme import empty_figure
from analysis.findings import FAMILIES
from analysis.scorecard import MARKS, UNJUDGED

__all__ = ["scorecard_table"]

_TITLE: Final = "Scorecard"
ROWS_AT_MOST: Final = 60
_WORDS: Final = {"A": "nothing found", "B": "the shape only", "C": "low", "D": "medium", "E": "high"}
#: From grey (not judged) over good to bad; every cell also holds its letter.
_SHADES: Final = [
    [0, "#e3e5e8"],
    [0.2, "#dcece6"],
    [0.4, "#e9f2f9"],
    [0.6, "#f8e9c8"],
    [0.8, "#f5c98f"],
    [1, "#ee9f82"],
]


class Marked(Protocol):
    """A review, or anything with marks and findings."""

    @property
    def scorecard(self) -> pd.DataFrame:
        """Marks of the services."""

    @property
    def team_scorecard(self) -> pd.DataFrame:
        """Marks of the teams."""

    @property
    def findings(self) -> pd.DataFrame:
        """One row a finding."""


def scorecard_table(result: Marked) -> go.Figure:
    """Draw teams and services as rows and chapters as columns, with a mark in each cell.

    Parameters
    ----------
    result
        A review.

    Returns
    -------
    plotly.graph_objects.Figure
        A is best, E worst, ? where nothing could be assessed; the pointer names the findings behind a mark. Teams come
        first, then services; the worst of each on top.
    """
    titles = _titles(result.findings)
    lines = [_line(f"team {row['team']}", row, titles) for row in _worst_first(result.team_scorecard, "team")]
    lines += [_line(str(row["service"]), row, titles) for row in _worst_first(result.scorecard, "service")]
    if not lines:
        return empty_figure("No service was seen. There is nothing to mark.", _TITLE)
    kept = lines[:ROWS_AT_MOST]
    notes = ["A nothing found, B the shape only, C low, D medium, E high, ? nothing could be assessed."]
    if len(lines) > len(kept):
        notes.insert(0, f"{len(lines) - len(kept)} of {plural(len(lines), 'row')} hidden, those with the best marks.")
    return grid(
        [name for name, _, _ in kept],
        [family.replace("_", " ") for family in FAMILIES],
        [[_place(mark) for mark in marks] for _, marks, _ in kept],
        [[f"<b>{shown(mark, 1)}</b>" for mark in marks] for _, marks, _ in kept],
        [said for _, _, said in kept],
        title=_TITLE,
        subtitle=f"{plural(len(result.scorecard), 'service')}, {plural(len(result.team_scorecard), 'team')}",
        shades=_SHADES,
        notes=notes,
        least=-1,
        most=len(MARKS) - 1,
        text_size=13,
    )


def _place(mark: str) -> float:
    return float(MARKS.index(mark)) if mark in MARKS else -1.0


def _worst_first(table: pd.DataFrame, name: str) -> list[Mapping[Any, Any]]:
    rows: Sequence[Mapping[Any, Any]] = table.to_dict("records")
    return sorted(rows, key=lambda row: (sorted(-_place(str(row[family])) for family in FAMILIES), str(row[name])))


def _titles(findings: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    if findings.empty:
        return {}
    columns = findings[["id", "family", "severity", "title"]]
    return {
        str(name): (str(family), str(severity), str(title))
        for name, family, severity, title in columns.itertuples(index=False, name=None)
    }


def _line(
    name: str, row: Mapping[Any, Any], titles: Mapping[str, tuple[str, str, str]]
) -> tuple[str, list[str], list[str]]:
    marks = [str(row[family]) for family in FAMILIES]
    said = []
    for family, mark in zip(FAMILIES, marks, strict=True):
        own = [titles[item] for item in row["findings"] if item in titles and titles[item][0] == family]
        named = [f"{severity}: {shown(title, HOVER_CHARACTERS)}" for _, severity, title in own[:3]]
        more = [f"and {len(own) - 3} more"] if len(own) > 3 else []
        words = "nothing could be assessed" if mark == UNJUDGED else _WORDS.get(mark, "")
        head = f"<b>{shown(name, HOVER_CHARACTERS)}</b>, {family.replace('_', ' ')}: {shown(mark, 1)} ({words})"
        said.append(hover([head, *named, *more]))
    return name, marks, said
