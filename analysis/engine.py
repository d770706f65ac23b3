"""Map facts over partitions on any executor, then add them up.

The engine asks for a ``concurrent.futures.Executor`` and nothing else. Tasks take batches of partitions and merge on
the worker, so that only small tables travel. The result does not depend on how partitions were batched or in which
order they came back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import pyarrow as pa

from analysis import facts as facts_room
from analysis._allocation import give_back, give_back_at_times, keep_freed_memory
from analysis._progress import Progress
from analysis.addresses import StoreError
from analysis.dataset import Dataset, Partition
from analysis.executors import Engine, EngineLost, in_order, open_executor, shares_memory, worker_count
from analysis.facts import Fact
from analysis.kept_facts import KeptFacts, kept_facts
from analysis.planting import Planting, plant_partition, planting
from analysis.request_ids import find_request_ids

__all__ = ["Progress", "open_executor", "scan_facts"]

#: Partitions that a task takes at most: what a worker that dies has done of one is done again, and what it has gathered
#: travels. In one process nothing travels, and tasks that take fewer hold less.
_LARGEST_BATCH: Final = 32
_LARGEST_BATCH_HERE: Final = 8
#: Bytes of tables that wait to be merged, at most, while what they make is small.
_MOST_WAITING: Final = 96_000_000
#: What waits of one fact is merged from so many bytes on, since every merging has a price of its own.
_WORTH_MERGING: Final = 1_000_000
#: Partitions of a batch that make merging it worth to give free memory back.
_MANY_PARTITIONS: Final = 4
#: Tasks for each worker, so that none waits long for the last; few where each has to send what it found.
_TASKS_PER_WORKER: Final = 2
_TASKS_PER_WORKER_HERE: Final = 4
#: More tasks than these for each worker: what comes back is packed, since much of it waits.
_FEW_TASKS: Final = 8


def scan_facts(
    dataset: Dataset,
    names: Sequence[str],
    *,
    ground: Planting | None = None,
    engine: Engine = "threads",
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
        What :func:`analysis.planting.planting` says of the dataset; prepared here when not given.
    engine
        See :func:`analysis.executors.open_executor`.
    progress
        Called as ``progress("facts", partitions done, partitions)``.

    Returns
    -------
    dict
        For each name the merged table, rows sorted by its keys.
    """
    catalogue = facts_room.discover()
    partitions = _with_logs(dataset)
    gathered = _Gathered({name: catalogue[name] for name in names})
    with open_executor(engine) as executor:
        prepared = planting(dataset, executor) if ground is None else ground
        if "request_id" in facts_room.log_columns_of([catalogue[name] for name in names]):
            prepared = replace(prepared, requests=find_request_ids(dataset, executor))
        kept = kept_facts(dataset, names, prepared)
        done, found = kept.take(names) if kept is not None else (frozenset[int](), {})
        gathered.add({name: [table] for name, table in found.items()})
        scanned = sorted(done)
        left = [pair for pair in partitions if pair[0].number not in done]
        batches = _batches(left, executor)
        # What is soon used here is as well left as it is.
        packed = not shares_memory(executor) or len(batches) > _FEW_TASKS * worker_count(executor)
        scan = partial(_scan_batch, ground=prepared, names=tuple(names), packed=packed)
        try:
            for batch, tables in in_order(executor, scan, batches):
                gathered.add(tables)
                scanned += [partition.number for partition, _ in batch]
                if progress is not None:
                    progress("facts", len(scanned), len(partitions))
        except EngineLost as lost:
            if kept is not None and scanned:
                _keep(kept, scanned, gathered.whole(), lost)
            raise
    if kept is not None and done:
        kept.discard()
    tables = {
        name: facts_room.with_plain_texts(catalogue[name].FIELDS, table) for name, table in gathered.whole().items()
    }
    give_back()
    return tables


def _keep(kept: KeptFacts, scanned: Sequence[int], tables: Mapping[str, pa.Table], lost: EngineLost) -> None:
    """Keep what was gathered before the workers were lost."""
    try:
        kept.keep(sorted(scanned), tables)
    except (OSError, StoreError) as error:
        message = f"{lost}; what was gathered cannot be kept beside the dataset and is gathered anew ({error})"
        raise EngineLost(message) from lost


#: Spans and log records of one number; None where a dataset has no log records.
_Pair = tuple[Partition, Partition | None]


def _with_logs(dataset: Dataset) -> list[_Pair]:
    """Return each partition of spans with that of the log records of the same traces."""
    logs = {partition.number: partition for partition in dataset.log_partitions if partition.rows}
    return [(partition, logs.get(partition.number)) for partition in dataset.partitions]


@dataclass(frozen=True)
class _Packed:
    """A table that is small enough to travel, and to wait until it is merged."""

    content: pa.Buffer
    nbytes: int

    @classmethod
    def of(cls, table: pa.Table) -> _Packed:
        written = pa.BufferOutputStream()
        with pa.ipc.new_stream(written, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return cls(written.getvalue(), table.nbytes)

    def unpacked(self) -> pa.Table:
        return pa.ipc.open_stream(self.content).read_all()


def _scan_batch(
    partitions: Sequence[_Pair], ground: Planting, names: Sequence[str], *, packed: bool
) -> Mapping[str, Sequence[pa.Table | _Packed]]:
    """Scan some partitions one after the other: what runs on a worker; what is ``packed`` is merged before."""
    keep_freed_memory()
    catalogue = facts_room.discover()
    chosen = {name: catalogue[name] for name in names}
    columns, log_columns = (of(list(chosen.values())) for of in (facts_room.columns_of, facts_room.log_columns_of))
    gathered = _Gathered(chosen)
    for partition, records in partitions:
        logs = records.read(log_columns) if records is not None and log_columns else None
        forest = plant_partition(partition, ground, columns, logs)
        gathered.add({name: [fact.scan(forest)] for name, fact in chosen.items()})
        del forest, logs
        give_back_at_times()
    result: Mapping[str, Sequence[pa.Table | _Packed]]
    if packed:
        tables = gathered.whole()
        result = {name: [_Packed.of(tables.pop(name))] for name in names}
    else:
        # Merged where all others come together: what is merged here would be merged there again.
        result = gathered.parts()
    if len(partitions) >= _MANY_PARTITIONS:
        give_back()
    return result


class _Gathered:
    """Facts of several partitions, added up on the way: never more than a few times the size of what they make."""

    def __init__(self, chosen: Mapping[str, Fact]) -> None:
        self._chosen = chosen
        self._merged: dict[str, pa.Table] = {}
        self._waiting: dict[str, list[pa.Table | _Packed]] = {name: [] for name in chosen}
        self._bytes = dict.fromkeys(chosen, 0)

    def add(self, tables: Mapping[str, Sequence[pa.Table | _Packed]]) -> None:
        """Take the facts of some partitions, merged or not."""
        for name, some in tables.items():
            self._waiting[name] += some
            self._bytes[name] += sum(table.nbytes for table in some)
        if sum(self._bytes.values()) > _MOST_WAITING:
            for name, waiting in self._bytes.items():
                merged = self._merged.get(name)
                # As much again as there is: then no row is merged more often than the whole doubles.
                if waiting > max(_WORTH_MERGING, 0 if merged is None else merged.nbytes):
                    self._merge(name)

    def _merge(self, name: str) -> None:
        before = self._merged.get(name)
        waiting = [table.unpacked() if isinstance(table, _Packed) else table for table in self._waiting[name]]
        tables = waiting if before is None else [before, *waiting]
        # A table that was gathered from one forest, or merged before, is what merging it alone would give.
        self._merged[name] = tables[0] if len(tables) == 1 else facts_room.merge(self._chosen[name].FIELDS, tables)
        self._waiting[name].clear()
        self._bytes[name] = 0

    def parts(self) -> dict[str, Sequence[pa.Table | _Packed]]:
        """Return all that was added, as it lies: merged where there was much of it."""
        return {
            name: [*([self._merged[name]] if name in self._merged else []), *self._waiting[name]]
            for name in self._chosen
        }

    def whole(self) -> dict[str, pa.Table]:
        """Return all that was added."""
        for name, waiting in self._waiting.items():
            if waiting:
                self._merge(name)
            elif name not in self._merged:
                self._merged[name] = facts_room.merge(self._chosen[name].FIELDS, [])
        return self._merged


def _batches(partitions: Sequence[_Pair], executor: Executor) -> list[Sequence[_Pair]]:
    """Cut the partitions into batches: few enough that partial results stay few, enough that workers stay busy."""
    here = shares_memory(executor)
    most, tasks = (_LARGEST_BATCH_HERE, _TASKS_PER_WORKER_HERE) if here else (_LARGEST_BATCH, _TASKS_PER_WORKER)
    size = min(most, max(1, len(partitions) // (tasks * worker_count(executor))))
    return [partitions[first : first + size] for first in range(0, len(partitions), size)]
