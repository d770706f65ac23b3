"""The graph of who calls whom: services, stores, queues and users, with what passed between them.

:func:`service_graph` makes it of the merged ``calls`` fact (or of the table that ``calls(data, links=…)`` returns),
:func:`measures` says what stands out, :func:`layered` gives every node a place, and the ``to_…`` functions write it
for other tools.
"""

from analysis.graph.exports import EXPORTS, to_csv, to_dot, to_graphml, to_json, to_mermaid
from analysis.graph.grains import GRAINS, graph_at, module_name, several_modules
from analysis.graph.layout import Layout, feedback_edges, layered
from analysis.graph.service import (
    NODE_KINDS,
    ServiceGraph,
    communities,
    cycles,
    grouped,
    matrix_order,
    measures,
    service_graph,
)

__all__ = [
    "EXPORTS",
    "GRAINS",
    "NODE_KINDS",
    "Layout",
    "ServiceGraph",
    "communities",
    "cycles",
    "feedback_edges",
    "graph_at",
    "grouped",
    "layered",
    "matrix_order",
    "measures",
    "module_name",
    "service_graph",
    "several_modules",
    "to_csv",
    "to_dot",
    "to_graphml",
    "to_json",
    "to_mermaid",
]
