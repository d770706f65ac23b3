"""Telemetry of a command, as it runs: an OTLP receiver on loopback, the command told of it, its exit code handed on."""

from __future__ import annotations

from analysis.capture.http import serve_http
from analysis.capture.keeping import Keeper
from analysis.capture.running import Captured, CaptureError, capture

__all__ = ["CaptureError", "Captured", "Keeper", "capture", "serve_http"]
