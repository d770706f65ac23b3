"""Export formats, one module each: what it looks like, and how its records become rows of the schema.

A format is any module of this package without a leading underscore. It has a ``NAME``, a ``TITLE``, a docstring that
says which tool exports it and what is assumed, ``sniff`` and ``read``. Nothing is registered: `discover` finds the
modules.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Protocol, cast

from analysis.sources._ids import canonical_span_id, canonical_trace_id
from analysis.sources._ledger import RejectRow, Rejects
from analysis.sources._mapped import (
    ROWS_TITLE,
    MappedSource,
    MappingError,
    RowMapping,
    frame_content,
    frame_source,
    is_frame,
    load_mapping,
    mapped_parquet,
    mapped_source,
    misfit,
    rows_page,
)
from analysis.sources._parquet import PARQUET, parquet_head
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._streams import ExportStream, Readable, open_stream
from analysis.sources._unreadable import WHAT_CAN_BE_READ, UnreadableExport, unreadable

__all__ = [
    "BATCH_ROWS",
    "HEAD_BYTES",
    "ROWS_TITLE",
    "WHAT_CAN_BE_READ",
    "Batch",
    "ExportStream",
    "MappingError",
    "Readable",
    "RejectRow",
    "Rejects",
    "RowMapping",
    "Source",
    "UnreadableExport",
    "canonical_span_id",
    "canonical_trace_id",
    "detect",
    "discover",
    "frame_content",
    "frame_source",
    "is_frame",
    "load_mapping",
    "mark_of",
    "open_stream",
    "recognise",
    "rows_page",
    "unreadable",
]

#: How many bytes of the beginning a format may look at.
HEAD_BYTES = 65_536


class Source(Protocol):
    """What a module of this package offers.

    Attributes
    ----------
    NAME
        As `inspect` names the format: "otlp-json".
    TITLE
        One line for the list of formats.
    DESCRIPTION
        The format's page: which tool exports it and how, what is read, what is assumed. It is the module's docstring.
    """

    NAME: str
    TITLE: str
    DESCRIPTION: str

    def sniff(self, head: bytes) -> bool:
        """Return whether the first bytes, decompressed, are surely of this format.

        Of a Parquet file they are its mark and the paths of its columns, a line each.
        """
        ...

    def read(self, stream: Readable, rejects: Rejects) -> Iterator[Batch]:
        """Yield the records in batches; refuse bad ones by reason and position, never the rest with them."""
        ...


@cache
def discover() -> tuple[Source, ...]:
    """Return every format, sorted by the name of its module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(cast("Source", importlib.import_module(f"{__name__}.{name}")) for name in names)


def detect(head: bytes) -> Source | None:
    """Return the format of an export by its first bytes, decompressed; None where no format claims them."""
    return next((source for source in discover() if source.sniff(head)), None)


def recognise(stream: ExportStream, mapping: RowMapping | None = None) -> Source:
    """Return the format of an open export, of which nothing is taken.

    Parameters
    ----------
    stream
        The export.
    mapping
        What columns of rows mean: rows that it fits are read by it, whichever format might claim them.

    Raises
    ------
    UnreadableExport
        No format claims it: the message says what it looks like and what to hand in instead.
    """
    head = stream.peek(HEAD_BYTES)
    # What a Parquet file holds stands at its end.
    columns = head.startswith(PARQUET)
    mapped: MappedSource | UnreadableExport | None = None
    if mapping is not None:
        mapped = mapped_parquet(mapping, stream) if columns else mapped_source(mapping, head)
    if isinstance(mapped, MappedSource):
        return mapped
    seen = parquet_head(stream) if columns else head
    source = detect(seen)
    if source is None:
        if mapping is not None and mapped is None:
            mapped = misfit(mapping, stream.name, head)
        raise mapped or unreadable(stream.name, seen)
    return source


def mark_of(source: Source) -> str:
    """Return what stands for the mapping that a source reads by; "" of a format that is known."""
    return source.mark if isinstance(source, MappedSource) else ""
