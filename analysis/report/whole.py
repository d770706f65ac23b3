"""What a report shows of its whole source, not only of the traces that findings name: kept small beside the review."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from analysis._wording import counted
from analysis.dataset import Dataset
from analysis.origins import MOST_SPANS, Beginning, beginning
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
    spans = data.totals.spans + (before.totals.spans if before else 0)
    if spans > MOST_SPANS:
        said = (
            f"Of {counted(spans, 'span')} a report ranks nothing, more than {MOST_SPANS:,} being much to hold in "
            "memory: nothing can be ranked. Name a window: archreview origins SOURCE --incident START..END."
        )
        Beginning(None, said).save(folder)
        return
    beginning(data, baseline=before).save(folder)
    if data.totals.spans:
        keep_what_if(what_if(data, _SCENARIO, reviewed=review), folder)
