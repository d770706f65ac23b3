"""Which members come together in one owner (a trace, a tree), as a text for each combination that is seen."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.facts._numbering import combined, firsts

__all__ = ["MOST_MEMBERS", "SEPARATOR", "service_sets", "together"]

#: Stands between the members of a text; names do not hold it.
SEPARATOR: Final = "\x1f"
#: Of an owner with more members, these many are named.
MOST_MEMBERS: Final = 64

Int64s = npt.NDArray[np.int64]


def together(owner: Int64s, member: Int64s, names: tuple[str, ...]) -> tuple[Int64s, Int64s, tuple[str, ...]]:
    """Return the members of each owner, owners ascending.

    Parameters
    ----------
    owner, member
        One entry for each time that a member is seen in an owner.
    names
        Sorted names, of which ``member`` holds places.

    Returns
    -------
    tuple
        For each owner an entry that is of it, and the place of all its members in the texts that come last.
    """
    # Numbered in the order of the combinations: by owner, then by member.
    each = firsts(combined(owner, member))
    member = member[each]
    first = firsts(combined(owner[each], np.zeros(len(each), np.int64)))
    sizes = np.diff(np.append(first, len(each)))
    chosen = np.zeros(len(first), np.int64)
    sets: list[tuple[int, ...]] = [()]
    for rank in range(min(MOST_MEMBERS, int(sizes.max(initial=0)))):
        longer = np.flatnonzero(sizes > rank)
        added = member[first[longer] + rank]
        number = combined(chosen[longer], added)
        examples = firsts(number)
        grown = zip(chosen[longer][examples].tolist(), added[examples].tolist(), strict=True)
        chosen[longer] = number + len(sets)
        sets += [(*sets[known], new) for known, new in grown]
    # Most sets are only the beginnings of others.
    used = np.zeros(len(sets), np.bool_)
    used[chosen] = True
    texts = tuple(SEPARATOR.join([names[place] for place in sets[known]]) for known in np.flatnonzero(used).tolist())
    return each[first], (np.cumsum(used) - 1)[chosen], texts


def service_sets(
    owner: npt.NDArray[Any], service: npt.NDArray[Any], names: tuple[str, ...]
) -> tuple[Int64s, npt.NDArray[np.int32], tuple[str, ...]]:
    """Put the services of each owner together.

    Parameters
    ----------
    owner, service
        An entry for each time that a service was seen: whose it is, and its place in ``names``.
    names
        Names of services, in any order.

    Returns
    -------
    tuple
        The owners, ascending; the place of the set of each in the texts; the texts: the names of a set in their order,
        with :data:`SEPARATOR` between them.
    """
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    member = rank[service] if len(service) else np.zeros(0, np.int64)
    ordered = tuple(names[place].replace(SEPARATOR, " ") for place in order.tolist())
    entry, chosen, texts = together(owner.astype(np.int64), member, ordered)
    return owner[entry].astype(np.int64), chosen.astype(np.int32), texts
