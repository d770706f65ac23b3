"""Figures of a review: data in, a Plotly figure out. Each says what it hides and reads without colour."""

from analysis.figures._theme import PAGE_STYLE, empty_figure
from analysis.figures.availability_waterfall import availability_waterfall
from analysis.figures.blast_radius_map import blast_radius_map
from analysis.figures.blast_radius_matrix import blast_radius_matrix
from analysis.figures.calls_per_request import calls_per_request
from analysis.figures.cascade_tree import cascade_tree
from analysis.figures.change_map import change_map
from analysis.figures.co_occurrence import co_occurrence
from analysis.figures.cohesion_blocks import cohesion_blocks
from analysis.figures.context_map import context_map
from analysis.figures.data_coupling import data_coupling
from analysis.figures.dependency_matrix import dependency_matrix
from analysis.figures.duration_histogram import duration_histogram
from analysis.figures.edge_operations import edge_operations
from analysis.figures.exemplar import exemplar
from analysis.figures.load_phases import load_phases
from analysis.figures.log_correlation import log_correlation
from analysis.figures.network_share import network_share
from analysis.figures.origin_ranking import origin_ranking
from analysis.figures.orphan_map import orphan_map
from analysis.figures.propagation_timeline import propagation_timeline
from analysis.figures.repeated_calls import repeated_calls
from analysis.figures.retry_ladder import retry_ladder
from analysis.figures.scorecard_table import scorecard_table
from analysis.figures.service_map import service_map
from analysis.figures.stability_scatter import stability_scatter
from analysis.figures.table_ownership import table_ownership
from analysis.figures.trend import trend
from analysis.figures.trust_matrix import trust_matrix
from analysis.figures.waterfall import waterfall
from analysis.figures.what_if_against import what_if_against
from analysis.figures.what_if_bars import what_if_bars

__all__ = [
    "PAGE_STYLE",
    "availability_waterfall",
    "blast_radius_map",
    "blast_radius_matrix",
    "calls_per_request",
    "cascade_tree",
    "change_map",
    "co_occurrence",
    "cohesion_blocks",
    "context_map",
    "data_coupling",
    "dependency_matrix",
    "duration_histogram",
    "edge_operations",
    "empty_figure",
    "exemplar",
    "load_phases",
    "log_correlation",
    "network_share",
    "origin_ranking",
    "orphan_map",
    "propagation_timeline",
    "repeated_calls",
    "retry_ladder",
    "scorecard_table",
    "service_map",
    "stability_scatter",
    "table_ownership",
    "trend",
    "trust_matrix",
    "waterfall",
    "what_if_against",
    "what_if_bars",
]
