"""Which members come together in one owner (a trace, a tree), as a text for each combination that is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis._kernels.sets import number_lists, number_sets
from analysis.facts._numbering import ranked, together_by
from analysis.forest import Codes

__all__ = ["MOST_MEMBERS", "SEPARATOR", "joined", "named_lists", "service_sets", "together"]

#: Stands between the members of a text; names do not hold it.
SEPARATOR: Final = "\x1f"
#: Of an owner with more members, these many are named.
MOST_MEMBERS: Final = 64
#: Owners have a place each where there are at most so many places an entry; else they are numbered first.
_PLACES_PER_ENTRY: Final = 8
_LEAST_PLACES: Final = 1 << 12

Int64s = npt.NDArray[np.int64]


def together(owner: Int64s, member: Int64s, names: tuple[str, ...]) -> tuple[Int64s, Int64s, tuple[str, ...]]:
    """Return the members of each owner, owners ascending.

    Parameters
    ----------
    owner, member
        One entry for each time that a member is seen in an owner; none is below zero.
    names
        Sorted names, of which ``member`` holds places.

    Returns
    -------
    tuple
        For each owner an entry that is of it, and the place of all its members in the texts that come last.
    """
    wide = int(owner.max(initial=0)) >= max(_LEAST_PLACES, _PLACES_PER_ENTRY * len(owner))
    number = ranked(owner) if wide else owner
    entry, chosen, begins, members = number_sets(
        *together_by(number, int(number.max(initial=-1)) + 1),
        np.ascontiguousarray(member, np.int32),
        len(names),
        MOST_MEMBERS,
    )
    return entry, chosen.astype(np.int64), joined(begins, members, names, SEPARATOR)


def named_lists(begin: Int64s, end: Int64s, places: npt.NDArray[Any], names: Sequence[str], separator: str) -> Codes:
    """Return the text of each list, whose names are those at ``places[begin[i]:end[i]]``, with a separator between."""
    number, first = number_lists(
        np.ascontiguousarray(begin, np.int64),
        np.ascontiguousarray(end, np.int64),
        np.ascontiguousarray(places, np.int32),
    )
    lengths = (end - begin)[first]
    begins = np.concatenate([[0], np.cumsum(lengths)])
    shown = np.repeat(begin[first] - begins[:-1], lengths) + np.arange(begins[-1])
    return Codes(number, joined(begins, places[shown], names, separator))


def joined(begins: Int64s, places: npt.NDArray[Any], names: Sequence[str], separator: str) -> tuple[str, ...]:
    """Return texts of names: of each the names at ``places[begins[i]:begins[i + 1]]``, with a separator between."""
    parts = pa.array(names, pa.string()).take(pa.array(places))
    lists = pa.ListArray.from_arrays(pa.array(begins, pa.int32()), parts)
    return tuple(pc.binary_join(lists, separator).to_pylist())


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
