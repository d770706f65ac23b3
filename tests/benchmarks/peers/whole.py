"""A fact as peers leave it, in tables of plain columns, put together as this project stores it to be compared.

A peer numbers the rows of a fact and leaves what belongs to a row in tables of their own that name its number: an entry
for each bucket of a histogram, and one for each example. To nest them is no part of what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from analysis import facts

__all__ = ["NAMES", "Parts", "as_fact", "as_stored"]

#: Each needs what those before it found no more than once: this is the order in which all make them.
NAMES = ("requests", "visits", "pauses", "operations", "coverage", "data_access", "calls")


class Parts(NamedTuple):
    """The tables of a fact.

    Attributes
    ----------
    rows
        ``number``, keys and sums.
    histograms
        By column: ``number``, ``bucket`` and ``count``.
    exemplars
        ``number``, ``value``, ``trace_id_high``, ``trace_id_low``, ``start_ns``, ``span_id`` and, where an example may
        be of two spans, ``other_span_id``; None where the fact has no examples.
    """

    rows: pa.Table
    histograms: Mapping[str, pa.Table]
    exemplars: pa.Table | None


def as_stored(name: str, table: pa.Table) -> pa.Table:
    """Return a fact of this project with plain texts, in order of its keys."""
    fields = facts.discover()[name].FIELDS
    schema = pa.schema([(item.name, item.type) for item in fields])
    keys = [(item.name, "ascending") for item in fields if item.role == "key"]
    return table.select(schema.names).cast(schema).sort_by(keys).combine_chunks()


def as_fact(name: str, parts: Parts) -> pa.Table:
    """Return a fact of a peer in the same form."""
    types = {item.name: item.type for item in facts.discover()[name].FIELDS}
    rows = parts.rows.sort_by("number").combine_chunks()
    for column, entries in parts.histograms.items():
        rows = rows.append_column(column, _nested(rows["number"], entries, ["bucket"], types[column]))
    if parts.exemplars is not None:
        examples = parts.exemplars
        order = ["trace_id_high", "trace_id_low", "value", "span_id"]
        ids = [examples[column] for column in ("span_id", "other_span_id") if column in examples.column_names]
        present = np.stack([np.asarray(column.is_valid()) for column in ids], axis=1)
        flat = np.stack([np.asarray(column.fill_null(0), np.uint64) for column in ids], axis=1)
        offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
        spans = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat[present]))
        nested = _nested(rows["number"], examples.append_column("span_ids", spans), order, types["exemplars"])
        rows = rows.append_column("exemplars", nested)
    return as_stored(name, rows)


def _nested(numbers: pa.ChunkedArray, entries: pa.Table, order: list[str], wanted: pa.ListType) -> pa.Array:
    """Return for each number the list of its entries."""
    ordered = entries.sort_by([(column, "ascending") for column in ("number", *order)]).combine_chunks()
    bounds = np.append(np.asarray(numbers), np.iinfo(np.int64).max)
    offsets = np.searchsorted(np.asarray(ordered["number"]), bounds).astype(np.int32)
    members = [ordered[item.name].combine_chunks().cast(item.type) for item in wanted.value_type]
    structs = pa.StructArray.from_arrays(members, [item.name for item in wanted.value_type])
    return pa.ListArray.from_arrays(pa.array(offsets), structs).cast(wanted)
