"""``archreview capture``."""

from __future__ import annotations

import argparse
from typing import Final

from analysis._wording import counted
from analysis.capture import capture
from analysis.commands._options import WrongUsage
from analysis.commands._speaking import say

__all__ = ["run"]

_NOT_RUN: Final = {126: "may not be run", 127: "is not there"}


def run(options: argparse.Namespace) -> int:
    """Run a command, keep its telemetry, and return its exit code."""
    command = options.run[1:] if options.run[:1] == ["--"] else options.run
    if not command:
        raise WrongUsage("name the command to run after --, such as: archreview capture --to traces.jsonl -- pytest")
    found = capture(command, options.to, protocol=options.protocol, port=options.port)
    if found.code in _NOT_RUN and not found.requests:
        say(f"{command[0]} {_NOT_RUN[found.code]}")
    elif not found.written:
        say(
            "nothing was received, so no file was written: the command must be instrumented with OpenTelemetry "
            "and take its settings from OTEL_* (such as: opentelemetry-instrument COMMAND)"
        )
    elif not options.quiet:
        spans, logs = counted(found.spans, "span"), counted(found.logs, "log record")
        say(f"{options.to}: {spans} and {logs} in {counted(found.requests, 'request')}")
    return found.code
