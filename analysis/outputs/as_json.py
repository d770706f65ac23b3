"""The findings JSON, whose members scripts build on."""

from __future__ import annotations

import json

from analysis.compare import Comparison
from analysis.review import Review

__all__ = ["write"]


def write(review: Review, comparison: Comparison | None = None) -> str:
    """Return the findings JSON: the same input gives the same bytes.

    Beside an earlier review each finding has a ``status``, and ``baseline`` holds what is resolved and what changed.
    """
    if comparison is None:
        return review.to_json_text()
    members = review.to_json()
    members["findings"] = [item | {"status": comparison.status_of(item["id"])} for item in members["findings"]]
    members["baseline"] = comparison.to_json()
    return json.dumps(members, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
