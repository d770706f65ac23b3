"""How commands compare with an earlier review."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from analysis.compare import Baseline, open_baseline
from analysis.config import Configuration
from analysis.dataset import open_source
from analysis.engine import Progress
from analysis.review import Review, review

__all__ = ["baseline_of"]


def baseline_of(
    options: argparse.Namespace,
    settings: Configuration,
    progress: Progress | None,
    only: Collection[str] | None = None,
) -> Baseline | None:
    """Open what ``--baseline`` names; None where it names nothing.

    Exports and datasets are reviewed as the sources are: by the same detectors, configuration and engine. What the
    configuration hides is masked in the names of reviews that were saved without it.

    Raises
    ------
    BaselineError
        If that cannot be used.
    UnreadableExport
        If nothing could be read of it.
    """
    if options.baseline is None:
        return None

    def made(source: str) -> Review:
        data = open_source([source], skew=options.skew, progress=progress)
        return review(data, config=settings, engine=options.engine, only=only, progress=progress)

    return open_baseline(options.baseline, made).without(settings.view.hidden)
