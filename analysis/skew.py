"""Clock skew between hosts: one offset for each host, estimated over all traces of a dataset.

A server works inside the time in which its client waits. A shift of the server's clock that puts a call there is any of
an interval, from the client's start minus the server's start to the client's end minus the server's end. For a pair of
hosts the intervals of all calls, in both directions, are intersected; the shift is the middle of what is left, as NTP
takes it from its four time stamps (RFC 5905, section 8: both ways last equally long). Where nothing is left, because
clocks drifted or servers went on after their clients, it is the median of the middles, if that mends at least half of
what is out of place.

Clocks are left alone unless calls say otherwise: in one direction at least half of the calls must be out of place, and
either there are three of them, or a server began before its client did, which no late end of a client that gave up
explains.

What is gathered from a partition is integers that add up (or take the larger or smaller), so neither the order of
partitions nor where they are scanned changes the result.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.forest import COLUMNS, Forest, plant

if TYPE_CHECKING:
    from analysis.dataset import Dataset

__all__ = ["Evidence", "HostPair", "Offsets", "estimate", "gather", "merge", "solve"]

_LEAST_CALLS: Final = 3
_LARGEST_RESOLUTION_NS: Final = 1_000_000_000
_MERGE_AFTER: Final = 32

_LOW, _MIDDLE, _HIGH = range(3)
_PAIRS: Final = pa.schema(
    [("client", pa.string()), ("server", pa.string())]
    + [(name, pa.int64()) for name in ("calls", "violations", "early", "low", "high")]
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
        For client host and server host: calls, violations (calls out of place), early (of these, the server began
        before its client), low and high (the intersection of the intervals of shifts; ns).
    buckets
        For client host and server host: calls by bucket of low, middle and high end of their intervals.
    """

    pairs: pa.Table
    buckets: pa.Table


@dataclass(frozen=True)
class HostPair:
    """What was found of the clocks of two hosts.

    Attributes
    ----------
    first, second
        The hosts, by name.
    calls, violations
        Calls between them, in both directions, and how many of them were out of place.
    interval_ns
        Shifts of the second host's clock that put every server inside its client; None where no shift does.
    shift_ns
        What the second host's clock lags behind that of the first, as far as it was accepted; else 0.
    how
        "interval" or "median" where a shift was accepted; "in step" where none was needed; "too few calls"; "no single
        shift" where none mends half of what is out of place; "beyond the limit" where it is larger than was allowed.
    """

    first: str
    second: str
    calls: int
    violations: int
    interval_ns: tuple[int, int] | None
    shift_ns: int
    how: str


@dataclass(frozen=True)
class Offsets:
    """What is added to the clocks of hosts.

    Attributes
    ----------
    offsets
        By host (or service, where a span has no host): ns to add; hosts that are not corrected are not in it.
    pairs
        Every pair of hosts that called one another, by name.
    """

    offsets: Mapping[str, int] = field(default_factory=dict)
    pairs: tuple[HostPair, ...] = ()

    @property
    def corrected_hosts(self) -> tuple[str, ...]:
        """Hosts whose clock is corrected, by name."""
        return tuple(sorted(self.offsets))


def estimate(dataset: Dataset) -> Offsets:
    """Estimate the offset of every host of a dataset.

    The partitions are read once, without what only facts need; not at all beyond hosts and services where those are
    one.
    """
    if not _several_clocks(dataset):
        return Offsets()
    return solve(merge(gather(plant(partition.read(COLUMNS))) for partition in dataset.partitions), dataset.max_skew_ns)


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
    early = low > 0
    columns = [
        *_hosts(pair[begins], names),
        np.diff(np.append(begins, len(pair))),
        _sums((early | (high < 0)).astype(np.int64), begins),
        _sums(early.astype(np.int64), begins),
        np.maximum.reduceat(low, begins) if len(begins) else low,
        np.minimum.reduceat(high, begins) if len(begins) else high,
    ]
    measures = {_LOW: low, _MIDDLE: (low + high) // 2, _HIGH: high}
    return Evidence(pa.table(columns, schema=_PAIRS), _bucket_table(pair, names, measures))


def merge(parts: Iterable[Evidence]) -> Evidence:
    """Merge the evidence of partitions; rows are sorted, whatever the order of the parts."""
    waiting: list[Evidence] = []
    for part in parts:
        waiting.append(part)
        if len(waiting) == _MERGE_AFTER:
            waiting = [_merged(waiting)]
    return _merged(waiting)


def solve(evidence: Evidence, max_skew_ns: int | None = None) -> Offsets:
    """Turn merged evidence into one offset a host.

    Hosts are joined pair by pair, beginning at the host with most calls, whose clock is the reference; of the pairs
    that lead to further hosts, one whose clocks could be judged comes first, then the one with most calls, then the
    first by name.

    Parameters
    ----------
    evidence
        Merged over all partitions.
    max_skew_ns
        A pair whose shift is larger is left alone; None is no limit.
    """
    directions: dict[tuple[str, str], list[_Direction]] = {}
    for direction in _directions(evidence):
        directions.setdefault(direction.hosts, []).append(direction)
    pairs = [_judge(hosts, found, max_skew_ns) for hosts, found in sorted(directions.items())]
    offsets = {host: offset for host, offset in sorted(_offsets(pairs).items()) if offset}
    return Offsets(offsets, tuple(pairs))


@dataclass(frozen=True)
class _Direction:
    """Calls from one host of a pair to the other, as shifts of the second host (by name)."""

    hosts: tuple[str, str]
    calls: int
    violations: int
    early: int
    low: int
    high: int
    #: For low, middle and high: values and how many calls have them.
    values: Mapping[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

    @property
    def out_of_step(self) -> bool:
        return 2 * self.violations >= self.calls and self.violations > 0

    @property
    def enough(self) -> bool:
        return self.calls >= _LEAST_CALLS or self.early > 0


def _judge(hosts: tuple[str, str], directions: list[_Direction], max_skew_ns: int | None) -> HostPair:
    low, high = max(one.low for one in directions), min(one.high for one in directions)
    calls, violations = sum(one.calls for one in directions), sum(one.violations for one in directions)
    shift, how = 0, "in step"
    if any(one.out_of_step for one in directions):
        if not any(one.out_of_step and one.enough for one in directions):
            how = "too few calls"
        elif low <= high:
            shift, how = (low + high) // 2, "interval"
        else:
            shift, how = _median(directions), "median"
            if 2 * _violations(directions, shift) > violations:
                shift, how = 0, "no single shift"
        if max_skew_ns is not None and abs(shift) > max_skew_ns:
            shift, how = 0, "beyond the limit"
    return HostPair(*hosts, calls, violations, (low, high) if low <= high else None, shift, how)


def _median(directions: list[_Direction]) -> int:
    """Return the lower median of the middles of all intervals."""
    values = np.concatenate([one.values[_MIDDLE][0] for one in directions])
    calls = np.concatenate([one.values[_MIDDLE][1] for one in directions])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(calls[order])
    return int(values[order][np.searchsorted(reached, (reached[-1] + 1) // 2)])


def _violations(directions: list[_Direction], shift: int) -> int:
    """Return how many calls would be out of place after a shift, to the precision of the buckets."""
    count = 0
    for one in directions:
        values, calls = one.values[_LOW]
        count += int(calls[values > shift].sum())
        values, calls = one.values[_HIGH]
        count += int(calls[values < shift].sum())
    return count


def _offsets(pairs: list[HostPair]) -> dict[str, int]:
    leading: dict[str, list[tuple[bool, int, str, str, int]]] = {}
    calls: dict[str, int] = {}
    for pair in pairs:
        judged = pair.how in {"interval", "median", "in step"}
        for host, other, shift in ((pair.first, pair.second, pair.shift_ns), (pair.second, pair.first, -pair.shift_ns)):
            leading.setdefault(host, []).append((not judged, -pair.calls, host, other, shift))
            calls[host] = calls.get(host, 0) + pair.calls
    offsets: dict[str, int] = {}
    for reference in sorted(calls, key=lambda host: (-calls[host], host)):
        if reference in offsets:
            continue
        offsets[reference] = 0
        waiting = list(leading[reference])
        heapq.heapify(waiting)
        while waiting:
            *_, host, other, shift = heapq.heappop(waiting)
            if other not in offsets:
                offsets[other] = offsets[host] + shift
                for further in leading[other]:
                    heapq.heappush(waiting, further)
    return offsets


def _directions(evidence: Evidence) -> Iterator[_Direction]:
    """Yield every direction of calls, those against the order of names turned round."""
    buckets = evidence.buckets
    key = [buckets.column(name).to_pylist() for name in ("client", "server")]
    measure, bucket, calls = (buckets.column(name).to_numpy() for name in ("measure", "bucket", "calls"))
    place: dict[tuple[str, str], list[int]] = {}
    for position, hosts in enumerate(zip(*key, strict=True)):
        place.setdefault(hosts, []).append(position)
    for row in evidence.pairs.to_pylist():
        client, server = row["client"], row["server"]
        at = np.array(place[client, server], np.int64)
        values = {
            which: (_values(bucket[at[measure[at] == which]]), calls[at[measure[at] == which]])
            for which in (_LOW, _MIDDLE, _HIGH)
        }
        low, high, hosts = row["low"], row["high"], (client, server)
        if client > server:
            values = {which: (-values[_HIGH - which][0], values[_HIGH - which][1]) for which in values}
            low, high, hosts = -high, -low, (server, client)
        yield _Direction(hosts, row["calls"], row["violations"], row["early"], low, high, values)


def _several_clocks(dataset: Dataset) -> bool:
    seen: set[str] = set()
    for partition in dataset.partitions:
        table = partition.read(("host", "service"))
        for column in ("host", "service"):
            seen.update(value for value in table.column(column).unique().to_pylist() if value is not None)
        if len(seen) > 1:
            return True
    return False


def _merged(parts: list[Evidence]) -> Evidence:
    pairs = pa.concat_tables([_PAIRS.empty_table(), *(part.pairs for part in parts)])
    pairs = pairs.group_by(["client", "server"], use_threads=False).aggregate(
        [("calls", "sum"), ("violations", "sum"), ("early", "sum"), ("low", "max"), ("high", "min")]
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


def _values(bucket: NDArray[np.int64]) -> NDArray[np.int64]:
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
