"""Icons of node kinds, told apart by their outline, as Plotly shapes of a fixed size in pixels.

Paths are in pixels around (0, 0), upwards positive.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["HALF_HEIGHT", "HALF_WIDTH", "KIND_TITLES", "icon"]

#: Half the size of the largest icon, in pixels.
HALF_WIDTH: Final = 18
HALF_HEIGHT: Final = 13

KIND_TITLES: Final = {
    "user": "user",
    "service": "service",
    "queue": "queue or topic",
    "cache": "cache",
    "database": "database",
    "external": "external",
    "group": "group",
}

_BOX = "M-13,-12 L13,-12 Q17,-12 17,-8 L17,8 Q17,12 13,12 L-13,12 Q-17,12 -17,8 L-17,-8 Q-17,-12 -13,-12 Z"
_PATHS: Final = {
    "service": (_BOX,),
    "group": (
        "M-10,-8 L18,-8 L18,12 L-10,12 Z",
        "M-14,-10 L14,-10 L14,10 L-14,10 Z",
        "M-18,-12 L10,-12 L10,8 L-18,8 Z",
    ),
    "database": (
        "M-14,8 L-14,-9 C-14,-14 14,-14 14,-9 L14,8 C14,13 -14,13 -14,8 Z",
        "M-14,8 C-14,3 14,3 14,8",
    ),
    "cache": ("M0,14 L18,0 L0,-14 L-18,0 Z", "M3,9 L-4,-1 L4,1 L-3,-9"),
    "queue": (
        "M-12,10 L12,10 C18,10 18,-10 12,-10 L-12,-10 C-18,-10 -18,10 -12,10 Z",
        "M12,10 C6,10 6,-10 12,-10",
    ),
    "external": ("M-10,-10 C-20,-10 -20,2 -12,3 C-13,13 2,15 5,8 C13,11 18,4 14,0 C20,-3 17,-10 11,-10 Z",),
    "user": (
        "M-12,-13 C-12,-2 -6,0 0,0 C6,0 12,-2 12,-13 Z",
        "M-6,6 C-6,14 6,14 6,6 C6,-2 -6,-2 -6,6 Z",
    ),
}
_FILLS: Final = {
    "service": "#d9eaf5",
    "group": "#d9eaf5",
    "database": "#fbe8c8",
    "cache": "#f6e0ee",
    "queue": "#cfeee3",
    "external": "#eceef1",
    "user": "#eceef1",
}
_LINES: Final = {
    "service": "#0072B2",
    "group": "#0072B2",
    "database": "#9a6a00",
    "cache": "#a2517f",
    "queue": "#00795a",
    "external": "#59616a",
    "user": "#59616a",
}
#: Second paths that are drawn over the first as lines, without a fill.
_OPEN: Final = frozenset({"database", "cache", "queue"})


def icon(kind: str, x: float, y: float, *, emphasis: bool = False) -> list[dict[str, Any]]:
    """Return the shapes of an icon.

    Parameters
    ----------
    kind
        Kind of node; an unknown one is drawn as external.
    x, y
        Where its middle stands, in the units of the axes.
    emphasis
        A heavier outline.
    """
    known = kind if kind in _PATHS else "external"
    return [
        {
            "type": "path",
            "path": path,
            "xsizemode": "pixel",
            "ysizemode": "pixel",
            "xanchor": x,
            "yanchor": y,
            "layer": "above",
            "fillcolor": "rgba(0,0,0,0)" if position and known in _OPEN else _FILLS[known],
            "line": {"color": _LINES[known], "width": 3.5 if emphasis else 1.6},
        }
        for position, path in enumerate(_PATHS[known])
    ]
