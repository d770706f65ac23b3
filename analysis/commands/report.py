"""``archreview report``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from analysis._wording import counted
from analysis.commands._comparing import baseline_with_data
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import say
from analysis.compare import Comparison
from analysis.history import append
from analysis.report import Forms, build_report
from analysis.report.folder import check_folder
from analysis.report.lock import building
from analysis.report.notify import Summary, send
from analysis.review import review

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Review the sources, execute the notebooks, and write the pages; then tell who asked to be told."""
    try:
        with building(options.out):
            code, summary = _built(options)
    except Exception as error:
        if options.notify:
            send(options.notify, Summary.of_failure(options.title, error))
        raise
    if options.notify:
        send(options.notify, summary)
    return code


def _built(options: argparse.Namespace) -> tuple[int, Summary]:
    forms = Forms(options.single_file, options.slides, options.pdf, options.pictures, options.markdown)
    forms.check()
    check_folder(Path(options.out))
    settings = settings_of(options)
    if options.show_values:
        settings = replace(settings, redaction=replace(settings.redaction, show_values=True))
    with progress_of(options) as progress:
        before, data_before = baseline_with_data(options, settings, progress)
        data = read(options, progress)
        edges = None if before is None else before.edges
        result = review(data, config=settings, engine=options.engine, edges_before=edges, progress=progress)
        comparison = None if before is None else Comparison(before, result)
        history = None if options.history is None else append(result, options.history)
        index = build_report(
            result,
            options.out,
            title=options.title,
            data=data.seen(settings.view),
            before=None if data_before is None else data_before.seen(settings.view),
            comparison=comparison,
            forms=forms,
            history=history,
            keep=options.keep,
            progress=progress,
        )
    tell_refused(options, data)
    if not options.quiet:
        say(f"{index}: {counted(len(result.finding_objects), 'finding')}")
    return code_of(options, data), Summary.of(result, options.title, comparison)
