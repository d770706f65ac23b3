"""Datasets are opened: from exports, which stay in memory while they are small, or from what was ingested."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Final

import pandas as pd

from analysis._masking import Hidden
from analysis._progress import told_in_notebooks
from analysis.dataset.model import Dataset, Partition, Skew
from analysis.executors import Engine, open_executor
from analysis.ingest.assembling import assemble
from analysis.ingest.frames import read_frames
from analysis.ingest.inputs import STANDARD_INPUT, Paths, as_list
from analysis.ingest.manifest import Manifest, load_manifest
from analysis.ingest.partition_files import write_partitions
from analysis.ingest.partitioning import LOGS_PER_PARTITION, SPANS_PER_PARTITION
from analysis.ingest.reading import Ingested, Progress, read_exports, silent, temporary_folder
from analysis.ingest.storage import Folder
from analysis.ingest.tally import Tally, together
from analysis.ingest.writing import write_dataset
from analysis.sources import RowMapping, UnreadableExport, is_frame, load_mapping

__all__ = ["ingest", "open_dataset", "open_export", "open_rows", "open_source"]

#: What `max_skew` takes: anything that pandas.Timedelta takes.
Span = str | int | float | pd.Timedelta

#: What columns of rows mean: a path to the mapping, its content, or a mapping that was loaded.
Columns = str | os.PathLike[str] | Mapping[str, Any] | RowMapping

#: The most that a clock is shifted by when nobody says otherwise, ns. Jaeger's own limit while it adjusted by default
#: (query.max-clock-skew-adjustment) was a second; an offset of whole hosts is well founded, and may be a time zone.
_MAX_SKEW_NS: Final = {"hosts": 86_400_000_000_000, "jaeger": 1_000_000_000, "off": 0}


def open_export(
    paths: Paths,
    *,
    mapping: Columns | None = None,
    skew: Skew = "hosts",
    max_skew: Span | None = None,
    progress: Progress | None = None,
    engine: Engine = "threads",
) -> Dataset:
    """Read exports of any format, to be analysed at once.

    Rows stay in memory up to about two million; beyond that they go through a temporary dataset on disk, which is
    removed when the program ends.

    Parameters
    ----------
    paths
        A path, a folder, a glob, an fsspec address, "-" for standard input, or a list of these.
    mapping
        What the columns of rows mean, where files hold rows of no known format: a path to ``columns.yml``, or its
        content as a dictionary.
    skew
        How clocks are corrected: "hosts" (one offset for each pair of hosts), "jaeger" (span by span within a trace),
        "off".
    max_skew
        The most that a clock is shifted: what `pandas.Timedelta` takes, numbers are ns. By default a day for "hosts",
        1 s for "jaeger".
    progress
        Called with a stage, how much is done, and of how much, where that is known.
    engine
        Where exports are read: ``threads``, ``processes``, ``dask=tcp://host:port``, an executor, or a
        ``distributed.Client`` whose workers reach the exports under the same names.

    Raises
    ------
    UnreadableExport
        Nothing at all could be read; the message says why and what to do.
    MappingError
        The mapping cannot be used.
    ValueError
        `skew` or `max_skew` is not what they can be.
    """
    limit_ns = _limit(skew, max_skew)
    with open_executor(engine) as executor, told_in_notebooks(progress) as told:
        ingested = read_exports(paths, mapping=_loaded(mapping), progress=told, engine=executor)
        return _opened(ingested, skew, limit_ns, told or silent, executor)


def open_rows(
    rows: Any,
    mapping: Columns,
    *,
    skew: Skew = "hosts",
    max_skew: Span | None = None,
    progress: Progress | None = None,
    engine: Engine = "threads",
) -> Dataset:
    """Read rows of any kind: tables in memory, CSV, JSON lines or Parquet, whose columns a mapping names.

    Each is read by the section of the mapping, ``spans`` or ``logs``, whose fields it has.

    Parameters
    ----------
    rows
        A table (pandas, Arrow, Polars and whatever else gives itself to Arrow), a list of tables, a dictionary of
        tables by name, or what `open_export` takes.
    mapping
        A path to ``columns.yml``, or its content as a dictionary.
    skew, max_skew, progress, engine
        As for `open_export`.

    Raises
    ------
    UnreadableExport
        A table lacks a column that the mapping names, or nothing at all could be read.
    MappingError
        The mapping cannot be used; the message names the line and the nearest known name.
    ValueError
        `skew` or `max_skew` is not what they can be.
    """
    frames = _frames(rows)
    if not frames:
        return open_export(rows, mapping=mapping, skew=skew, max_skew=max_skew, progress=progress, engine=engine)
    limit_ns = _limit(skew, max_skew)
    ingested = read_frames(frames, load_mapping(mapping), progress=progress)
    with open_executor(engine) as executor:
        return _opened(ingested, skew, limit_ns, progress or silent, executor)


def _frames(rows: Any) -> dict[str, Any]:
    """Return tables by name; none where paths were given."""
    if is_frame(rows):
        return {"table": rows}
    if isinstance(rows, Mapping):
        return {str(name): frame for name, frame in rows.items()}
    if isinstance(rows, list | tuple) and any(map(is_frame, rows)):
        return {f"table {place:03d}": frame for place, frame in enumerate(rows, start=1)}
    return {}


def _loaded(mapping: Columns | None) -> RowMapping | None:
    return None if mapping is None else load_mapping(mapping)


def _opened(ingested: Ingested, skew: Skew, limit_ns: int, progress: Progress, executor: Executor) -> Dataset:
    if ingested.spool.spilled:
        folder = Folder(str(temporary_folder()))
        stored, inputs = write_partitions(ingested, folder, None, None, progress, executor)
        ingested.spool.discard()
        return _stored(folder, Manifest(stored, inputs, ingested.notes), skew, limit_ns)
    return _in_memory(ingested, skew, limit_ns, progress)


def open_dataset(url: str | os.PathLike[str], *, skew: Skew = "hosts", max_skew: Span | None = None) -> Dataset:
    """Open a dataset that was ingested.

    Parameters
    ----------
    url
        Its folder: a local path or an fsspec address.
    skew, max_skew
        As for `open_export`.

    Raises
    ------
    UnreadableExport
        There is none, or it is damaged.
    ValueError
        `skew` or `max_skew` is not what they can be.
    """
    limit_ns = _limit(skew, max_skew)
    folder = Folder(os.fspath(url))
    manifest = load_manifest(folder)
    if manifest is None:
        raise UnreadableExport(
            folder.location, "there is no dataset", "`archreview ingest EXPORT --to DATASET` makes one from exports"
        )
    return _stored(folder, manifest, skew, limit_ns)


def open_source(
    paths: Paths,
    *,
    mapping: Columns | None = None,
    skew: Skew = "hosts",
    max_skew: Span | None = None,
    progress: Progress | None = None,
    engine: Engine = "threads",
) -> Dataset:
    """Open exports or a dataset, whichever is given.

    Parameters
    ----------
    paths
        As for `open_export`, or the folder of one dataset.
    mapping, skew, max_skew, progress, engine
        As for `open_export`; a dataset needs no mapping any more.

    Raises
    ------
    UnreadableExport
        Nothing could be read.
    MappingError
        The mapping cannot be used.
    ValueError
        A dataset is given together with something else, or `skew` or `max_skew` is not what they can be.
    """
    names = as_list(paths)
    datasets = [name for name in names if name != STANDARD_INPUT and load_manifest(Folder(name)) is not None]
    if not datasets:
        return open_export(names, mapping=mapping, skew=skew, max_skew=max_skew, progress=progress, engine=engine)
    if len(names) > 1:
        raise ValueError(f"{datasets[0]} is a dataset: give it alone, or ingest the other exports into it")
    return open_dataset(datasets[0], skew=skew, max_skew=max_skew)


def ingest(
    paths: Paths,
    to: str | os.PathLike[str],
    *,
    mapping: Columns | None = None,
    partitions: int | None = None,
    redact: bool = False,
    hidden: Iterable[str] = (),
    skew: Skew = "hosts",
    progress: Progress | None = None,
    engine: Engine = "threads",
) -> Dataset:
    """Read exports into a dataset, which is made or extended, and open it.

    The same content twice, under whatever name, adds nothing. Killed at any moment, the dataset is what it was before.

    Parameters
    ----------
    paths
        As for `open_export`.
    to
        Folder of the dataset: a local path or an fsspec address.
    partitions
        How many partitions to make; by default as many as the spans ask for. A dataset keeps the number it began with.
    redact
        Keep no values: statements, addresses and messages become their templates, ids hashes of them. What depends on
        values (whether two queries ask for the same) is then not known.
    hidden
        Regular expressions of what is masked in names too, where ``redact`` is asked for; to be given whenever the
        dataset is extended.
    mapping, skew, progress, engine
        As for `open_export`.

    Raises
    ------
    UnreadableExport
        Nothing at all could be read, or the dataset is damaged.
    BusyDataset
        Another program is writing to it.
    ValueError
        Another number of partitions is asked for than the dataset has, or it has values already that ``redact`` does
        not want.
    """
    limit_ns = _limit(skew, None)
    folder = Folder(os.fspath(to))
    with told_in_notebooks(progress) as told:
        manifest = write_dataset(
            paths,
            folder.location,
            mapping=_loaded(mapping),
            partitions=partitions,
            redact=redact,
            hidden=Hidden(tuple(hidden)),
            progress=told,
            engine=engine,
        )
    return _stored(folder, manifest, skew, limit_ns)


def _limit(skew: str, max_skew: Span | None) -> int:
    if skew not in _MAX_SKEW_NS:
        raise ValueError(f"skew is one of {', '.join(_MAX_SKEW_NS)}, not {skew!r}")
    try:
        limit_ns = _MAX_SKEW_NS[skew] if max_skew is None else int(pd.Timedelta(max_skew).value)
    except ValueError as error:
        raise ValueError(f"max_skew is a length of time such as '1ms', not {max_skew!r}") from error
    if limit_ns < 0:
        raise ValueError(f"max_skew is a length of time, not {max_skew!r}")
    return limit_ns


def _in_memory(ingested: Ingested, skew: Skew, limit_ns: int, progress: Progress) -> Dataset:
    counts = ingested.spool.counts
    count = max(-(-counts["spans"] // SPANS_PER_PARTITION), -(-counts["logs"] // LOGS_PER_PARTITION), 1)
    spans, logs = [], []
    whole, of_input = Tally(), dict[int, Tally]()
    for number in range(count):
        progress("partitions", number, count)
        done = assemble(*(ingested.spool.partition(kind, number, count) for kind in ("spans", "logs")))
        spans.append(Partition(number, done.spans.num_rows, done.spans))
        logs.append(Partition(number, done.logs.num_rows, done.logs))
        whole.add(done.whole)
        for numbered, tally in done.of_input.items():
            of_input.setdefault(numbered, Tally()).add(tally)
    progress("partitions", count, count)
    inputs = tuple(
        entry.counted(of_input.get(rows, Tally()))
        for entry, rows in zip(ingested.inputs, ingested.numbers, strict=True)
    )
    totals = together(inputs, whole, ingested.notes)
    return Dataset(tuple(spans), tuple(logs), inputs, totals, whole.window, skew, limit_ns)


def _stored(folder: Folder, manifest: Manifest, skew: Skew, limit_ns: int) -> Dataset:
    spans, logs = [], []
    folder = folder.anywhere
    for number, stored in enumerate(manifest.partitions):
        spans.append(Partition(number, stored.whole.spans, location=folder.address(stored.spans)))
        logs.append(Partition(number, stored.whole.logs, location=folder.address(stored.logs)))
    return Dataset(tuple(spans), tuple(logs), manifest.inputs, manifest.totals, manifest.whole.window, skew, limit_ns)
