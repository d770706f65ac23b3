"""Labels of points: each beside its own or led to it, none on another or on a point, and none outside."""

from __future__ import annotations

from itertools import combinations

import pytest

from analysis.figures._point_labels import LINE_PX, SIZE_PX, Point, placed
from analysis.figures._text import text_width

WIDTH, HEIGHT = 876, 430


def boxes(points: list[Point]) -> list[tuple[float, float, float, float]]:
    found = []
    for point, place in zip(points, placed(points, WIDTH, HEIGHT), strict=True):
        if place is not None:
            half = max(text_width(line, SIZE_PX) for line in point.lines) / 2
            tall = LINE_PX * len(point.lines) / 2
            x, y = point.x + place.x, point.y + place.y
            found.append((x - half, y - tall, x + half, y + tall))
    return found


def apart(one, other) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("height", [35.0, 395.0])
def test_labels_along_a_line_lie_on_nothing(height):
    points = [Point(40.0 + 60 * number, height, 8.0, (f"a-rather-long-{number}",)) for number in range(13)]
    labels = boxes(points)
    assert len(labels) == 13
    assert all(apart(one, other) for one, other in combinations(labels, 2))
    dots = [(point.x - 8, point.y - 8, point.x + 8, point.y + 8) for point in points]
    assert all(apart(label, dot) for label in labels for dot in dots)
    assert all(label[0] >= 0 and label[2] <= WIDTH for label in labels)


def test_a_point_alone_has_its_label_beside_it_where_there_is_room():
    at_the_left, at_the_right = (Point(x, 200.0, 6.0, ("prices",)) for x in (100.0, 860.0))
    (first,), (second,) = placed([at_the_left], WIDTH, HEIGHT), placed([at_the_right], WIDTH, HEIGHT)
    assert first is not None
    assert second is not None
    assert (first.beside, first.x > 0) == (True, True)
    assert (second.beside, second.x > 0) == (True, False)


def test_where_no_room_is_left_a_label_is_left_out():
    crowd = [Point(438.0 + number, 215.0, 8.0, ("service",) * 5) for number in range(60)]
    labels = boxes(crowd)
    assert 0 < len(labels) < 60
    assert all(apart(one, other) for one, other in combinations(labels, 2))
