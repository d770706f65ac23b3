"""Failures beyond the critical path: on the far side of messages and links, and those that only logs tell of.

What nobody waits for fails no request, so the method of :mod:`analysis.error_paths` leaves it out. Here it is followed
all the same: the path leads from the root of whoever sent the message, through the call that nobody waits for, to where
the failure began. A consumer that stands in a trace of its own is joined by its span link.

A record of severity error or fatal in a trace whose spans are all in order is evidence of a failure too, weaker than a
status: the service may have dealt with what it complains of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.error_paths import mark_waited
from analysis.error_paths import ErrorPath, failing_spans, shortened
from analysis.forest import Forest

__all__ = ["COLUMNS", "LinkEnd", "Reach", "follow_links", "reach"]

#: Columns that are read beside those of a forest and of error paths.
COLUMNS: Final = ("links",)
_CONSUMER: Final = schema.KINDS.index("consumer")
#: Trace id (high, low) and span id.
LinkEnd = tuple[int, int, int]
_Path = tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """What one partition adds.

    Attributes
    ----------
    paths
        Failures beyond calls that nobody waits for, and failures that only logs tell of.
    linked
        By the span that a consumer's link leads to and the path from the consumer down: how many failures began there.
    """

    paths: tuple[ErrorPath, ...]
    linked: Mapping[tuple[LinkEnd, _Path], int]


def reach(forest: Forest) -> Reach:
    """Find the failures of one partition that are on no critical path, or in no span.

    Parameters
    ----------
    forest
        Planted with the columns of :data:`COLUMNS` and of error paths, and with log records where there are any.
    """
    error = failing_spans(forest)
    beyond: Counter[_Path] = Counter()
    linked: Counter[tuple[LinkEnd, _Path]] = Counter()
    if error.any():
        began = _origins(forest, error)
        waited = _waited(forest)
        links = forest.table["links"].combine_chunks()
        has_links = np.asarray(links.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        joined = bool((has_links & (forest.kind == _CONSUMER)).any())
        for row in began.tolist():
            many = int(forest.multiplicity[row])
            way = _way_up(forest, row)
            if not waited[row]:
                beyond[shortened([_name(forest, step) for step in reversed(way)])] += many
            elif joined:
                place, end = _link_above(forest, way, has_links, links)
                if end is not None:
                    linked[end, tuple(_name(forest, step) for step in reversed(way[: place + 1]))] += many
    paths = [ErrorPath(path, asynchronous=count) for path, count in sorted(beyond.items())]
    paths += [ErrorPath(path, logged=count) for path, count in sorted(_logged(forest, error).items())]
    return Reach(tuple(paths), dict(linked))


def follow_links(forests: Iterable[Forest], linked: Mapping[tuple[LinkEnd, _Path], int]) -> list[ErrorPath]:
    """Find the spans that links of failed consumers lead to, and tell the paths from their roots to the failures.

    Parameters
    ----------
    forests
        All partitions, once more.
    linked
        Of all partitions, added up.
    """
    ends = {end for end, _ in linked}
    found: dict[LinkEnd, _Path] = {}
    for forest in forests:
        high, low, span = (forest.array(name) for name in ("trace_id_high", "trace_id_low", "span_id"))
        wanted = np.array(sorted({end[2] for end in ends - set(found)}), np.uint64)
        for row in np.flatnonzero(np.isin(span, wanted)).tolist():
            end = (int(high[row]), int(low[row]), int(span[row]))
            if end in ends and end not in found:
                found[end] = tuple(_name(forest, step) for step in reversed(_way_up(forest, row)))
    total: Counter[_Path] = Counter()
    for (end, path), count in linked.items():
        if end in found:
            total[shortened([*found[end], *path])] += count
    return [ErrorPath(path, asynchronous=count) for path, count in sorted(total.items())]


def _origins(forest: Forest, error: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the failed rows without a failed child that they waited for."""
    above = np.zeros(forest.size, np.bool_)
    rows = np.flatnonzero(error & forest.blocking & (forest.parent >= 0))
    above[forest.parent[rows]] = True
    return np.flatnonzero(error & ~above)


def _waited(forest: Forest) -> NDArray[np.bool_]:
    waited = np.empty(forest.size, np.bool_)
    by_depth = np.argsort(forest.depth, kind="stable").astype(np.int32)
    mark_waited(by_depth, forest.parent, forest.blocking, waited)
    return waited


def _way_up(forest: Forest, row: int) -> list[int]:
    """Return a row and its ancestors."""
    way = [row]
    while forest.parent[way[-1]] >= 0:
        way.append(int(forest.parent[way[-1]]))
    return way


def _link_above(forest: Forest, way: list[int], has_links: NDArray[np.bool_], links: Any) -> tuple[int, LinkEnd | None]:
    """Return the nearest consumer on the way up that has a link, by its place on the way, and where the link leads."""
    for place, row in enumerate(way):
        if has_links[row] and forest.kind[row] == _CONSUMER:
            entries = links[row].as_py()
            if entries:
                first = entries[0]
                return place, (
                    int(first["trace_id_high"] or 0),
                    int(first["trace_id_low"] or 0),
                    int(first["span_id"] or 0),
                )
    return 0, None


def _logged(forest: Forest, error: NDArray[np.bool_]) -> Counter[_Path]:
    """Count the grave log records of traces without a failed span, by the path to the span that each names."""
    logs = forest.logs
    told: Counter[_Path] = Counter()
    if not logs.size:
        return told
    failed = np.zeros(forest.trace_count, np.bool_)
    failed[forest.trace_of[error]] = True
    grave = np.flatnonzero(logs.grave & (logs.trace >= 0))
    grave = grave[~failed[logs.trace[grave]]]
    rows = np.where(logs.span[grave] >= 0, logs.span[grave], forest.trace_offset[logs.trace[grave]])
    for row, count in zip(*np.unique(rows, return_counts=True), strict=True):
        told[shortened([_name(forest, step) for step in reversed(_way_up(forest, int(row)))])] += int(count)
    return told


def _name(forest: Forest, row: int) -> str:
    parts = []
    for column in ("service", "operation"):
        codes = forest.codes(column)
        if codes.codes[row] >= 0:
            parts.append(codes.values[codes.codes[row]])
    return " ".join(part for part in parts if part)
