"""The report: notebooks executed on one review, written as pages that need no network."""

from __future__ import annotations

from analysis.report.build import ReportError, build_report
from analysis.report.forms import Forms

__all__ = ["Forms", "ReportError", "build_report"]
