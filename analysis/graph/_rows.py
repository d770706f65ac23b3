"""Give the nodes of layers their rows: in the order they have, close together, with edges as straight as can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

__all__ = ["PASSING_EDGE", "compacted", "nearest_in_order"]

Point = tuple[float, float]

#: Room that an edge takes on its way through a layer, as a share of that of a node.
PASSING_EDGE: Final = 0.5
_SWEEPS: Final = 24
#: How much higher than its fullest layer a drawing may be.
_SLACK: Final = 1.2
#: How strongly the two ends of a step pull: long edges are kept straight before short ones.
_PULL: Final = {0: 1.0, 1: 2.0, 2: 8.0}


def compacted(points: Mapping[int, Point], links: Sequence[tuple[int, int]], node_count: int) -> dict[int, Point]:
    """Return the same layers in the same order, with new rows.

    Parameters
    ----------
    points
        (layer, row) of every vertex; vertices from `node_count` on stand for an edge that passes through a layer.
    links
        Steps between vertices of neighbouring layers.
    node_count
        How many vertices are nodes.

    Notes
    -----
    Each layer in turn moves to the weighted mean of its neighbours, as near as its order and the distances within it
    allow (isotonic regression by pooling adjacent violators, Barlow et al. 1972), within a band little higher than
    the fullest layer. Placements that only straighten edges (Brandes and Köpf 2001) leave most of a service map
    empty.
    """
    layers = _layers(points)
    offsets = {layer: _offsets(order, node_count) for layer, order in layers.items()}
    height = max(steps[-1] for steps in offsets.values()) * _SLACK
    row = {
        vertex: place + (height - offsets[layer][-1]) / 2
        for layer, order in layers.items()
        for vertex, place in zip(order, offsets[layer], strict=True)
    }
    pulls = _pulls(links, node_count)
    ascending = sorted(layers)
    for sweep in range(_SWEEPS):
        for layer in ascending if sweep % 2 == 0 else ascending[::-1]:
            order, steps = layers[layer], offsets[layer]
            wanted, weights = [], []
            for vertex in order:
                total = sum(pull for _, pull in pulls[vertex])
                wanted.append(sum(row[other] * pull for other, pull in pulls[vertex]) / total)
                weights.append(total)
            row.update(zip(order, nearest_in_order(wanted, weights, steps, height), strict=True))
    lowest = min(row.values())
    return {vertex: (layer, round(row[vertex] - lowest, 4)) for vertex, (layer, _) in points.items()}


def _layers(points: Mapping[int, Point]) -> dict[float, list[int]]:
    layers: dict[float, list[int]] = defaultdict(list)
    for vertex in sorted(points, key=lambda vertex: (points[vertex], vertex)):
        layers[points[vertex][0]].append(vertex)
    return layers


def _offsets(order: Sequence[int], node_count: int) -> list[float]:
    """Return the rows of a layer when it is packed as closely as it may be."""
    offsets = [0.0]
    for first, second in pairwise(order):
        nodes = (first < node_count) + (second < node_count)
        offsets.append(offsets[-1] + (1.0, (1 + PASSING_EDGE) / 2, PASSING_EDGE)[2 - nodes])
    return offsets


def _pulls(links: Sequence[tuple[int, int]], node_count: int) -> dict[int, list[tuple[int, float]]]:
    pulls: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for source, target in sorted(links):
        pull = _PULL[(source >= node_count) + (target >= node_count)]
        pulls[source].append((target, pull))
        pulls[target].append((source, pull))
    return pulls


def nearest_in_order(
    wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float], height: float
) -> list[float]:
    """Return ascending places, as near to those wanted as the distances between them allow (least squares).

    Parameters
    ----------
    wanted, weights
        Where each would stand, and how much that counts.
    offsets
        Places in the closest packing: neighbours keep at least those distances.
    height
        Places lie between 0 and this.
    """
    blocks: list[tuple[float, float, int]] = []
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = place - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, heavier, members = blocks.pop()
            mean = (before * heavier + mean * total) / (heavier + total)
            total += heavier
            count += members
        blocks.append((mean, total, count))
    free = max(height - offsets[-1], 0.0)
    levels = [min(max(mean, 0.0), free) for mean, _, count in blocks for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]
