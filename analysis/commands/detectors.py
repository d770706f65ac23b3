"""``archreview detectors``."""

from __future__ import annotations

import argparse
import sys

from analysis import detectors as catalogue
from analysis.commands._options import nearest

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """List the detectors, or show the page of one."""
    known = catalogue.discover()
    if options.name is None:
        for name, detector in known.items():
            print(f"{detector.INFO.family:<14} {name:<24} {detector.INFO.title}")
        return 0
    if options.name not in known:
        raise nearest("detector", options.name, known)
    sys.stdout.write(catalogue.page(options.name))
    return 0
