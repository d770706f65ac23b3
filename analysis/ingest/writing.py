"""Datasets on disk or in object storage: built, extended, never half.

Exports are read into a spool, then each partition is put together with what is stored of it and written under a name
made of its content. The manifest is written last; until then the dataset is what it was.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from analysis._masking import NOTHING_HIDDEN, Hidden
from analysis.executors import Engine, EngineLost, open_executor, shares_disk
from analysis.ingest.inputs import Paths
from analysis.ingest.ledger import Ledger
from analysis.ingest.locking import writing
from analysis.ingest.manifest import Manifest, load_manifest, save_manifest
from analysis.ingest.one_export import MARKED
from analysis.ingest.partition_files import write_partitions, written_partitions
from analysis.ingest.reading import Ingested, Progress, read_exports, silent
from analysis.ingest.redaction import NOTE
from analysis.ingest.spool import BUCKETS, Spool
from analysis.ingest.storage import KEPT_FACTS, TEMPORARY, Folder
from analysis.ingest.tally import Input
from analysis.sources import RowMapping

__all__ = ["write_dataset"]

OTHERWISE: Final = (
    "the same rows were read before with another mapping: what that made of them stays beside this; ingest into a new"
    " dataset to be rid of it"
)

_RUNS: Final = f"{TEMPORARY}runs"


def write_dataset(
    paths: Paths,
    to: str,
    *,
    mapping: RowMapping | None = None,
    partitions: int | None = None,
    redact: bool = False,
    hidden: Hidden = NOTHING_HIDDEN,
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
        Keep no values. A dataset that keeps none goes on without them. Rows that leave memory meanwhile are encrypted
        with a key that ends with this program, so one that ended early begins anew.
    hidden
        What is masked in names too, where no values are kept; it must be given again whenever the dataset is extended.
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
        if present is not None:
            if redact and NOTE not in present.notes:
                raise ValueError("the dataset has values already: ingest its exports into a new one to redact them")
            redact = NOTE in present.notes
        # Without values nothing is left for a later run, nor anything of an earlier one that may have some.
        _clean(folder, present, None if redact else Ledger(Folder(folder.address(_RUNS))))
        fixed = _fixed_count(present, partitions)
        hidden = hidden if redact else NOTHING_HIDDEN
        with open_executor(engine) as executor, _runs(folder, shared=not shares_disk(executor)) as runs:
            # Buckets and partitions nest.
            buckets = fixed if fixed and fixed % BUCKETS else BUCKETS
            key = secrets.token_bytes(16) if redact else b""
            spool = Spool(runs, buckets=buckets, limit=Spool.run, lasting=not redact, key=key)
            known = present.contents if present else ()
            ingested = read_exports(paths, mapping=mapping, progress=progress, skip=known, spool=spool, engine=executor)
            stored, fresh = write_partitions(
                ingested, folder, present, fixed, progress or silent, executor, redact=redact, hidden=hidden
            )
        notes = {*_notes(ingested, present), *((NOTE,) if redact else ())}
        manifest = Manifest(stored, _listed(fresh, present), tuple(sorted(notes)))
        if manifest != present:
            save_manifest(folder, manifest)
        _clean(folder, manifest)
    return manifest


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


def _fixed_count(present: Manifest | None, asked: int | None) -> int | None:
    if asked is not None and asked < 1:
        raise ValueError(f"a dataset has at least one partition, not {asked}")
    if present is None:
        return asked
    count = len(present.partitions)
    if asked not in {None, count}:
        raise ValueError(f"the dataset has {count} partitions, which cannot become {asked}: ingest into a new dataset")
    return count


def _clean(folder: Folder, manifest: Manifest | None, ledger: Ledger | None = None) -> None:
    """Remove what is no part of the dataset: files of writers that were killed, and of what it was before.

    What the ledger of a run that ended early names is left for the next.
    """
    partitions = [*(manifest.partitions if manifest else ()), *(written_partitions(ledger) if ledger else ())]
    named = {name for stored in partitions for name in (stored.spans, stored.logs)}
    for below in ("spans", "logs"):
        for name in folder.names(below):
            if name not in named and _is_ours(name):
                folder.remove(name)
    if ledger is None:
        folder.remove_below(_RUNS)
        folder.remove_below(KEPT_FACTS)
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

    For a remote dataset a local one, unless workers on other machines have to find it. Where the run ends because
    workers are gone, or somebody stops it, what is in it is left for the next.
    """
    if folder.local is None and not shared:
        with tempfile.TemporaryDirectory(prefix="archreview-") as name:
            yield name
        return
    try:
        yield folder.anywhere.address(_RUNS)
    except (EngineLost, KeyboardInterrupt):
        raise
    except BaseException:
        folder.remove_below(_RUNS)
        raise
