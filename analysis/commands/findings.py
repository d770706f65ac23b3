"""``archreview findings``."""

from __future__ import annotations

import argparse

from analysis import detectors, outputs
from analysis.commands._options import SEVERITIES, nearest
from analysis.commands._reading import give, progress_of, read, refused
from analysis.review import Review, review

__all__ = ["run"]

LIMIT_REACHED = 3


def run(options: argparse.Namespace) -> int:
    """Review the sources and write the findings."""
    only = _chosen(options)
    with progress_of(options) as progress:
        data = read(options, progress)
        result = review(data, config=options.config, engine=options.engine, only=only, progress=progress)
    give(options, outputs.write(result, options.format))
    if refused(options, data):
        return 1
    return LIMIT_REACHED if _reached(result, options.fail_on) else 0


def _chosen(options: argparse.Namespace) -> list[str] | None:
    catalogue = detectors.discover()
    for name in options.detector or ():
        if name not in catalogue:
            raise nearest("detector", name, catalogue)
    if not options.detector and not options.family:
        return None
    families = set(options.family or ())
    return [
        name
        for name, detector in catalogue.items()
        if name in (options.detector or ()) or detector.INFO.family in families
    ]


def _reached(result: Review, limit: str | None) -> bool:
    if limit is None:
        return False
    enough = SEVERITIES[SEVERITIES.index(limit) :]
    return any(finding.severity in enough for finding in result.finding_objects)
