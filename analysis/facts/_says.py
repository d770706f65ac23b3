"""Tests on text columns, made once for each distinct text, and remembered: the next partition has mostly the same."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.forest import Codes, Forest

__all__ = ["given", "passing", "says", "telling"]

Bools = npt.NDArray[np.bool_]

#: Texts that a test remembers, and the length of the longest: as a rule all names and templates of a system.
_MOST_TEXTS: Final = 1 << 15
_LONGEST: Final = 256


class _Answers(dict[str, bool]):
    """What a test says of texts."""

    def __init__(self, wanted: Callable[[str], Any]) -> None:
        self.wanted = wanted

    def __missing__(self, text: str) -> bool:
        answer = bool(self.wanted(text))
        if len(text) <= _LONGEST and len(self) < _MOST_TEXTS:
            self[text] = answer
        return answer


_ANSWERS: Final[dict[object, _Answers]] = {}
_MARKED: Final[WeakKeyDictionary[Forest, dict[tuple[str, object], Bools]]] = WeakKeyDictionary()


def given(forest: Forest, column: str) -> Bools:
    """Mark the rows in which a text column is not null."""
    return np.asarray(forest.codes(column).codes >= 0)


def says(forest: Forest, column: str, wanted: Callable[[str], Any]) -> Bools:
    """Mark the rows whose text in a column passes a test; null does not. Nobody may write to the marks."""
    marked = _MARKED.setdefault(forest, {})
    key = (column, _name_of(wanted))
    if key not in marked:
        marked[key] = passing(forest.codes(column), wanted)
    return marked[key]


def passing(codes: Codes, wanted: Callable[[str], Any]) -> Bools:
    """Mark the entries whose text passes a test, which says of a text always the same; null does not."""
    if not codes.values:
        return np.zeros(len(codes.codes), np.bool_)
    return np.asarray(telling(codes, wanted)[codes.codes])


def telling(codes: Codes, wanted: Callable[[str], Any]) -> Bools:
    """Mark the texts that pass a test; the last entry is where the code -1 of a null lands, and is not marked."""
    answers = _ANSWERS.setdefault(_name_of(wanted), _Answers(wanted))
    hit = np.zeros(len(codes.values) + 1, np.bool_)
    hit[:-1] = list(map(answers.__getitem__, codes.values))
    return hit


def _name_of(wanted: Callable[[str], Any]) -> object:
    """Return what a test is known by: a lambda is another object each time that it is come by, its code is not.

    Raises
    ------
    ValueError
        If the answers of a lambda depend on where it was made.
    """
    if not isinstance(wanted, FunctionType):
        return wanted
    if wanted.__closure__ or wanted.__defaults__ or wanted.__kwdefaults__:
        message = f"a test of texts may look at nothing but the text and its module: {wanted.__qualname__}"
        raise ValueError(message)
    return wanted.__module__, wanted.__code__
