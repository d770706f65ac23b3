"""What the failure of a part does to the whole: tolerance of callers, blast radius, availability, dominators.

Everything here is made of the merged facts of a review; nothing reads spans again.
"""

from analysis.resilience.availability import availability, availability_steps
from analysis.resilience.blast_radius import blast_radius
from analysis.resilience.cascade_paths import cascade_paths
from analysis.resilience.dominators import dominators
from analysis.resilience.failure_reach import FailureReach, failure_reach
from analysis.resilience.mechanisms import mechanisms
from analysis.resilience.network import Network, network
from analysis.resilience.tolerance import tolerance

__all__ = [
    "FailureReach",
    "Network",
    "availability",
    "availability_steps",
    "blast_radius",
    "cascade_paths",
    "dominators",
    "failure_reach",
    "mechanisms",
    "network",
    "tolerance",
]
