"""What calls between hosts say of their clocks: gathered from partitions, and merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.forest import Forest

__all__ = ["HIGH", "LOW", "MIDDLE", "Evidence", "bucket_values", "gather", "merge"]

#: Of the interval of shifts that a call allows, what a histogram is of.
LOW, MIDDLE, HIGH = range(3)

_LARGEST_RESOLUTION_NS: Final = 1_000_000_000
_MERGE_AFTER: Final = 32
_TELLING_RATIO: Final = 32
_PAIRS: Final = pa.schema(
    [("client", pa.string()), ("server", pa.string())]
    + [(name, pa.int64()) for name in ("calls", "violations", "telling", "low", "high", "slack")]
)
_BUCKETS: Final = pa.schema(
    [
        ("client", pa.string()),
        ("server", pa.string()),
        ("measure", pa.int8()),
        ("bucket", pa.int64()),
        ("calls", pa.int64()),
    ]
)

# Buckets of 4.1 µs up to 4.3 s, beyond that of a millionth of the value: a skew of an hour is known to 3.6 ms.
_LINEAR_BITS: Final = 12
_PRECISION_BITS: Final = 20
_FIRST_OCTAVE: Final = _LINEAR_BITS + _PRECISION_BITS
_OCTAVES: Final = 1 << np.arange(_FIRST_OCTAVE, 63, dtype=np.int64)


@dataclass(frozen=True)
class Evidence:
    """What calls between hosts say of their clocks; that of several partitions is merged by :func:`merge`.

    Attributes
    ----------
    pairs
        For client host and server host: calls, violations (calls out of place), telling (of these, no client that gave
        up explains them: the server began first, or it lasted as long as its client, to a 32nd of what it is late),
        low and high (the intersection of the intervals of shifts; ns), slack (the length of the shortest of them; ns).
    buckets
        For client host and server host: calls by bucket of low, middle and high end of their intervals.
    """

    pairs: pa.Table
    buckets: pa.Table


def gather(forest: Forest) -> Evidence:
    """Gather from one partition, planted without offsets, what its calls between hosts say of clocks."""
    row = np.flatnonzero(forest.parent >= 0)
    above = forest.parent[row]
    clock, known = forest.clock.codes, forest.has_time
    comparable = (clock[row] != clock[above]) & (clock[row] >= 0) & (clock[above] >= 0) & known[row] & known[above]
    # A server that worked longer than its client waited fits at no shift: the client gave up, or never waited.
    comparable &= forest.blocking[row] & (forest.duration[row] <= forest.duration[above])
    row, above = row[comparable], above[comparable]
    step = np.clip(forest.array("time_resolution_ns", 1), 1, _LARGEST_RESOLUTION_NS)
    # Start and duration are both rounded, so an end is off by up to two steps.
    slack = np.where(step > 1, 2 * step, 0)
    allowed = np.maximum(slack[row], slack[above])
    low = forest.start[above] - forest.start[row] - allowed
    high = forest.end[above] - forest.end[row] + allowed
    names = pa.array(forest.clock.values, pa.string())
    pair = clock[above].astype(np.int64) * len(names) + clock[row]
    order = np.argsort(pair, kind="stable")
    pair, low, high = pair[order], low[order], high[order]
    begins = _begins(pair)
    misplaced = (low > 0) | (high < 0)
    telling = (low > 0) | ((high < 0) & (-high // _TELLING_RATIO >= high - low))
    columns = [
        *_hosts(pair[begins], names),
        np.diff(np.append(begins, len(pair))),
        _sums(misplaced.astype(np.int64), begins),
        _sums(telling.astype(np.int64), begins),
        np.maximum.reduceat(low, begins) if len(begins) else low,
        np.minimum.reduceat(high, begins) if len(begins) else high,
        np.minimum.reduceat(high - low, begins) if len(begins) else high,
    ]
    measures = {LOW: low, MIDDLE: (low + high) // 2, HIGH: high}
    return Evidence(pa.table(columns, schema=_PAIRS), _bucket_table(pair, names, measures))


def merge(parts: Iterable[Evidence]) -> Evidence:
    """Merge the evidence of partitions; rows are sorted, whatever the order of the parts."""
    waiting: list[Evidence] = []
    for part in parts:
        waiting.append(part)
        if len(waiting) == _MERGE_AFTER:
            waiting = [_merged(waiting)]
    return _merged(waiting)


def _merged(parts: list[Evidence]) -> Evidence:
    pairs = pa.concat_tables([_PAIRS.empty_table(), *(part.pairs for part in parts)])
    pairs = pairs.group_by(["client", "server"], use_threads=False).aggregate(
        [("calls", "sum"), ("violations", "sum"), ("telling", "sum"), ("low", "max"), ("high", "min"), ("slack", "min")]
    )
    buckets = pa.concat_tables([_BUCKETS.empty_table(), *(part.buckets for part in parts)])
    keys = ["client", "server", "measure", "bucket"]
    buckets = buckets.group_by(keys, use_threads=False).aggregate([("calls", "sum")])
    return Evidence(
        pairs.rename_columns(_PAIRS.names).sort_by([(name, "ascending") for name in ("client", "server")]),
        buckets.rename_columns(_BUCKETS.names).sort_by([(name, "ascending") for name in keys]),
    )


def _bucket_table(pair: NDArray[np.int64], names: pa.Array, measures: Mapping[int, NDArray[np.int64]]) -> pa.Table:
    tables = []
    for measure, value in measures.items():
        bucket = _buckets(value)
        order = np.lexsort((bucket, pair))
        ordered_pair, ordered_bucket = pair[order], bucket[order]
        begins = _begins(ordered_pair, ordered_bucket)
        calls = np.diff(np.append(begins, len(pair)))
        which = np.full(len(begins), measure, np.int8)
        columns = [*_hosts(ordered_pair[begins], names), which, ordered_bucket[begins], calls]
        tables.append(pa.table(columns, schema=_BUCKETS))
    return pa.concat_tables(tables)


def _buckets(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of every value; buckets are in the order of values, those of negative ones below 0."""
    size = np.abs(value)
    octave = np.searchsorted(_OCTAVES, size, side="right").astype(np.int64)
    within = size >> (_LINEAR_BITS + np.maximum(octave - 1, 0))
    # From the first octave on, `within` has its leading bit set, so that every octave begins where the last ended.
    bucket: NDArray[np.int64] = within + (np.maximum(octave - 1, 0) << _PRECISION_BITS)
    return np.where(value < 0, -1 - bucket, bucket)


def bucket_values(bucket: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the middle of every bucket."""
    size = np.where(bucket < 0, -1 - bucket, bucket)
    octave = np.maximum((size >> _PRECISION_BITS) - 1, 0)
    within = size - (octave << _PRECISION_BITS)
    width = _LINEAR_BITS + octave
    middle: NDArray[np.int64] = (within << width) + (np.int64(1) << (width - 1))
    return np.where(bucket < 0, -middle, middle)


def _begins(*keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where runs of equal keys begin."""
    size = len(keys[0])
    changes = np.zeros(size, np.bool_)
    changes[:1] = True
    for key in keys:
        changes[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changes)


def _sums(values: NDArray[np.int64], begins: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.add.reduceat(values, begins) if len(begins) else values


def _hosts(pair: NDArray[np.int64], names: pa.Array) -> list[pa.Array]:
    """Return names of client and server of pairs."""
    count = max(len(names), 1)
    return [names.take(pa.array(pair // count)), names.take(pa.array(pair % count))]
