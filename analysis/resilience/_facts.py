"""The facts behind a review, whichever way they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import pandas as pd

__all__ = ["Facts", "Reviewed", "facts_of", "made_once"]

_Made = TypeVar("_Made")

Facts = Mapping[str, pd.DataFrame]


class Reviewed(Protocol):
    """A review, or anything with its facts."""

    @property
    def facts(self) -> Facts:
        """Merged fact tables by name."""


def facts_of(result: Reviewed | Facts) -> Facts:
    """Return the merged facts by name, of a review or as they are."""
    return result if isinstance(result, Mapping) else result.facts


@runtime_checkable
class _Remembering(Protocol):
    """Facts that remember what was made of them."""

    def shared(self, make: Callable[[Any], _Made]) -> _Made: ...


def made_once(facts: Facts, make: Callable[[Facts], _Made]) -> _Made:
    """Return what a function makes of facts: once where these remember it, so that none may change it."""
    return facts.shared(make) if isinstance(facts, _Remembering) else make(facts)
