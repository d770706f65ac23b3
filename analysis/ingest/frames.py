"""Tables in memory into rows: what a notebook has in hand is read as a mapping says, like any export."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from analysis.ingest.reading import Ingested, Progress, entry_of, silent, temporary_folder
from analysis.ingest.spool import Spool
from analysis.ingest.tally import Input
from analysis.sources import Rejects, RowMapping, frame_content, frame_source

__all__ = ["read_frames"]


def read_frames(frames: Mapping[str, Any], mapping: RowMapping, *, progress: Progress | None = None) -> Ingested:
    """Read tables.

    Parameters
    ----------
    frames
        Tables of pandas, Arrow, or whatever gives itself to Arrow, by the names that messages call them.
    mapping
        What their columns mean.
    progress
        Told of spans.

    Raises
    ------
    UnreadableExport
        A column that the mapping names is missing.
    """
    told = progress or silent
    spool = Spool(temporary_folder)
    inputs: list[Input] = []
    for number, (name, frame) in enumerate(sorted(frames.items())):
        source, rejects, rows = frame_source(mapping, name, frame), Rejects(), 0
        for batch in source.read(BytesIO(), rejects):
            for kind, table in (("spans", batch.spans), ("logs", batch.logs)):
                if table is not None:
                    spool.add("spans" if kind == "spans" else "logs", table, number)
                    rows += table.num_rows
            told("spans", spool.counts["spans"], None)
        inputs.append(entry_of(name, source.NAME, rejects, rows, frame_content(frame)))
    spool.settle()
    return Ingested(tuple(inputs), tuple(range(len(inputs))), spool, ())
