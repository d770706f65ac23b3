"""Who is above a span: the operation of its own service that it serves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from analysis.forest import Forest
from analysis.schema import KINDS

__all__ = ["local_entries"]

_SERVER = KINDS.index("server")
_CONSUMER = KINDS.index("consumer")


def local_entries(forest: Forest) -> npt.NDArray[np.int32]:
    """Return for each row the span through which its service was entered.

    That is the row itself, or the nearest ancestor that is a server or consumer span or whose parent belongs to another
    service.
    """
    by_depth = np.argsort(forest.depth, kind="stable").astype(np.int32)
    return _local_entries(by_depth, forest.parent, forest.codes("service").codes, forest.kind)


@njit(nogil=True, cache=True)
def _local_entries(
    by_depth: npt.NDArray[np.int32],
    parent: npt.NDArray[np.int32],
    service: npt.NDArray[np.int32],
    kind: npt.NDArray[np.int8],
) -> npt.NDArray[np.int32]:
    entry = np.empty(len(parent), np.int32)
    for index in range(len(by_depth)):
        row = by_depth[index]
        above = parent[row]
        if above < 0 or service[above] != service[row] or kind[row] == _SERVER or kind[row] == _CONSUMER:
            entry[row] = row
        else:
            entry[row] = entry[above]
    return entry
