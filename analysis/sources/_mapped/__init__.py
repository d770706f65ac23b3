"""Rows of any kind: tables whose columns a mapping names, rather than a format that is known.

A mapping says, for columns of the schema, which field of a row holds them. CSV, JSON lines, Parquet and tables in
memory are read the same way: the fields that the mapping names are taken out as Arrow columns, and whole columns are
turned into those of the schema.
"""

from __future__ import annotations

from analysis.sources._mapped.frames import frame_content, frame_source, is_frame
from analysis.sources._mapped.mapping import MappingError, RowMapping, load_mapping
from analysis.sources._mapped.page import ROWS_TITLE, rows_page
from analysis.sources._mapped.reading import MappedSource, mapped_parquet, mapped_source, misfit

__all__ = [
    "ROWS_TITLE",
    "MappedSource",
    "MappingError",
    "RowMapping",
    "frame_content",
    "frame_source",
    "is_frame",
    "load_mapping",
    "mapped_parquet",
    "mapped_source",
    "misfit",
    "rows_page",
]
