"""The alert rules that a review proposes, as a rule file of Prometheus."""

from __future__ import annotations

from analysis.alerts import rules_text
from analysis.compare import Comparison
from analysis.review import Review

__all__ = ["write"]


def write(review: Review, comparison: Comparison | None = None) -> str:  # noqa: ARG001 - every format takes both
    """Return the rule file; one without groups where no objective could be proposed."""
    return rules_text(review)
