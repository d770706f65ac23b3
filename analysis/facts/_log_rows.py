"""What the facts of log records share: their keys beside those of spans, and rows that belong to no trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather, merge
from analysis.forest import Codes, Forest

__all__ = ["chosen", "gather_with_loose", "together"]


def chosen(codes: Codes, rows: npt.NDArray[np.int64]) -> Codes:
    """Return some rows of a text column."""
    return Codes(codes.codes[rows], codes.values)


def together(first: Codes, second: Codes) -> Codes:
    """Return the rows of two text columns one after the other."""
    moved = np.where(second.codes >= 0, second.codes + len(first.values), -1).astype(np.int32)
    return Codes(np.concatenate([first.codes, moved]), (*first.values, *second.values))


def gather_with_loose(fields: Sequence[Field], forest: Forest, tied: Occurrences, loose: Occurrences) -> pa.Table:
    """Gather records that belong to traces, which have exemplars, and those that belong to none.

    Parameters
    ----------
    fields
        The fields of the fact; an ``exemplars`` field among them.
    forest
        Where they were seen.
    tied
        Records of traces of the forest, in order of these.
    loose
        The others, without exemplars; their sums hold ``traces`` where the fact counts them.
    """
    plain = [item for item in fields if item.role != "exemplars"]
    table = gather(plain, forest, loose)
    for place, item in enumerate(fields):
        if item.role == "exemplars":
            none = pa.array([[]] * table.num_rows, EXEMPLARS)
            table = table.add_column(place, item.name, none)
    return merge(fields, [gather(fields, forest, tied), table])
