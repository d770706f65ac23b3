"""Map facts over partitions on any executor, then add them up.

The engine asks for a ``concurrent.futures.Executor`` and nothing else. Tasks take batches of partitions and merge on
the worker, so that only small tables travel. The result does not depend on how partitions were batched or in which
order they came back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import get_context
from typing import Any, Protocol, cast

import pyarrow as pa

from analysis import facts as facts_room
from analysis.dataset import Dataset, Partition
from analysis.facts import Fact
from analysis.forest import Planting, plant_partition, planting

__all__ = ["Progress", "open_executor", "scan_facts"]


class Progress(Protocol):
    """Told how far long work has come; ``total`` is None where it is not known."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Report that ``done`` of ``total`` are done."""


def open_executor(engine: str | Executor = "threads") -> AbstractContextManager[Executor]:
    """Open the executor that an engine name stands for.

    Parameters
    ----------
    engine
        ``threads`` (kernels release the interpreter lock), ``processes``, ``dask=tcp://host:port``, or an executor of
        one's own, which is used and not closed.

    Raises
    ------
    ValueError
        If the name is none of these.
    """
    if isinstance(engine, Executor):
        return nullcontext(engine)
    workers = os.cpu_count() or 1
    if engine == "threads":
        return ThreadPoolExecutor(workers, thread_name_prefix="facts")
    if engine == "processes":
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    if engine.startswith("dask="):
        return _dask_executor(engine.removeprefix("dask="))
    message = f"unknown engine {engine!r}: use threads, processes or dask=tcp://host:port"
    raise ValueError(message)


def scan_facts(
    dataset: Dataset,
    names: Sequence[str],
    *,
    ground: Planting | None = None,
    engine: str | Executor = "threads",
    progress: Progress | None = None,
) -> dict[str, pa.Table]:
    """Gather facts over all partitions of a dataset.

    Parameters
    ----------
    dataset
        What to scan.
    names
        Facts by name (:func:`analysis.facts.discover`).
    ground
        What :func:`analysis.forest.planting` says of the dataset; prepared here when not given.
    engine
        See :func:`open_executor`.
    progress
        Called as ``progress("facts", partitions done, partitions)``.

    Returns
    -------
    dict
        For each name the merged table, rows sorted by its keys.
    """
    prepared = planting(dataset) if ground is None else ground
    catalogue = facts_room.discover()
    partitions = _with_logs(dataset)
    found: dict[str, list[pa.Table]] = {name: [] for name in names}
    with open_executor(engine) as executor:
        batches = _batches(partitions)
        futures = {executor.submit(_scan_batch, batch, prepared, tuple(names)): len(batch) for batch in batches}
        done = 0
        for future in as_completed(futures):
            for name, table in future.result().items():
                found[name].append(table)
            done += futures[future]
            if progress is not None:
                progress("facts", done, len(partitions))
    return {name: facts_room.merge(catalogue[name].FIELDS, tables) for name, tables in found.items()}


#: Spans and log records of one number; None where a dataset has no log records.
_Pair = tuple[Partition, Partition | None]


def _with_logs(dataset: Dataset) -> list[_Pair]:
    """Return each partition of spans with that of the log records of the same traces."""
    logs = {partition.number: partition for partition in dataset.log_partitions if partition.rows}
    return [(partition, logs.get(partition.number)) for partition in dataset.partitions]


def _scan_batch(partitions: Sequence[_Pair], ground: Planting, names: Sequence[str]) -> Mapping[str, pa.Table]:
    """Scan some partitions one after the other and merge them: what runs on a worker."""
    catalogue = facts_room.discover()
    chosen: list[Fact] = [catalogue[name] for name in names]
    columns, log_columns = facts_room.columns_of(chosen), facts_room.log_columns_of(chosen)
    gathered: dict[str, list[pa.Table]] = {name: [] for name in names}
    for partition, records in partitions:
        logs = records.read(log_columns) if records is not None and log_columns else None
        forest = plant_partition(partition, ground, columns, logs)
        for name in names:
            gathered[name].append(catalogue[name].scan(forest))
    return {name: facts_room.merge(catalogue[name].FIELDS, tables) for name, tables in gathered.items()}


def _batches(partitions: Sequence[_Pair]) -> list[Sequence[_Pair]]:
    """Cut the partitions into batches: few enough that partial results stay few, enough that workers stay busy."""
    size = max(1, len(partitions) // (4 * (os.cpu_count() or 1)))
    return [partitions[first : first + size] for first in range(0, len(partitions), size)]


@contextmanager
def _dask_executor(address: str) -> Iterator[Executor]:
    """Work on a cluster, and leave it as it was: the client is closed, the workers are not."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra: only who asks for a cluster needs it
    except ImportError as error:
        message = "the engine dask needs the extra 'cluster': pip install 'archreview[cluster]'"
        raise RuntimeError(message) from error
    # Its methods have no types.
    client: Any = cast("Any", Client)(address)
    try:
        yield cast("Executor", client.get_executor())
    finally:
        client.close()
