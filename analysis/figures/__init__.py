"""Figures of a review: data in, a Plotly figure out. Each says what it hides and reads without colour."""

from analysis.figures._theme import PAGE_STYLE, empty_figure
from analysis.figures.calls_per_request import calls_per_request
from analysis.figures.cascade_tree import cascade_tree
from analysis.figures.cohesion_blocks import cohesion_blocks
from analysis.figures.data_coupling import data_coupling
from analysis.figures.dependency_matrix import dependency_matrix
from analysis.figures.edge_operations import edge_operations
from analysis.figures.exemplar import exemplar
from analysis.figures.log_correlation import log_correlation
from analysis.figures.network_share import network_share
from analysis.figures.repeated_calls import repeated_calls
from analysis.figures.service_map import service_map
from analysis.figures.table_ownership import table_ownership
from analysis.figures.waterfall import waterfall

__all__ = [
    "PAGE_STYLE",
    "calls_per_request",
    "cascade_tree",
    "cohesion_blocks",
    "data_coupling",
    "dependency_matrix",
    "edge_operations",
    "empty_figure",
    "exemplar",
    "log_correlation",
    "network_share",
    "repeated_calls",
    "service_map",
    "table_ownership",
    "waterfall",
]
