"""``archreview detectors``."""

from __future__ import annotations

import argparse

from analysis import detectors as catalogue
from analysis.commands._options import nearest
from analysis.commands._speaking import give

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """List the detectors, or show the page of one."""
    known = catalogue.discover()
    if options.name is None:
        wide = max(map(len, known), default=0)
        lines = [f"{item.INFO.family:<13}  {name:<{wide}}  {item.INFO.title}" for name, item in known.items()]
        give("\n".join(lines) + "\n")
        return 0
    if options.name not in known:
        raise nearest("detector", options.name, known)
    give(catalogue.page(options.name))
    return 0
