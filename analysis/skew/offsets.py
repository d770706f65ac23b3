"""From evidence to offsets: which pairs of hosts are out of step, and what is added to whose clock."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.skew.evidence import HIGH, LOW, MIDDLE, Evidence, bucket_values

__all__ = ["HostPair", "Offsets", "solve"]

_LEAST_CALLS: Final = 3
#: Clocks are not compared more closely than to 0.26 ms, about what a network's two directions differ by.
_ALIKE_BITS: Final = 17

#: Rank of a pair, then host, other host, shift.
_Lead = tuple[int, bool, int, str, str, int]


@dataclass(frozen=True)
class HostPair:
    """What was found of the clocks of two hosts.

    Attributes
    ----------
    first, second
        The hosts, by name.
    calls, violations
        Calls between them, in both directions, and how many of them were out of place.
    low_ns, high_ns
        Shifts of the second host's clock from low to high put every server inside its client; where low is above high,
        no shift does.
    slack_ns
        How much longer the client waited than the server worked, in the call where that was least: the closest that
        any of them shows the clocks.
    shift_ns
        What the second host's clock lags behind that of the first, as far as it was accepted; else 0.
    how
        "interval" or "median" where a shift was accepted; "in step" where none was needed; "too few calls"; "no single
        shift" where none mends most of what is out of place; "beyond the limit" where it is larger than was allowed.
    """

    first: str
    second: str
    calls: int
    violations: int
    low_ns: int
    high_ns: int
    slack_ns: int
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


def solve(evidence: Evidence, max_skew_ns: int | None = None) -> Offsets:
    """Turn merged evidence into one offset a host.

    Hosts are joined pair by pair: those first whose clocks are shown most closely (by factors of four, all below
    0.26 ms alike), then those in step, then those with most calls. Pairs whose clocks could not be judged join nothing.
    Among hosts that are joined, the clock of most of them is the reference.

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
    telling: int
    low: int
    high: int
    slack: int
    #: For low, middle and high: values and how many calls have them.
    values: Mapping[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

    @property
    def out_of_step(self) -> bool:
        return 2 * self.violations >= self.calls and self.violations > 0

    @property
    def enough(self) -> bool:
        return self.calls >= _LEAST_CALLS or self.telling > 0


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
            if 2 * _violations(directions, shift) >= violations:
                shift, how = 0, "no single shift"
        if max_skew_ns is not None and abs(shift) > max_skew_ns:
            shift, how = 0, "beyond the limit"
    return HostPair(*hosts, calls, violations, low, high, min(one.slack for one in directions), shift, how)


def _median(directions: list[_Direction]) -> int:
    """Return the lower median of the middles of all intervals."""
    values = np.concatenate([one.values[MIDDLE][0] for one in directions])
    calls = np.concatenate([one.values[MIDDLE][1] for one in directions])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(calls[order])
    return int(values[order][np.searchsorted(reached, (reached[-1] + 1) // 2)])


def _violations(directions: list[_Direction], shift: int) -> int:
    """Return how many calls would be out of place after a shift, to the precision of the buckets."""
    count = 0
    for one in directions:
        values, calls = one.values[LOW]
        count += int(calls[values > shift].sum())
        values, calls = one.values[HIGH]
        count += int(calls[values < shift].sum())
    return count


def _offsets(pairs: list[HostPair]) -> dict[str, int]:
    leading: dict[str, list[_Lead]] = {}
    calls: dict[str, int] = {}
    for pair in pairs:
        if pair.how not in {"interval", "median", "in step"}:
            continue
        closeness = (pair.slack_ns >> _ALIKE_BITS).bit_length() // 2
        rank = (closeness, pair.shift_ns != 0, -pair.calls)
        for host, other, shift in ((pair.first, pair.second, pair.shift_ns), (pair.second, pair.first, -pair.shift_ns)):
            leading.setdefault(host, []).append((*rank, host, other, shift))
            calls[host] = calls.get(host, 0) + pair.calls
    offsets: dict[str, int] = {}
    for begin in sorted(calls, key=lambda host: (-calls[host], host)):
        if begin not in offsets:
            joined = _joined(begin, leading)
            zero = _commonest(joined, calls)
            offsets.update({host: offset - zero for host, offset in joined.items()})
    return offsets


def _joined(begin: str, leading: Mapping[str, list[_Lead]]) -> dict[str, int]:
    """Return offsets against one host of all that pairs join it to."""
    offsets = {begin: 0}
    waiting = list(leading[begin])
    heapq.heapify(waiting)
    while waiting:
        *_, host, other, shift = heapq.heappop(waiting)
        if other not in offsets:
            offsets[other] = offsets[host] + shift
            for lead in leading[other]:
                heapq.heappush(waiting, lead)
    return offsets


def _commonest(offsets: Mapping[str, int], calls: Mapping[str, int]) -> int:
    """Return the offset of most hosts; of equals that with most calls, then the least."""
    hosts_and_calls: dict[int, tuple[int, int]] = {}
    for host, offset in offsets.items():
        hosts, so_far = hosts_and_calls.get(offset, (0, 0))
        hosts_and_calls[offset] = (hosts + 1, so_far + calls[host])
    return max(hosts_and_calls, key=lambda offset: (*hosts_and_calls[offset], -abs(offset), offset))


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
            which: (bucket_values(bucket[at[measure[at] == which]]), calls[at[measure[at] == which]])
            for which in (LOW, MIDDLE, HIGH)
        }
        low, high, hosts = row["low"], row["high"], (client, server)
        if client > server:
            values = {which: (-values[HIGH - which][0], values[HIGH - which][1]) for which in values}
            low, high, hosts = -high, -low, (server, client)
        yield _Direction(hosts, row["calls"], row["violations"], row["telling"], low, high, row["slack"], values)
