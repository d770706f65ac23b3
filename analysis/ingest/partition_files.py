"""Rows that were read become partitions: each is put together with what is stored of it, and written whole or not.

A partition is written under a name made of its content, so that writing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final

import pyarrow as pa

from analysis._allocation import give_back, give_back_at_times
from analysis._masking import NOTHING_HIDDEN, Hidden
from analysis.executors import in_order, shares_memory
from analysis.ingest.assembling import Assembled, assemble
from analysis.ingest.columns import tidy
from analysis.ingest.ledger import Ledger, named
from analysis.ingest.manifest import Manifest, Stored
from analysis.ingest.partitioning import LOGS_PER_PARTITION, SPANS_PER_PARTITION
from analysis.ingest.reading import Ingested, Progress
from analysis.ingest.spool import Kind, Spool, travelling
from analysis.ingest.storage import Folder, parquet_bytes, read_table
from analysis.ingest.tally import Input, Tally

__all__ = ["partition_count", "write_partitions", "written_partitions"]

_STORED: Final = -1
#: Partitions whose rows are in memory at a time, at most: they are read from the spilled files together.
_MOST_TOGETHER: Final = 8


def partition_count(counts: dict[Kind, int]) -> int:
    """Return how many partitions rows ask for: a power of two, so that buckets and partitions nest."""
    needed = max(-(-counts["spans"] // SPANS_PER_PARTITION), -(-counts["logs"] // LOGS_PER_PARTITION), 1)
    return 1 << (needed - 1).bit_length()


def write_partitions(
    ingested: Ingested,
    folder: Folder,
    present: Manifest | None,
    fixed: int | None,
    progress: Progress,
    executor: Executor,
    *,
    redact: bool = False,
    hidden: Hidden = NOTHING_HIDDEN,
) -> tuple[tuple[Stored, ...], tuple[Input, ...]]:
    """Put the rows that were read together with what is stored, write the partitions that change.

    Parameters
    ----------
    ingested
        What was read.
    folder
        Where the dataset is.
    present
        What it is so far; None where it is new.
    fixed
        How many partitions it has or shall have; None: as many as the rows ask for.
    progress
        Told of partitions.
    executor
        Where they are written.
    redact
        Keep no values.
    hidden
        What is masked in names too.

    Returns
    -------
    tuple
        The partitions as they are stored, and the entries of what was read, counted.
    """
    count = fixed or partition_count(ingested.spool.counts)
    spool = ingested.spool if shares_memory(executor) else ingested.spool.elsewhere()
    rows_of = [(number, entry.content) for number, entry in zip(ingested.numbers, ingested.inputs, strict=True)]
    of = (
        named("partitions", count, redact, list(hidden.patterns), sorted(row for row in rows_of if row[0] >= 0))
        if spool.lasting
        else ""
    )
    hide = hidden if redact else None
    write = partial(_write_together, spool=spool, folder=folder.anywhere, count=count, hide=hide, of=of)
    tasks = [
        [(number, present.partitions[number] if present else None) for number in numbers]
        for numbers in spool.together(count, _MOST_TOGETHER)
    ]
    stored: dict[int, Stored] = {}
    of_input: dict[int, Tally] = {}
    progress("partitions", 0, count)
    for task, written in in_order(executor, write, tasks):
        for (number, _), (partition, tallies) in zip(task, written, strict=True):
            stored[number] = partition
            for numbered, tally in tallies.items():
                of_input.setdefault(numbered, Tally()).add(tally)
        progress("partitions", len(stored), count)
    give_back()
    entries = zip(ingested.inputs, ingested.numbers, strict=True)
    counted = tuple(entry.counted(of_input.get(rows, Tally())).without(hidden) for entry, rows in entries)
    return tuple(stored[number] for number in range(count)), counted


#: A partition: its number, and what is stored of it so far.
_Before = tuple[int, Stored | None]
#: A partition as it is stored now, and the counts of its rows by number of input.
_Written = tuple[Stored, dict[int, Tally]]


def _write_together(
    task: Sequence[_Before], *, spool: Spool, folder: Folder, count: int, hide: Hidden | None, of: str
) -> list[_Written]:
    """Put partitions of one bucket together and write them: what runs on a worker.

    Done twice, it writes the same files again. What a run that ended early wrote ``of`` the same rows is taken.
    """
    numbers = [number for number, _ in task]
    if not of:
        return _written_together(task, numbers, spool, folder, count, hide)
    ledger, name = Ledger(spool.place), named(of, numbers, [before and before.to_json() for _, before in task])
    done = ledger.find(name)
    if done is not None:
        return [_written_of(row) for row in done["partitions"]]
    written = _written_together(task, numbers, spool, folder, count, hide)
    ledger.keep(name, {"partitions": [_record_of(*one) for one in written]})
    return written


def written_partitions(ledger: Ledger) -> list[Stored]:
    """Return the partitions that a run which ended early wrote."""
    return [Stored.from_json(row) for record in ledger.all() for row in record.get("partitions", ())]


def _record_of(stored: Stored, tallies: dict[int, Tally]) -> dict[str, Any]:
    return stored.to_json() | {"of_input": [[number, tally.to_json()] for number, tally in sorted(tallies.items())]}


def _written_of(row: Mapping[str, Any]) -> _Written:
    return Stored.from_json(row), {number: Tally.from_json(tally) for number, tally in row["of_input"]}


def _written_together(
    task: Sequence[_Before], numbers: Sequence[int], spool: Spool, folder: Folder, count: int, hide: Hidden | None
) -> list[_Written]:
    rows = zip(spool.partitions("spans", numbers, count), spool.partitions("logs", numbers, count), strict=True)
    written = []
    for number, before in task:
        written.append(_write_partition(folder, number, before, *next(rows), hide=hide))
        give_back_at_times()
    return written


def _write_partition(
    folder: Folder,
    number: int,
    before: Stored | None,
    spans: pa.Table,
    logs: pa.Table,
    *,
    hide: Hidden | None,
) -> _Written:
    if before is not None:
        if not spans.num_rows and not logs.num_rows:
            return before, {}
        stored_spans = travelling("spans", read_table(folder.address(before.spans)), _STORED)
        stored_logs = travelling("logs", read_table(folder.address(before.logs)), _STORED)
        spans = tidy([spans, stored_spans], spans.schema)
        logs = tidy([logs, stored_logs], logs.schema)
    assembled = assemble(spans, logs, redact=hide is not None, hidden=hide or NOTHING_HIDDEN)
    return _store(folder, number, assembled, before), assembled.of_input


def _store(folder: Folder, number: int, assembled: Assembled, before: Stored | None) -> Stored:
    names = []
    for kind, table in (("spans", assembled.spans), ("logs", assembled.logs)):
        content = parquet_bytes(table)
        name = f"{kind}/part-{number:05d}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
        if before is None or name not in {before.spans, before.logs}:
            folder.write(name, content)
        names.append(name)
    whole = assembled.whole
    if before is not None:
        # Spans that were dropped or joined in an earlier run are not among the rows of this one.
        whole.conflicts += before.whole.conflicts
        whole.joined += before.whole.joined
        whole.conflict = min(filter(None, (whole.conflict, before.whole.conflict)), default="")
    return Stored(names[0], names[1], whole)
