"""How commands compare with an earlier review."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from analysis.commands._reading import opened
from analysis.compare import Baseline, open_baseline
from analysis.config import Configuration
from analysis.dataset import Dataset
from analysis.engine import Progress
from analysis.review import Review, review

__all__ = ["baseline_of", "baseline_with_data"]


def baseline_of(
    options: argparse.Namespace,
    settings: Configuration,
    progress: Progress | None,
    only: Collection[str] | None = None,
) -> Baseline | None:
    """Open what ``--baseline`` names; None where it names nothing.

    Exports and datasets are read and reviewed as the sources are: by the same mapping, detectors, configuration and
    engine. What the
    configuration hides is masked in the names of reviews that were saved without it.

    Raises
    ------
    BaselineError
        If that cannot be used.
    UnreadableExport
        If nothing could be read of it.
    """
    return baseline_with_data(options, settings, progress, only)[0]


def baseline_with_data(
    options: argparse.Namespace,
    settings: Configuration,
    progress: Progress | None,
    only: Collection[str] | None = None,
) -> tuple[Baseline | None, Dataset | None]:
    """Open what ``--baseline`` names, as `baseline_of`, and its recording: None where only what was found is kept."""
    if options.baseline is None:
        return None, None
    read: list[Dataset] = []

    def made(source: str) -> Review:
        data = opened([source], options, progress)
        read.append(data)
        return review(data, config=settings, engine=options.engine, only=only, progress=progress)

    baseline = open_baseline(options.baseline, made).without(settings.view.hidden)
    return baseline, read[0] if read else None
