"""Figures of a review: data in, a Plotly figure out. Each says what it hides and reads without colour."""

from analysis.figures._theme import PAGE_STYLE, empty_figure
from analysis.figures.service_map import service_map

__all__ = ["PAGE_STYLE", "empty_figure", "service_map"]
