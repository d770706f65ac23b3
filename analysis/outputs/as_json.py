"""The findings JSON, whose members scripts build on."""

from __future__ import annotations

import json

from analysis.review import Review

__all__ = ["write"]


def write(review: Review) -> str:
    """Return the findings JSON: the same input gives the same bytes."""
    return json.dumps(review.to_json(), indent=1, ensure_ascii=True) + "\n"
