"""Files of a dataset, on a local disk or behind an fsspec address: whole or absent, never half.

A local file is written under a temporary name, flushed to the disk, and renamed. An object store shows an object only
when it is complete.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.addresses import asking, reach
from analysis.ingest.inputs import is_address
from analysis.schema import LATER_COLUMNS, TEXT
from analysis.sources import UnreadableExport

__all__ = ["KEPT_FACTS", "TEMPORARY", "Folder", "parquet_bytes", "read_table"]

#: Names that begin so are not yet, or no longer, part of a dataset.
TEMPORARY: Final = ".unfinished-"
#: Where facts are kept that a lost cluster had gathered.
KEPT_FACTS: Final = f"{TEMPORARY}facts"
#: Numbers of which there are few different ones as a rule, most often one alone.
_FEW: Final = frozenset({"multiplicity", "weight", "time_resolution_ns", "server_port", "http_status", "resend_count"})
#: Times of neighbours lie near each other: differences, packed in as few bits as they need, take about the room that a
#: general compression makes of the times, and less than half its time to read.
_TIMES: Final = frozenset({"start_ns", "duration_ns", "time_ns"})
#: Where Parquet keeps the statistics of a column that is a list.
_LEAVES: Final = {"links": "links.list.element.kind"}


@dataclass(frozen=True)
class Folder:
    """A folder that holds a dataset.

    Attributes
    ----------
    location
        Local path or fsspec address.
    """

    location: str

    @property
    def local(self) -> Path | None:
        """The folder as a local path; None behind an address."""
        return None if is_address(self.location) else Path(self.location)

    @cached_property
    def _remote(self) -> tuple[Any, str]:
        files, root = reach(self.location)
        return files, root.rstrip("/")

    @property
    def anywhere(self) -> Folder:
        """The same folder for a process that runs in another one."""
        return self if self.local is None else Folder(str(self.local.absolute()))

    def address(self, name: str) -> str:
        """Return where a file of the folder is."""
        return f"{self.location.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None where there is none."""
        try:
            if self.local is not None:
                return (self.local / name).read_bytes()
            with asking(self.address(name)):
                files, root = self._remote
                return bytes(files.cat_file(f"{root}/{name}"))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def opened(self, name: str) -> Any:
        """Open a file, of which only parts are wanted."""
        if self.local is not None:
            return pa.OSFile(str(self.local / name))
        with asking(self.address(name)):
            files, root = self._remote
            return files.open(f"{root}/{name}", "rb")

    def write(self, name: str, content: bytes, *, lasting: bool = True) -> None:
        """Write a file so that it is there as a whole or not at all; unless it is to last, it need not reach a disk."""
        if self.local is None:
            with asking(self.address(name)):
                files, root = self._remote
                files.makedirs(f"{root}/{name}".rsplit("/", 1)[0], exist_ok=True)
                files.pipe_file(f"{root}/{name}", content)
            return
        path = self.local / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A task that is done twice at a time, because its worker was only thought dead, writes two files.
        unfinished = path.with_name(f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{path.name}")
        with unfinished.open("wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
        if lasting:
            _flush_folder(path.parent)

    def names(self, below: str) -> list[str]:
        """Return the files directly in a folder below this one, temporary ones too, sorted."""
        if self.local is not None:
            folder = self.local / below
            found = [path.name for path in folder.iterdir() if not path.is_dir()] if folder.is_dir() else []
        else:
            with asking(self.address(below)):
                files, root = self._remote
                where = f"{root}/{below}".rstrip("/")
                found = []
                if files.isdir(where):
                    files.invalidate_cache()
                    found = [
                        entry["name"].rsplit("/", 1)[-1]
                        for entry in files.ls(where, detail=True)
                        if entry["type"] == "file"
                    ]
        return sorted(f"{below}/{name}".lstrip("/") for name in found)

    def remove_below(self, below: str) -> None:
        """Remove a folder below this one with all that is in it, if it is there."""
        if self.local is not None:
            shutil.rmtree(self.local / below, ignore_errors=True)
            return
        with asking(self.address(below)):
            files, root = self._remote
            files.invalidate_cache()
            if files.exists(f"{root}/{below}"):
                files.rm(f"{root}/{below}", recursive=True)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self.local is not None:
            (self.local / name).unlink(missing_ok=True)
            return
        with asking(self.address(name)):
            files, root = self._remote
            files.invalidate_cache()
            if files.exists(f"{root}/{name}"):
                files.rm_file(f"{root}/{name}")


def _flush_folder(folder: Path) -> None:
    """Flush the entry of a renamed file to the disk, where the system lets a folder be opened for it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as one Parquet file.

    One row group, and dictionaries in one page each however large: read again, every column is one chunk with the
    sorted dictionary that it was written with. The same table gives the same bytes. The least and largest value of a
    column would take half the time of writing; with one row group they let nobody pass over anything. Columns without
    a value have statistics, which say so: they need not be read.
    """
    buffer = io.BytesIO()
    valueless = [
        _LEAVES.get(name, name)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if 0 < len(column) == column.null_count
    ]
    texts = [item.name for item in table.schema if pa.types.is_dictionary(item.type) or item.name in _FEW]
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        row_group_size=max(1, table.num_rows),
        use_dictionary=texts,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in table.schema.names if name in _TIMES},
        dictionary_pagesize_limit=1 << 30,
        write_statistics=valueless,
        write_page_index=False,
    )
    return buffer.getvalue()


def read_table(location: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a Parquet file, one chunk a column.

    Raises
    ------
    UnreadableExport
        The file is not there, or no Parquet file.
    """
    names = None if columns is None else list(columns)
    try:
        if is_address(location):
            with asking(location):
                files, path = reach(location)
                content = files.cat_file(path)
            table = _read(io.BytesIO(content), names)
        else:
            # Read through the file itself: pyarrow takes folders named like key=value for columns.
            with pa.OSFile(location) as file:
                table = _read(file, names)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableExport(
            location,
            f"a file of the dataset cannot be read ({error})",
            "Open the dataset again if it was extended meanwhile, else ingest the exports anew",
        ) from error
    # There is one chunk as a rule: partitions are written with one row group.
    whole = all(column.num_chunks <= 1 for column in table.columns)
    return table if whole else table.unify_dictionaries().combine_chunks()


def _read(file: IO[bytes] | pa.NativeFile, names: list[str] | None) -> pa.Table:
    """Read columns; those that datasets did not have at first are without a value where they are not there."""
    # One thread: partitions are read side by side, and handing columns to threads costs a sixth more.
    stored = pq.ParquetFile(file)
    kinds = {item.name: item.type for item in stored.schema_arrow}
    if names is None:
        names = [*kinds, *(sorted(LATER_COLUMNS - kinds.keys()) if "parent_span_id" in kinds else ())]
    absent = [name for name in names if name not in kinds and name not in LATER_COLUMNS]
    if absent:
        message = f"there is no column {absent[0]!r}"
        raise pa.ArrowInvalid(message)
    valueless = _valueless(stored.metadata)
    table = stored.read(columns=[name for name in names if name in kinds and name not in valueless], use_threads=False)
    read = dict(zip(table.column_names, table.columns, strict=True))
    rows = stored.metadata.num_rows
    columns = [read[name] if name in read else pa.nulls(rows, kinds.get(name, TEXT)) for name in names]
    return pa.Table.from_arrays(columns, names)


def _valueless(metadata: pq.FileMetaData) -> frozenset[str]:
    """Return the columns without a value, as the statistics say.

    A span has a value in thirty of fifty columns: decoding the others would take a quarter of the time.
    """
    if metadata.num_row_groups != 1:
        return frozenset()
    group = metadata.row_group(0)
    chunks = map(group.column, range(group.num_columns))
    said = [chunk for chunk in chunks if chunk.is_stats_set and chunk.statistics.null_count == chunk.num_values]
    return frozenset(chunk.path_in_schema.partition(".")[0] for chunk in said)
