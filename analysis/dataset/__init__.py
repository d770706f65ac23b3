"""Telemetry that can be analysed: partitions of whole traces, in memory or in Parquet, and where they came from."""

from __future__ import annotations

from analysis.dataset.model import Dataset, Partition, Skew
from analysis.dataset.opening import ingest, open_dataset, open_export, open_rows, open_source
from analysis.ingest import Input

__all__ = [
    "Dataset",
    "Input",
    "Partition",
    "Skew",
    "ingest",
    "open_dataset",
    "open_export",
    "open_rows",
    "open_source",
]
