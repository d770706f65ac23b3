"""Labels of points, placed so that none lies on another or on a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.figures._map_badges import Box, overlap
from analysis.figures._text import text_width

__all__ = ["LINE_PX", "SIZE_PX", "Placed", "Point", "placed"]

#: Size of the letters, and height of a line of them.
SIZE_PX: Final = 12
LINE_PX: Final = 15
#: Between a point and the label beside it.
_GAP_PX: Final = 10
#: So much further away is tried next, so many times.
_STEP_PX: Final = 17
_STEPS: Final = 12


@dataclass(frozen=True)
class Point:
    """A point in pixels from the left and from the bottom, and the lines of its label."""

    x: float
    y: float
    radius: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """Where a label stands: pixels from its point to its middle, rightwards and upwards; beside it or led to."""

    x: float
    y: float
    beside: bool


def placed(points: Sequence[Point], width_px: float, height_px: float) -> list[Placed | None]:
    """Place the label of each point: beside it, or further away towards the middle of the drawing with a line to it.

    Parameters
    ----------
    points
        What is named; whoever comes first chooses first.
    width_px, height_px
        Size of the drawing.

    Returns
    -------
    list
        One for each point; None where no room is left.
    """
    dots = [
        (point.x - point.radius, point.y - point.radius, point.x + point.radius, point.y + point.radius)
        for point in points
    ]
    taken: list[Box] = []
    found: list[Placed | None] = []
    for number, point in enumerate(points):
        others = [*taken, *dots[:number], *dots[number + 1 :]]
        width = max(text_width(line, SIZE_PX) for line in point.lines)
        height = LINE_PX * len(point.lines)
        found.append(None)
        for one in _places(point, width, height, height_px):
            x, y = point.x + one.x, point.y + one.y
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            inside = box[0] >= 0 and box[1] >= -LINE_PX and box[2] <= width_px and box[3] <= height_px
            if inside and not any(overlap(box, other) for other in others):
                found[-1] = one
                taken.append(box)
                break
    return found


def _places(point: Point, width: float, height: float, height_px: float) -> Iterator[Placed]:
    """Yield where a label could stand, the best first."""
    up = 1 if point.y <= height_px / 2 else -1
    across = point.radius + _GAP_PX + width / 2
    along = up * (height - LINE_PX) / 2
    yield Placed(across, along, beside=True)
    yield Placed(-across, along, beside=True)
    for step in range(_STEPS):
        away = up * (point.radius + _GAP_PX + step * _STEP_PX + height / 2)
        for aside in (0.0, width / 2, -width / 2):
            yield Placed(aside, away, beside=False)
