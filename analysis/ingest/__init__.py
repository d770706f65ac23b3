"""Exports become rows: files are found, read, deduplicated, put into partitions of whole traces, and stored."""

from __future__ import annotations

from analysis.ingest.inputs import Paths, expand
from analysis.ingest.locking import BusyDataset
from analysis.ingest.reading import Ingested, Progress, read_exports
from analysis.ingest.tally import CONFLICT, Input, Tally, iso_time
from analysis.ingest.writing import write_dataset

__all__ = [
    "CONFLICT",
    "BusyDataset",
    "Ingested",
    "Input",
    "Paths",
    "Progress",
    "Tally",
    "expand",
    "iso_time",
    "read_exports",
    "write_dataset",
]
