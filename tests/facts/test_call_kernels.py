"""Numbers that calls are given: each as a dictionary that is asked row by row has it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.facts._call_kernels import find_previous, mark_several, number_within
from analysis.forest import plant
from tests.facts.rows import span
from tests.forests import span_table

VALUES = st.sampled_from([-(2**63), -1, 0, 1, 2, 2**63 - 1])


def in_order(keys: Sequence[Hashable]) -> list[int]:
    """Return the number of each key, in order of appearance."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(key, len(known)) for key in keys]


@given(st.lists(st.lists(st.tuples(VALUES, VALUES), max_size=30), max_size=8))
def test_combinations_are_numbered_within_their_owners(owners: list[list[tuple[int, int]]]):
    keys = [(owner, *pair) for owner, pairs in enumerate(owners) for pair in pairs]
    owner, one, other = np.array(keys, np.int64).reshape(-1, 3).T.copy()
    number = np.empty(len(keys), np.int64)
    count = number_within(owner, one, other, number)
    assert number.tolist() == in_order(keys)
    assert count == len(set(keys))


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 1, 1, 2])), max_size=20))
def test_several_are_two_entries_or_one_that_counts_twice(entries: list[tuple[int, int]]):
    number, many = np.array(entries, np.int64).reshape(-1, 2).T.copy()
    marked = np.empty(len(entries), np.bool_)
    mark_several(number, many, 6, marked)
    counts = [sum(weight for other, weight in entries if other == own) for own, _ in entries]
    assert marked.tolist() == [count > 1 for count in counts]


def test_the_previous_call_is_that_of_the_same_owner():
    previous = np.full(6, -1, np.int64)
    owner, call = np.array([4, 2, 4, 4, 2], np.int32), np.array([0, 1, 2, 4, 5])
    find_previous(owner, call, np.full(5, -1, np.int64), previous)
    assert previous.tolist() == [-1, -1, 0, -1, 2, 1]


def test_parents_come_before_children_whatever_their_rows():
    # In the second trace the clock of the callee is behind, so that its rows come first.
    rows = [span(1), span(2, 1, at=5)]
    late = [span(4, 3, at=1), span(5, 4, at=2), span(3, at=9), span(6, 3, at=10)]
    forest = plant(span_table([*rows, *(row | {"trace_id_low": 2} for row in late)]))
    assert forest.parent.tolist() == [-1, 0, 4, 2, -1, 4]
    assert forest.downwards.tolist() == [0, 1, 4, 2, 5, 3]
