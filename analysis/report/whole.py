"""What a report shows of its whole source, not only of the traces that findings name: kept small beside the review."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from analysis.dataset import Dataset
from analysis.origins import MOST_SPANS, beginning
from analysis.review import Review
from analysis.whatif import keep_what_if, what_if

__all__ = ["keep_whole"]

_SCENARIO: Final = "batch=detected"


def keep_whole(review: Review, data: Dataset, before: Dataset | None, folder: Path) -> None:
    """Rank where an incident began, replay all requests, and keep both in the folder of the saved review.

    Parameters
    ----------
    review, data
        What was found, and in what.
    before
        The recording that it is compared with; without spans it says nothing of what is usual.
    folder
        Where the review was saved.
    """
    if before is not None and not before.totals.spans:
        before = None
    beginning(data, baseline=before).save(folder)
    if 0 < data.totals.spans <= MOST_SPANS:
        keep_what_if(what_if(data, _SCENARIO, reviewed=review), folder)
