"""Sets of services that were seen together, as texts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.facts._numbering import combined, firsts

__all__ = ["MOST_SERVICES", "SEPARATOR", "service_sets"]

#: Stands between the services of one set; names do not hold it.
SEPARATOR: Final = "\x1f"
#: Of a larger set these many services are named.
MOST_SERVICES: Final = 64

Int64s = npt.NDArray[np.int64]


def service_sets(
    owner: npt.NDArray[Any], service: npt.NDArray[Any], names: tuple[str, ...]
) -> tuple[Int64s, npt.NDArray[np.int32], tuple[str, ...]]:
    """Put the services of each owner together.

    Parameters
    ----------
    owner, service
        An entry for each time that a service was seen: whose it is, and its place in ``names``.
    names
        Names of services.

    Returns
    -------
    tuple
        The owners, ascending; the place of the set of each in the texts; the texts: the names of a set in their order,
        with :data:`SEPARATOR` between them.
    """
    rank = np.argsort(np.argsort(np.array(names, dtype=object), kind="stable"), kind="stable").astype(np.int64)
    by_rank = sorted(names)
    place = rank[service] if len(service) else np.zeros(0, np.int64)
    each = firsts(combined(owner, place))
    owner, place = owner[each].astype(np.int64), place[each]
    order = np.lexsort((place, owner))
    owner, place = owner[order], place[order]
    first = np.flatnonzero(np.diff(owner, prepend=-1)) if len(owner) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(first, len(owner)))
    chosen = np.zeros(len(first), np.int64)
    sets: list[tuple[int, ...]] = [()]
    for turn in range(min(MOST_SERVICES, int(sizes.max(initial=0)))):
        longer = np.flatnonzero(sizes > turn)
        number = combined(chosen[longer], place[first[longer] + turn])
        examples = firsts(number)
        before, added = chosen[longer][examples].tolist(), place[first[longer] + turn][examples].tolist()
        chosen[longer] = number + len(sets)
        sets += [(*sets[known], new) for known, new in zip(before, added, strict=True)]
    texts = tuple(SEPARATOR.join(by_rank[member].replace(SEPARATOR, " ") for member in members) for members in sets)
    return owner[first], chosen.astype(np.int32), texts
