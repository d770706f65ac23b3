"""``archreview formats``."""

from __future__ import annotations

import argparse
import inspect

from analysis import sources
from analysis.commands._options import nearest
from analysis.commands._speaking import give

__all__ = ["ROWS", "run"]

#: What rows of no known format are listed as: they need a mapping.
ROWS = "rows"


def run(options: argparse.Namespace) -> int:
    """List the export formats, or show the page of one."""
    known = {source.NAME: source for source in sources.discover()}
    if options.name is None:
        titles = {name: source.TITLE for name, source in known.items()} | {ROWS: sources.ROWS_TITLE}
        wide = max(map(len, titles))
        give("\n".join(f"{name:<{wide}}  {title}" for name, title in titles.items()) + "\n")
        return 0
    if options.name == ROWS:
        give(sources.rows_page() + "\n")
        return 0
    if options.name not in known:
        raise nearest("format", options.name, (*known, ROWS))
    give(inspect.cleandoc(known[options.name].DESCRIPTION) + "\n")
    return 0
