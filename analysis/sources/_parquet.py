"""Parquet files of exports: which columns they have, and their rows in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.sources._streams import Readable, Spoolable, open_stream
from analysis.sources._unreadable import UnreadableExport

__all__ = ["PARQUET", "column_paths", "parquet_batches", "parquet_head", "parquet_schema", "spoolable"]

#: A Parquet file begins and ends with it.
PARQUET: Final = b"PAR1"
#: Bytes, decoded, that one batch is meant to hold.
_BATCH_BYTES: Final = 32 << 20
_BUFFER: Final = 1 << 20
_MOST_ROWS: Final = 20_000
#: What Arrow raises of a damaged file, an encoding that it does not know included.
_TROUBLE: Final = (pa.ArrowException, OSError, ValueError, NotImplementedError)


def parquet_head(stream: Spoolable) -> bytes:
    """Return the mark and the paths of the columns, a line each: what formats are told apart by.

    Raises
    ------
    UnreadableExport
        The end of the file, which says what is in it, is missing or damaged.
    """
    with _opened(stream) as file:
        return b"\n".join((PARQUET, *(path.encode("utf-8", "replace") for path in _paths(file)), b""))


def parquet_schema(stream: Spoolable) -> pa.Schema:
    """Return the columns of a file.

    Raises
    ------
    UnreadableExport
        As of `parquet_head`.
    """
    with _opened(stream) as file:
        schema: pa.Schema = file.schema_arrow
        return schema


def column_paths(head: bytes) -> frozenset[str]:
    """Return the paths of the columns from what `parquet_head` gave; none where it is of something else."""
    if not head.startswith(PARQUET + b"\n"):
        return frozenset()
    return frozenset(head[len(PARQUET) + 1 :].decode("utf-8", "replace").split("\n")[:-1])


def parquet_batches(stream: Spoolable, leave_out: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file.

    Parameters
    ----------
    stream
        An export; it is copied to a temporary file unless that was done before.
    leave_out
        Columns with one of these names anywhere in their path are not decoded.

    Raises
    ------
    UnreadableExport
        The file is damaged: what was yielded before is whole.
    """
    with _opened(stream) as file:
        unwanted = frozenset(leave_out)
        columns = [path for path in _paths(file) if unwanted.isdisjoint(path.split("."))]
        metadata = file.metadata
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        rows = max(1, min(_MOST_ROWS, _BATCH_BYTES * metadata.num_rows // max(size, 1)))
        done = 0
        batches = file.iter_batches(batch_size=rows, columns=columns, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except _TROUBLE as error:
                raise UnreadableExport(
                    stream.name, "the Parquet file is damaged", "Export or copy it again", f"after row {done}"
                ) from error
            if batch is None:
                return
            done += batch.num_rows
            yield batch


def spoolable(stream: Readable) -> Spoolable:
    """Return a stream of bytes as one that can be spooled."""
    if hasattr(stream, "spool"):
        return cast("Spoolable", stream)
    return open_stream(cast("IO[bytes]", stream), "export")


def _opened(stream: Spoolable) -> Any:
    try:
        return pq.ParquetFile(stream.spool(), buffer_size=_BUFFER, pre_buffer=False)
    except _TROUBLE as error:
        raise UnreadableExport(
            stream.name,
            "the Parquet file is cut off or damaged: its end, which says what is in it, cannot be read",
            "Export or copy it again",
        ) from error


def _paths(file: Any) -> list[str]:
    schema = file.schema
    return [schema.column(number).path for number in range(len(schema.names))]
