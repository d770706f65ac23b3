"""All spans of a forest in groups, for the facts that count all of them.

To choose examples is much of what gathering costs. It is done once for these facts, in groups as fine as the finest
needs; those with fewer keys choose among the examples that were chosen before, which gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._examples import examples_of, merge_examples
from analysis.facts._grouping import Groups, Key, group_by
from analysis.facts._says import says
from analysis.facts._table import Field, key_of, table_of
from analysis.forest import Forest
from analysis.operations import holds_identifier

__all__ = ["Count", "gather_spans"]

#: Keys that are columns, of which a pass may have read some only.
_COLUMNS: Final = ("service", "operation", "kind", "category")

#: Counts by group, by the name of the column.
Count = Callable[[Forest, Groups], Mapping[str, npt.NDArray[np.int64] | pa.Array]]


class _Spans(NamedTuple):
    """All spans in groups, and the examples of each group."""

    groups: Groups
    exemplars: pa.Array


_FINEST: Final[WeakKeyDictionary[Forest, _Spans]] = WeakKeyDictionary()


def gather_spans(fields: Sequence[Field], forest: Forest, count: Count) -> pa.Table:
    """Gather a fact of all spans, whose examples are chosen by duration.

    Parameters
    ----------
    fields
        Its keys are columns among service, operation, kind and category; ``entry``: the span is the topmost of its
        request; ``lost``: it names a parent that should be there and is not; ``identifying``: its name holds an
        identifier.
    forest
        Where the spans were seen.
    count
        Returns the columns of all other roles, but for ``traces``, for the groups of rows that it is given.
    """
    groups, exemplars = _grouped(forest, tuple(item.name for item in fields if item.role == "key"))
    columns = {"traces": groups.distinct(forest.trace_of), "exemplars": exemplars, **count(forest, groups)}
    columns |= {item.name: groups.keys[item.name] for item in fields if item.role == "key"}
    return table_of(fields, columns)


def _grouped(forest: Forest, names: tuple[str, ...]) -> _Spans:
    """Put all spans in groups of some keys."""
    if forest not in _FINEST:
        _FINEST[forest] = _finest(forest)
    finest = _FINEST[forest]
    coarse = group_by({name: key_of(finest.groups.keys[name]) for name in names}, finest.groups.count)
    if np.array_equal(coarse.of_row, np.arange(finest.groups.count)):
        return _Spans(Groups(finest.groups.of_row, coarse.count, coarse.keys), finest.exemplars)
    groups = Groups(coarse.of_row[finest.groups.of_row], coarse.count, coarse.keys)
    return _Spans(groups, merge_examples(finest.exemplars, coarse))


def _finest(forest: Forest) -> _Spans:
    read = forest.table.column_names
    keys: dict[str, Key] = {name: forest.codes(name) for name in _COLUMNS if name in read}
    keys["entry"] = forest.root == np.arange(forest.size)
    keys["lost"] = forest.orphan & ~forest.cut
    if "name" in read:
        keys["identifying"] = says(forest, "name", holds_identifier)
    groups = group_by(keys, forest.size)
    every = np.arange(forest.size)
    return _Spans(groups, examples_of(forest, groups, forest.trace_of, forest.duration, None, every))
