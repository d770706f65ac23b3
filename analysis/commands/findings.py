"""``archreview findings``."""

from __future__ import annotations

import argparse

from analysis import detectors, outputs
from analysis.commands._comparing import compared
from analysis.commands._options import SEVERITIES, nearest
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import give
from analysis.review import Review, review

__all__ = ["run"]

LIMIT_REACHED = 3


def run(options: argparse.Namespace) -> int:
    """Review the sources and write the findings."""
    settings, only = settings_of(options), _chosen(options)
    with progress_of(options) as progress:
        data = read(options, progress)
        result = review(data, config=settings, engine=options.engine, only=only, progress=progress)
        comparison = compared(options, result, settings, progress, only)
    tell_refused(options, data)
    give(outputs.write(result, options.format, comparison), options.out)
    return code_of(options, data) or (LIMIT_REACHED if _reached(result, options.fail_on) else 0)


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
