"""``archreview report``."""

from __future__ import annotations

import argparse
import sys

from analysis.commands._reading import progress_of, read, refused
from analysis.outputs._plain import plain
from analysis.report import build_report
from analysis.review import review

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Review the sources, execute the notebooks, and write the pages."""
    with progress_of(options) as progress:
        data = read(options, progress)
        result = review(data, config=options.config, engine=options.engine, progress=progress)
        index = build_report(result, options.out, title=options.title, progress=progress)
    if not options.quiet:
        print(f"{plain(str(index))}: {len(result.finding_objects)} findings", file=sys.stderr)
    return 1 if refused(options, data) else 0
