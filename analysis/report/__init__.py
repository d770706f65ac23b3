"""The report: notebooks executed on one review, written as pages that need no network."""

from __future__ import annotations

from analysis.report.build import ReportError, build_report

__all__ = ["ReportError", "build_report"]
