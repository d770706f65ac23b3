"""Architecture reviews from exported traces and logs.

    import analysis as an

    data = an.open_export("exports/*.jsonl")
    result = an.review(data)

Everything a notebook needs is a name of this package, and loaded when it is first used: ``archreview --help`` should
not wait for numba and plotly.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from analysis import figures as figures
    from analysis.alerts import alert_rules as alert_rules
    from analysis.alerts import objectives as objectives
    from analysis.compare import Comparison as Comparison
    from analysis.compare import compare as compare
    from analysis.compare import open_comparison as open_comparison
    from analysis.contexts import contexts as contexts
    from analysis.contexts import cuts as cuts
    from analysis.contexts import merges as merges
    from analysis.contexts import responsibilities as responsibilities
    from analysis.contexts import service_measures as service_measures
    from analysis.critical_path import critical_path as critical_path
    from analysis.dataset import Dataset as Dataset
    from analysis.dataset import ingest as ingest
    from analysis.dataset import open_dataset as open_dataset
    from analysis.dataset import open_export as open_export
    from analysis.dataset import open_rows as open_rows
    from analysis.dataset import open_source as open_source
    from analysis.explore import explore as explore
    from analysis.history import open_history as open_history
    from analysis.instrumentation import instrument_next as instrument_next
    from analysis.links import calls as calls
    from analysis.lost_parents import lost_edges as lost_edges
    from analysis.one_trace import story as story
    from analysis.one_trace import worst_exemplar as worst_exemplar
    from analysis.origins import beginning as beginning
    from analysis.origins import open_beginning as open_beginning
    from analysis.origins import origins as origins
    from analysis.ownership import cohesion as cohesion
    from analysis.ownership import coupling as coupling
    from analysis.ownership import ownership as ownership
    from analysis.resilience import availability as availability
    from analysis.resilience import blast_radius as blast_radius
    from analysis.resilience import cascade_paths as cascade_paths
    from analysis.resilience import dominators as dominators
    from analysis.resilience import mechanisms as mechanisms
    from analysis.resilience import tolerance as tolerance
    from analysis.review import Review as Review
    from analysis.review import review as review
    from analysis.review_files import open_review as open_review
    from analysis.table_html import table as table
    from analysis.talking import savings as savings
    from analysis.talking import talking_points as talking_points
    from analysis.whatif import WhatIf as WhatIf
    from analysis.whatif import open_what_if as open_what_if
    from analysis.whatif import what_if as what_if

__all__ = [
    "Comparison",
    "Dataset",
    "Review",
    "WhatIf",
    "alert_rules",
    "availability",
    "beginning",
    "blast_radius",
    "calls",
    "cascade_paths",
    "cohesion",
    "compare",
    "contexts",
    "coupling",
    "critical_path",
    "cuts",
    "dominators",
    "explore",
    "figures",
    "ingest",
    "instrument_next",
    "lost_edges",
    "mechanisms",
    "merges",
    "objectives",
    "open_beginning",
    "open_comparison",
    "open_dataset",
    "open_export",
    "open_history",
    "open_review",
    "open_rows",
    "open_source",
    "open_what_if",
    "origins",
    "ownership",
    "responsibilities",
    "review",
    "savings",
    "service_measures",
    "story",
    "table",
    "talking_points",
    "tolerance",
    "what_if",
    "worst_exemplar",
]

#: Where each name lives; a room itself where nothing follows the colon.
_HOMES: Final = {
    "Comparison": "analysis.compare:Comparison",
    "Dataset": "analysis.dataset:Dataset",
    "Review": "analysis.review:Review",
    "WhatIf": "analysis.whatif:WhatIf",
    "alert_rules": "analysis.alerts:alert_rules",
    "availability": "analysis.resilience:availability",
    "blast_radius": "analysis.resilience:blast_radius",
    "calls": "analysis.links:calls",
    "cascade_paths": "analysis.resilience:cascade_paths",
    "compare": "analysis.compare:compare",
    "contexts": "analysis.contexts:contexts",
    "cuts": "analysis.contexts:cuts",
    "instrument_next": "analysis.instrumentation:instrument_next",
    "lost_edges": "analysis.lost_parents:lost_edges",
    "merges": "analysis.contexts:merges",
    "responsibilities": "analysis.contexts:responsibilities",
    "service_measures": "analysis.contexts:service_measures",
    "critical_path": "analysis.critical_path:critical_path",
    "explore": "analysis.explore:explore",
    "figures": "analysis.figures:",
    "ingest": "analysis.dataset:ingest",
    "objectives": "analysis.alerts:objectives",
    "dominators": "analysis.resilience:dominators",
    "mechanisms": "analysis.resilience:mechanisms",
    "open_dataset": "analysis.dataset:open_dataset",
    "open_export": "analysis.dataset:open_export",
    "open_history": "analysis.history:open_history",
    "open_review": "analysis.review_files:open_review",
    "open_rows": "analysis.dataset:open_rows",
    "open_source": "analysis.dataset:open_source",
    "beginning": "analysis.origins:beginning",
    "open_comparison": "analysis.compare:open_comparison",
    "open_beginning": "analysis.origins:open_beginning",
    "open_what_if": "analysis.whatif:open_what_if",
    "origins": "analysis.origins:origins",
    "review": "analysis.review:review",
    "savings": "analysis.talking:savings",
    "story": "analysis.one_trace:story",
    "worst_exemplar": "analysis.one_trace:worst_exemplar",
    "table": "analysis.table_html:table",
    "what_if": "analysis.whatif:what_if",
    "talking_points": "analysis.talking:talking_points",
    "cohesion": "analysis.ownership:cohesion",
    "coupling": "analysis.ownership:coupling",
    "ownership": "analysis.ownership:ownership",
    "tolerance": "analysis.resilience:tolerance",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, inside = home.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, inside) if inside else loaded


def __dir__() -> list[str]:
    return list(__all__)


class _Package(ModuleType):
    """The package, whose functions keep their names though a room has the same one.

    Python sets a room as an attribute of its package when the room is loaded: ``an.review`` would be the function
    before that and the module afterwards. ``from analysis.review import …`` finds the room all the same.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and not _HOMES.get(name, ":").endswith(":"):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
