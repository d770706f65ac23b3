"""``archreview report``."""

from __future__ import annotations

import argparse

from analysis._wording import counted
from analysis.commands._comparing import baseline_of
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import say
from analysis.compare import Comparison
from analysis.report import Forms, build_report
from analysis.review import review

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Review the sources, execute the notebooks, and write the pages."""
    forms = Forms(options.single_file, options.slides, options.pdf, options.pictures, options.markdown)
    forms.check()
    settings = settings_of(options)
    with progress_of(options) as progress:
        before = baseline_of(options, settings, progress)
        data = read(options, progress)
        edges = None if before is None else before.edges
        result = review(data, config=settings, engine=options.engine, edges_before=edges, progress=progress)
        comparison = None if before is None else Comparison(before, result)
        index = build_report(
            result, options.out, title=options.title, comparison=comparison, forms=forms, progress=progress
        )
    tell_refused(options, data)
    if not options.quiet:
        say(f"{index}: {counted(len(result.finding_objects), 'finding')}")
    return code_of(options, data)
