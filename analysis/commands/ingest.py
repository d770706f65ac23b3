"""``archreview ingest``."""

from __future__ import annotations

import argparse
import sys

from analysis.commands._reading import progress_of, refused
from analysis.dataset import ingest
from analysis.outputs._plain import plain

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Build or extend a dataset."""
    with progress_of(options) as progress:
        data = ingest(options.sources, options.to, progress=progress)
    if not options.quiet:
        totals = data.totals
        print(
            f"{plain(options.to)}: {totals.traces:,} traces, {totals.spans:,} spans and {totals.logs:,} log records "
            f"of {len(totals.services)} services from {len(data.inputs)} exports in {len(data.partitions)} partitions",
            file=sys.stderr,
        )
    return 1 if refused(options, data) else 0
