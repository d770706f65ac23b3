"""What the failure of a part does to the whole: tolerance of callers, blast radius, availability, dominators.

Everything here is made of the merged facts of a review; nothing reads spans again.
"""

from analysis.resilience.tolerance import tolerance

__all__ = ["tolerance"]
