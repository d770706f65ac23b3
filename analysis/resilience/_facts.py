"""The facts behind a review, whichever way they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd

__all__ = ["Facts", "Reviewed", "facts_of"]

Facts = Mapping[str, pd.DataFrame]


class Reviewed(Protocol):
    """A review, or anything with its facts."""

    @property
    def facts(self) -> Facts:
        """Merged fact tables by name."""


def facts_of(result: Reviewed | Facts) -> Facts:
    """Return the merged facts by name, of a review or as they are."""
    return result if isinstance(result, Mapping) else result.facts
