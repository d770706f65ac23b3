"""Which spans of a trace a waterfall shows, and in what order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.forest import Forest

__all__ = ["Line", "Lines", "choose", "pieces", "stripes"]

#: Share of the lines that highlighted spans may take where there are more spans than lines.
_HIGHLIGHTED_SHARE: Final = 0.6


@dataclass(frozen=True)
class Line:
    """One line of a waterfall.

    Attributes
    ----------
    row
        Row of the forest.
    depth
        How far it is indented: ancestors that are shown.
    hidden_below
        Spans below it that are hidden, down to the next one that is shown.
    parent_hidden
        Its parent is there, but not shown.
    """

    row: int
    depth: int
    hidden_below: int
    parent_hidden: bool


@dataclass(frozen=True)
class Lines:
    """The lines, top to bottom, and what is hidden."""

    lines: tuple[Line, ...]
    hidden: int
    hidden_highlighted: int
    hidden_critical: int
    hidden_errors: int


def choose(
    forest: Forest, rows: range, highlighted: Collection[int], critical: Mapping[int, int], at_most: int
) -> Lines:
    """Choose the spans to show, in the order of the tree.

    Parameters
    ----------
    forest
        Where the trace is.
    rows
        The rows of the trace.
    highlighted, critical
        Rows that are to be shown before others, after the first root: highlighted ones, then those on the critical
        path by their time on it (ns), then failed ones, then the longest. Ancestors come along where there is room.
    at_most
        Lines there may be.
    """
    order = _in_order(forest, rows)
    kept = set(order) if len(order) <= at_most else _kept(forest, order, highlighted, critical, at_most)
    shown_above: dict[int, int] = {}
    depth: dict[int, int] = {}
    hidden_below: dict[int, int] = {}
    for row in order:
        parent = int(forest.parent[row])
        above = shown_above.get(parent, -1)
        if row in kept:
            depth[row] = depth[above] + 1 if above >= 0 else 0
            shown_above[row] = row
        else:
            shown_above[row] = above
            hidden_below[above] = hidden_below.get(above, 0) + 1
    lines = tuple(
        Line(
            row,
            depth[row],
            hidden_below.get(row, 0),
            int(forest.parent[row]) >= 0 and int(forest.parent[row]) not in kept,
        )
        for row in order
        if row in kept
    )
    hidden = [row for row in order if row not in kept]
    marked = set(highlighted)
    return Lines(
        lines,
        hidden=len(hidden),
        hidden_highlighted=sum(row in marked for row in hidden),
        hidden_critical=sum(row in critical for row in hidden),
        hidden_errors=sum(bool(forest.error[row]) for row in hidden),
    )


def _in_order(forest: Forest, rows: range) -> list[int]:
    """Return the rows of a trace, each before its children, siblings by start; chains may be too long to recurse."""
    roots = [row for row in rows if forest.parent[row] < 0]
    roots.sort(key=lambda row: (not forest.has_time[row], int(forest.start[row]), row))
    waiting = roots[::-1]
    order = []
    while waiting:
        row = waiting.pop()
        order.append(row)
        children: list[int] = forest.child[forest.child_offset[row] : forest.child_offset[row + 1]].tolist()
        waiting.extend(reversed(children))
    return order


def _kept(
    forest: Forest, order: Sequence[int], highlighted: Collection[int], critical: Mapping[int, int], at_most: int
) -> set[int]:
    kept = {order[0]}
    marked = set(highlighted)
    reserved = int(at_most * _HIGHLIGHTED_SHARE)
    for row in order:
        if row in marked and len(kept) < reserved:
            _keep(forest, row, kept, reserved)
    for row in sorted(critical, key=lambda row: (-critical[row], row)):
        _keep(forest, row, kept, at_most)
    for row in order:
        if forest.error[row]:
            _keep(forest, row, kept, at_most)
    rows = np.array(order, np.int64)
    for row in rows[np.lexsort((rows, -forest.duration[rows]))].tolist():
        if len(kept) >= at_most:
            break
        _keep(forest, row, kept, at_most)
    return kept


def _keep(forest: Forest, row: int, kept: set[int], at_most: int) -> None:
    """Keep a row with those of its ancestors for which there is room, the nearest first."""
    while row >= 0 and row not in kept and len(kept) < at_most:
        kept.add(row)
        row = int(forest.parent[row])


def stripes(lines: Sequence[Line], marked_rows: Collection[int]) -> list[dict[str, Any]]:
    """Lay a band under marked spans, and a faint one under every other line; one shape holds all of a kind."""
    marked = [place for place, line in enumerate(lines) if line.row in marked_rows]
    faint = [place for place in range(1, len(lines), 2) if lines[place].row not in marked_rows]
    return [
        {
            "type": "path",
            "path": "".join(f"M0,{place - 0.5}H1V{place + 0.5}H0Z" for place in places),
            "xref": "paper",
            "fillcolor": colour,
            "line": {"width": 0},
            "layer": "below",
        }
        for places, colour in ((faint, "rgba(128,134,142,0.07)"), (marked, "rgba(240,228,66,0.30)"))
        if places
    ]


def pieces(sections: Sequence[tuple[int, int]], closest: int) -> list[tuple[int, int]]:
    """Return the sections of a span in order of time, those joined between which no reader could see a gap."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(sections):
        if joined and begin - joined[-1][1] <= closest:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
