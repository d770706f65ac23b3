"""Partitions of a dataset as forests: what planting any of them needs to know of the whole, and the planting itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import pyarrow as pa

from analysis.dataset import Dataset, Partition
from analysis.forest import COLUMNS, Forest, plant
from analysis.request_ids import RequestIds
from analysis.skew import Offsets, estimate

__all__ = ["Planting", "iter_forests", "plant_partition", "planting"]


@dataclass(frozen=True)
class Planting:
    """What planting any partition of a dataset needs to know of the whole; small, and travels to workers.

    Attributes
    ----------
    window
        Earliest start and latest end of all spans, ns since the epoch.
    offsets
        What to add to the clocks of hosts; None unless the mode is "hosts".
    adjust_within_ns
        Largest shift of a span within its trace; None unless the mode is "jaeger".
    requests
        What the ids of requests in log records lead to; None where nobody asked, or none has one.
    """

    window: tuple[int, int] | None = None
    offsets: Offsets | None = None
    adjust_within_ns: int | None = None
    requests: RequestIds | None = None


def planting(dataset: Dataset, executor: Executor | None = None) -> Planting:
    """Prepare to plant the partitions of a dataset.

    In the mode of skew "hosts", clock offsets are estimated over all traces: the partitions are read for it once, a few
    columns of them, unless all spans are from one clock.

    Parameters
    ----------
    dataset
        What is to be planted.
    executor
        Where its partitions are read; here, one after the other, when not given.
    """
    if dataset.skew == "hosts":
        return Planting(dataset.window, offsets=estimate(dataset, executor))
    if dataset.skew == "jaeger":
        return Planting(dataset.window, adjust_within_ns=dataset.max_skew_ns)
    return Planting(dataset.window)


def plant_partition(
    partition: Partition,
    ground: Planting,
    columns: Sequence[str] | None = None,
    logs: pa.Table | None = None,
) -> Forest:
    """Read one partition and plant it.

    Parameters
    ----------
    partition
        What to read.
    ground
        :func:`planting` of its dataset.
    columns
        Columns to read beside those of the forest; all by default.
    logs
        The log records of the partition of the same number, with at least the columns of
        :data:`analysis._logs.LOG_COLUMNS`.
    """
    wanted = None if columns is None else tuple(dict.fromkeys((*COLUMNS, *columns)))
    return plant(
        partition.read(wanted),
        offsets=None if ground.offsets is None else ground.offsets.offsets,
        window=ground.window,
        adjust_within_ns=ground.adjust_within_ns,
        logs=logs,
        requests=ground.requests,
    )


def iter_forests(dataset: Dataset, columns: Sequence[str] | None = None) -> Iterator[Forest]:
    """Plant the partitions of a dataset one after the other, corrected for skew as the dataset says.

    Parameters
    ----------
    dataset
        Where to read from.
    columns
        Columns to read beside those of the forest; all by default.
    """
    ground = planting(dataset)
    for partition in dataset.partitions:
        yield plant_partition(partition, ground, columns)
