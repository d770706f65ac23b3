"""Who is above a span: the operation of its own service that it serves."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel
from analysis.forest import Forest
from analysis.schema import KINDS

__all__ = ["local_entries"]

_SERVER = KINDS.index("server")
_CONSUMER = KINDS.index("consumer")
#: Many facts of one pass ask for the same; forgotten with the forest.
_FOUND: Final[WeakKeyDictionary[Forest, npt.NDArray[np.int32]]] = WeakKeyDictionary()


def local_entries(forest: Forest) -> npt.NDArray[np.int32]:
    """Return for each row the span through which its service was entered.

    That is the row itself, or the nearest ancestor that is a server or consumer span or whose parent belongs to another
    service.
    """
    if forest not in _FOUND:
        _FOUND[forest] = _local_entries(forest.parent, forest.codes("service").codes, forest.kind)
    return _FOUND[forest]


@kernel
def _local_entries(
    parent: npt.NDArray[np.int32],
    service: npt.NDArray[np.int32],
    kind: npt.NDArray[np.int8],
) -> npt.NDArray[np.int32]:
    entry = np.full(len(parent), -1, np.int32)
    for first in range(len(parent)):
        # Up to where it is known, then once more to tell all on the way: every row is passed twice at most.
        row = np.int32(first)
        while entry[row] < 0:
            above = parent[row]
            if above < 0 or service[above] != service[row] or kind[row] == _SERVER or kind[row] == _CONSUMER:
                entry[row] = row
                break
            row = above
        found = entry[row]
        row = np.int32(first)
        while entry[row] < 0:
            entry[row] = found
            row = parent[row]
    return entry
