"""The badges of a service map: at each service how many findings name it, beside what else is drawn there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analysis.figures._icons import HALF_HEIGHT
from analysis.figures._reviewed import SEVERITIES
from analysis.figures._text import text_width

__all__ = ["FILL", "INK", "Badge", "Box", "badge_text", "badges", "overlap"]

FILL: Final = {"high": "#b34700", "medium": "#E69F00", "low": "#a9d7f3", "info": "#ffffff"}
INK: Final = {"high": "#ffffff", "medium": "#1f2328", "low": "#1f2328", "info": "#1f2328"}
_TEXT_SIZE: Final = 10
#: Where a badge can stand on the upper rim of its icon, the best first: right of the middle, left of it, upon it.
_SIDES: Final = (("left", 8), ("right", -8), ("center", 0))

#: Left, top, right and bottom in pixels.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Badge:
    """The badge of a node at its place, in pixels."""

    text: str
    gravest: str
    anchor: str
    shift: int
    box: Box

    def annotation(self, x: float, y: float) -> dict[str, Any]:
        """Return it as it is drawn at the place of its node in axis units."""
        return {
            "x": x,
            "y": y,
            "xshift": self.shift,
            "yshift": HALF_HEIGHT + 1,
            "xanchor": self.anchor,
            "yanchor": "middle",
            "text": self.text,
            "showarrow": False,
            "font": {"size": _TEXT_SIZE, "color": INK[self.gravest]},
            "bgcolor": FILL[self.gravest],
            "bordercolor": "#59616a",
            "borderwidth": 1,
            "borderpad": 1,
            "name": "badge",
        }


def badge_text(found: Mapping[str, int]) -> tuple[str, str]:
    """Name the gravest findings of a node in words, and count the others; the severity comes second."""
    gravest = next((severity for severity in SEVERITIES if found.get(severity)), "")
    if not gravest:
        return "", ""
    others = sum(found.values()) - found[gravest]
    return f"{found[gravest]} {gravest}" + (f" +{others}" if others else ""), gravest


def badges(
    middles: Mapping[str, tuple[float, float]],
    findings: Mapping[str, Mapping[str, int]],
    boxes: Mapping[str, Sequence[Box]],
) -> dict[str, Badge]:
    """Place the badge of every node that findings name where it covers nothing of another node.

    Parameters
    ----------
    middles
        The middle of the icon of each node, in pixels.
    findings
        How many findings name a node, by severity.
    boxes
        What each node covers but for its badge.

    Returns
    -------
    dict
        Badges by node; one that has room nowhere stands where the first would.
    """
    placed: dict[str, Badge] = {}
    for node in sorted(middles):
        text, gravest = badge_text(findings.get(node, {}))
        if not text:
            continue
        others = [box for other, covered in boxes.items() if other != node for box in covered]
        others += [badge.box for badge in placed.values()]
        choices = [Badge(text, gravest, anchor, shift, _box(middles[node], text, shift)) for anchor, shift in _SIDES]
        free = (one for one in choices if not any(overlap(one.box, other) for other in others))
        placed[node] = next(free, choices[0])
    return placed


def _box(middle: tuple[float, float], text: str, shift: int) -> Box:
    x, y = middle
    width = text_width(text, _TEXT_SIZE) + 6
    left = x + shift - 2 if shift > 0 else x + shift + 2 - width if shift < 0 else x - width / 2
    return left, y - HALF_HEIGHT - 10, left + width, y - HALF_HEIGHT + 8


def overlap(first: Box, second: Box) -> bool:
    """Tell whether two boxes share a place."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
