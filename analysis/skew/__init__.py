"""Clock skew between hosts: one offset for each host, estimated over all traces of a dataset.

A server works inside the time in which its client waits. A shift of the server's clock that puts a call there is any of
an interval, from the client's start minus the server's start to the client's end minus the server's end. For a pair of
hosts the intervals of all calls, in both directions, are intersected; the shift is the middle of what is left, as NTP
takes it from its four time stamps (RFC 5905, section 8: both ways last equally long). Where nothing is left, because
clocks drifted or servers went on after their clients, it is the median of the middles, if that mends more than half of
what is out of place.

Clocks are left alone unless calls say otherwise: in one direction at least half of the calls must be out of place, and
either there are three of them, or one is telling: the server began before its client did, or is late by far more than
the two differ in duration, which no client that gave up explains.

What is gathered from a partition is integers that add up (or take the larger or smaller), so neither the order of
partitions nor where they are scanned changes the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.executors import in_order
from analysis.forest import COLUMNS, plant
from analysis.skew.evidence import Evidence, gather, merge
from analysis.skew.offsets import HostPair, Offsets, solve

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from analysis.dataset import Dataset, Partition

__all__ = ["Evidence", "HostPair", "Offsets", "estimate", "gather", "merge", "solve"]


def estimate(dataset: Dataset, executor: Executor | None = None) -> Offsets:
    """Estimate the offset of every host of a dataset.

    The partitions are read once, without what only facts need; no more than hosts and services where those are one. The
    dataset's ``max_skew_ns`` limits Jaeger's adjustment and nothing here: a clock may be wrong by hours.
    """
    if not _several_clocks(dataset):
        return Offsets()
    if executor is None:
        return solve(merge(_gathered(partition) for partition in dataset.partitions))
    return solve(merge(evidence for _, evidence in in_order(executor, _gathered, dataset.partitions)))


def _gathered(partition: Partition) -> Evidence:
    return gather(plant(partition.read(COLUMNS)))


def _several_clocks(dataset: Dataset) -> bool:
    seen: set[str] = set()
    for partition in dataset.partitions:
        table = partition.read(("host", "service"))
        for column in ("host", "service"):
            seen.update(value for value in table.column(column).unique().to_pylist() if value is not None)
        if len(seen) > 1:
            return True
    return False
