"""The findings JSON, whose members scripts build on."""

from __future__ import annotations

from analysis.review import Review

__all__ = ["write"]


def write(review: Review) -> str:
    """Return the findings JSON: the same input gives the same bytes."""
    return review.to_json_text()
