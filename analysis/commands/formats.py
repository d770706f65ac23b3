"""``archreview formats``."""

from __future__ import annotations

import argparse
import inspect

from analysis import sources
from analysis.commands._options import nearest
from analysis.commands._speaking import give

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """List the export formats, or show the page of one."""
    known = {source.NAME: source for source in sources.discover()}
    if options.name is None:
        wide = max(map(len, known), default=0)
        give("\n".join(f"{name:<{wide}}  {source.TITLE}" for name, source in known.items()) + "\n")
        return 0
    if options.name not in known:
        raise nearest("format", options.name, known)
    give(inspect.cleandoc(known[options.name].DESCRIPTION) + "\n")
    return 0
