"""What belongs together: suggested bounded contexts, what each service owns, and what could be cut out or joined."""

from analysis.contexts._cuts import cuts, merges, shared_accesses
from analysis.contexts._map import Context, ContextMap, contexts
from analysis.contexts._measures import service_measures
from analysis.contexts._responsibilities import responsibilities

__all__ = [
    "Context",
    "ContextMap",
    "contexts",
    "cuts",
    "merges",
    "responsibilities",
    "service_measures",
    "shared_accesses",
]
