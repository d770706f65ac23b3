"""A review written down: one format a file, each with ``write(review, comparison) -> str``."""

from __future__ import annotations

import importlib
from typing import Final

from analysis.compare import Comparison
from analysis.gate import Verdict
from analysis.review import Review

__all__ = ["FORMATS", "write"]

FORMATS: Final = ("text", "json", "sarif", "markdown", "csv", "junit", "prometheus", "github", "summary")
#: Those that say what the gate of a pipeline decided.
_GATED: Final = ("junit", "github", "summary")


def write(review: Review, form: str, comparison: Comparison | None = None, verdict: Verdict | None = None) -> str:
    """Return a review in one of ``FORMATS``, ending with a line feed.

    Parameters
    ----------
    review
        What was found.
    form
        The format.
    comparison
        The same review beside an earlier one; findings are then marked as new or persisting, and resolved ones told.
    verdict
        What a gate says of the review, where there is one.

    Raises
    ------
    ValueError
        If the format is not known.
    """
    if form not in FORMATS:
        message = f"unknown format {form!r}: use one of {', '.join(FORMATS)}"
        raise ValueError(message)
    module = importlib.import_module(f"{__name__}.as_{form}")
    more = (verdict,) if form in _GATED else ()
    text: str = module.write(review, comparison, *more)
    return text
