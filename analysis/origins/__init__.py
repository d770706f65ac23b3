"""Where an incident began: what changed in a window of time against another, and at which service first.

Nothing is assumed about the kind of trouble. Each span is held against how the same operation, called the same way,
behaved before: whether it failed, what it called, what it logged, how long it took itself. A change that can be seen
below in the same request explains the one above it, so that it counts where it is deepest.
"""

from __future__ import annotations

from analysis.origins.proposal import Proposal, propose
from analysis.origins.ranking import origins, origins_report
from analysis.origins.told import MOST_SPANS, Beginning, beginning, open_beginning
from analysis.origins.windows import NoTraces, Window, read_window

__all__ = [
    "MOST_SPANS",
    "Beginning",
    "NoTraces",
    "Proposal",
    "Window",
    "beginning",
    "open_beginning",
    "origins",
    "origins_report",
    "propose",
    "read_window",
]
