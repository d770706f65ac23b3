"""Datasets on disk or in object storage: built, extended, never half.

Exports are read into a spool, then each partition is put together with what is stored of it and written under a name
made of its content. The manifest is written last; until then the dataset is what it was.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from analysis.executors import Engine, in_order, open_executor, shares_disk, shares_memory
from analysis.ingest.assembling import Assembled, assemble
from analysis.ingest.columns import tidy
from analysis.ingest.inputs import Paths
from analysis.ingest.locking import writing
from analysis.ingest.manifest import Manifest, Stored, load_manifest, save_manifest
from analysis.ingest.one_export import MARKED
from analysis.ingest.partitioning import LOGS_PER_PARTITION, SPANS_PER_PARTITION
from analysis.ingest.reading import Ingested, Progress, read_exports, silent
from analysis.ingest.redaction import NOTE
from analysis.ingest.spool import BUCKETS, Kind, Spool, travelling
from analysis.ingest.storage import TEMPORARY, Folder, parquet_bytes, read_table
from analysis.ingest.tally import Input, Tally
from analysis.sources import RowMapping

__all__ = ["partition_count", "write_dataset", "write_partitions"]

OTHERWISE: Final = (
    "the same rows were read before with another mapping: what that made of them stays beside this; ingest into a new"
    " dataset to be rid of it"
)

_RUNS: Final = f"{TEMPORARY}runs"
_STORED: Final = -1


def write_dataset(
    paths: Paths,
    to: str,
    *,
    mapping: RowMapping | None = None,
    partitions: int | None = None,
    redact: bool = False,
    progress: Progress | None = None,
    engine: Engine = "threads",
) -> Manifest:
    """Read exports into a dataset, which is made or extended.

    Parameters
    ----------
    paths
        Files, folders, globs, addresses, or "-": one or several.
    to
        Folder of the dataset: a local path or an fsspec address.
    mapping
        What the columns of rows mean, where files hold rows of no known format.
    partitions
        How many to make; by default as many as the spans ask for. A dataset keeps the number that it began with.
    redact
        Keep no values. A dataset that keeps none goes on without them.
    progress
        Told of files, spans and partitions.
    engine
        Where exports are read and partitions written (:func:`analysis.executors.open_executor`). Workers on other
        machines must reach the exports and the dataset under the same names.

    Returns
    -------
    Manifest
        What the dataset is now.

    Raises
    ------
    UnreadableExport
        Nothing at all could be read, or the dataset is damaged. It is what it was.
    BusyDataset
        Another program is writing to it.
    EngineLost
        Workers, or the scheduler of a cluster, are gone. The dataset is what it was.
    ValueError
        Another number of partitions is asked for than the dataset has.
    """
    folder = Folder(to)
    with writing(folder):
        present = load_manifest(folder)
        _clean(folder, present)
        fixed = _fixed_count(present, partitions)
        if present is not None:
            if redact and NOTE not in present.notes:
                raise ValueError("the dataset has values already: ingest its exports into a new one to redact them")
            redact = NOTE in present.notes
        with open_executor(engine) as executor, _runs(folder, shared=not shares_disk(executor)) as runs:
            spool = Spool(runs, buckets=fixed or BUCKETS, limit=Spool.run)
            known = present.contents if present else ()
            ingested = read_exports(paths, mapping=mapping, progress=progress, skip=known, spool=spool, engine=executor)
            stored, fresh = write_partitions(
                ingested, folder, present, fixed, progress or silent, executor, redact=redact
            )
        notes = {*_notes(ingested, present), *((NOTE,) if redact else ())}
        manifest = Manifest(stored, _listed(fresh, present), tuple(sorted(notes)))
        if manifest != present:
            save_manifest(folder, manifest)
            _clean(folder, manifest)
    return manifest


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

    Returns
    -------
    tuple
        The partitions as they are stored, and the entries of what was read, counted.
    """
    count = fixed or partition_count(ingested.spool.counts)
    spool = ingested.spool if shares_memory(executor) else ingested.spool.elsewhere()
    write = partial(_write_partition, spool=spool, folder=folder.anywhere, count=count, redact=redact)
    tasks = [(number, present.partitions[number] if present else None) for number in range(count)]
    stored: list[Stored] = []
    of_input: dict[int, Tally] = {}
    progress("partitions", 0, count)
    for _, (written, tallies) in in_order(executor, write, tasks):
        stored.append(written)
        for numbered, tally in tallies.items():
            of_input.setdefault(numbered, Tally()).add(tally)
        progress("partitions", len(stored), count)
    entries = zip(ingested.inputs, ingested.numbers, strict=True)
    return tuple(stored), tuple(entry.counted(of_input.get(rows, Tally())) for entry, rows in entries)


def _listed(fresh: tuple[Input, ...], present: Manifest | None) -> tuple[Input, ...]:
    """Return the entries of a dataset, sorted by name: those it has, and those of contents new to it."""
    known = present.contents if present else frozenset()
    plain = {content.partition(MARKED)[0] for content in known}
    new = [
        replace(
            entry,
            path=entry.name,
            notes=(*entry.notes, OTHERWISE) if entry.content.partition(MARKED)[0] in plain else entry.notes,
        )
        for entry in fresh
        if entry.content not in known
    ]
    listed = {(entry.path, entry.content): entry for entry in (*new, *(present.inputs if present else ()))}
    return tuple(listed[key] for key in sorted(listed))


def _notes(ingested: Ingested, present: Manifest | None) -> tuple[str, ...]:
    return tuple(sorted({*ingested.notes, *(present.notes if present else ())}))


def _write_partition(
    task: tuple[int, Stored | None], *, spool: Spool, folder: Folder, count: int, redact: bool
) -> tuple[Stored, dict[int, Tally]]:
    """Put one partition together and write it: what runs on a worker. Done twice, it writes the same file again."""
    number, before = task
    spans, logs = spool.partition("spans", number, count), spool.partition("logs", number, count)
    if before is not None:
        if not spans.num_rows and not logs.num_rows:
            return before, {}
        stored_spans = travelling("spans", read_table(folder.address(before.spans)), _STORED)
        stored_logs = travelling("logs", read_table(folder.address(before.logs)), _STORED)
        spans = tidy([spans, stored_spans], spans.schema)
        logs = tidy([logs, stored_logs], logs.schema)
    assembled = assemble(spans, logs, redact=redact)
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


def _fixed_count(present: Manifest | None, asked: int | None) -> int | None:
    if asked is not None and asked < 1:
        raise ValueError(f"a dataset has at least one partition, not {asked}")
    if present is None:
        return asked
    count = len(present.partitions)
    if asked not in {None, count}:
        raise ValueError(f"the dataset has {count} partitions, which cannot become {asked}: ingest into a new dataset")
    return count


def _clean(folder: Folder, manifest: Manifest | None) -> None:
    """Remove what is no part of the dataset: files of writers that were killed, and of what it was before."""
    named = {name for stored in manifest.partitions for name in (stored.spans, stored.logs)} if manifest else set()
    for below in ("spans", "logs"):
        for name in folder.names(below):
            if name not in named and _is_ours(name):
                folder.remove(name)
    folder.remove_below(_RUNS)
    for name in folder.names(""):
        if name.startswith(TEMPORARY) and name.endswith("manifest.json"):
            folder.remove(name)


def _is_ours(name: str) -> bool:
    """Whether a file is one that datasets are made of: what somebody else put there stays."""
    file = name.rsplit("/", 1)[-1]
    return (file.startswith("part-") or (file.startswith(TEMPORARY) and "part-" in file)) and file.endswith(".parquet")


@contextmanager
def _runs(folder: Folder, *, shared: bool) -> Iterator[str]:
    """Give a folder for spilled rows: beside the dataset, where there is room.

    For a remote dataset a local one, unless workers on other machines have to find it.
    """
    if folder.local is None and not shared:
        with tempfile.TemporaryDirectory(prefix="archreview-") as name:
            yield name
        return
    try:
        yield folder.anywhere.address(_RUNS)
    finally:
        folder.remove_below(_RUNS)
