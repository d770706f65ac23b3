"""Figures of a review: data in, a Plotly figure out. Each says what it hides and reads without colour."""

from analysis.figures._theme import PAGE_STYLE, empty_figure
from analysis.figures.cascade_tree import cascade_tree
from analysis.figures.dependency_matrix import dependency_matrix
from analysis.figures.exemplar import exemplar
from analysis.figures.service_map import service_map
from analysis.figures.table_ownership import table_ownership
from analysis.figures.waterfall import waterfall

__all__ = [
    "PAGE_STYLE",
    "cascade_tree",
    "dependency_matrix",
    "empty_figure",
    "exemplar",
    "service_map",
    "table_ownership",
    "waterfall",
]
