"""``archreview ingest``."""

from __future__ import annotations

import argparse

from analysis._wording import counted
from analysis.commands._options import WrongUsage
from analysis.commands._reading import code_of, progress_of, settings_of, tell_refused
from analysis.commands._speaking import say
from analysis.dataset import Dataset, ingest
from analysis.engine import Progress as Told

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Build or extend a dataset."""
    settings = settings_of(options)
    options.redact_dataset = options.redact_dataset or settings.redaction.dataset
    with progress_of(options) as progress:
        data = _ingested(options, settings.redaction.patterns, progress)
    tell_refused(options, data)
    if not options.quiet:
        totals = data.totals
        say(
            f"{options.to}: {counted(totals.traces, 'trace')}, {counted(totals.spans, 'span')} and "
            f"{counted(totals.logs, 'log record')} of {counted(len(totals.services), 'service')} from "
            f"{counted(len(data.inputs), 'export')} in {counted(len(data.partitions), 'partition')}"
        )
    return code_of(options, data)


def _ingested(options: argparse.Namespace, hidden: tuple[str, ...], progress: Told | None) -> Dataset:
    try:
        return ingest(
            options.sources,
            options.to,
            mapping=options.map,
            redact=options.redact_dataset,
            hidden=hidden,
            skew=options.skew,
            progress=progress,
            engine=options.engine,
        )
    except (ValueError, ImportError) as error:
        # An address of an unknown kind, or of one that needs a package more; a mapping that cannot be used.
        raise WrongUsage(str(error)) from error
