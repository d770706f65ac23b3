"""A review written down: one format a file, each with ``write(review) -> str``."""

from __future__ import annotations

import importlib
from typing import Final

from analysis.review import Review

__all__ = ["FORMATS", "write"]

FORMATS: Final = ("text", "json", "markdown", "csv")


def write(review: Review, form: str) -> str:
    """Return a review in one of ``FORMATS``, ending with a line feed.

    Raises
    ------
    ValueError
        If the format is not known.
    """
    if form not in FORMATS:
        message = f"unknown format {form!r}: use one of {', '.join(FORMATS)}"
        raise ValueError(message)
    module = importlib.import_module(f"{__name__}.as_{form}")
    text: str = module.write(review)
    return text
