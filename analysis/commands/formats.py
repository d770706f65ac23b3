"""``archreview formats``."""

from __future__ import annotations

import argparse
import inspect
import sys

from analysis import sources
from analysis.commands._options import nearest

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """List the export formats, or show the page of one."""
    known = {source.NAME: source for source in sources.discover()}
    if options.name is None:
        for name, source in known.items():
            print(f"{name:<16} {source.TITLE}")
        return 0
    if options.name not in known:
        raise nearest("format", options.name, known)
    sys.stdout.write(inspect.cleandoc(known[options.name].__doc__ or "") + "\n")
    return 0
