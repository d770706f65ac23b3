"""``archreview findings``."""

from __future__ import annotations

import argparse
import datetime as dt

from analysis import detectors, outputs
from analysis.commands._comparing import baseline_of
from analysis.commands._options import WrongUsage, nearest
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import expect, give, say
from analysis.compare import Comparison
from analysis.gate import Gate, Verdict
from analysis.review import review

__all__ = ["run"]

LIMIT_REACHED = 3


def run(options: argparse.Namespace) -> int:
    """Review the sources, write the findings, and judge the gate."""
    settings, only, further = settings_of(options), _chosen(options), _further(options)
    for file in (options.out, *(file for _, file in further)):
        expect(file)
    gate = Gate(tuple(options.fail_on or ()), settings.acknowledgements, dt.datetime.now(dt.UTC).date())
    if gate.needs_baseline and options.baseline is None:
        message = f"--fail-on {gate.limits[0]} needs something to compare with: --baseline BEFORE"
        raise WrongUsage(message)
    with progress_of(options) as progress:
        before = baseline_of(options, settings, progress, only)
        data = read(options, progress)
        edges = None if before is None else before.edges
        result = review(data, config=settings, engine=options.engine, only=only, edges_before=edges, progress=progress)
    comparison = None if before is None else Comparison(before, result)
    verdict = gate.judge(result, comparison)
    tell_refused(options, data)
    give(outputs.write(result, options.format, comparison, verdict), options.out)
    for form, file in further:
        give(outputs.write(result, form, comparison, verdict), file)
    _tell_gate(options, verdict)
    return code_of(options, data) or (0 if verdict.passed else LIMIT_REACHED)


def _tell_gate(options: argparse.Namespace, verdict: Verdict) -> None:
    """Say what decided, where there is a gate; a failure is said even to who asked for quiet."""
    if options.quiet and verdict.passed:
        return
    if verdict.gate.limits or verdict.gate.acknowledgements:
        for sentence in verdict.sentences():
            say(sentence)


def _further(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the further formats and their files, before anything is read."""
    found = []
    for text in options.also or ():
        form, mark, file = text.partition("=")
        if not mark or not file:
            message = f"--also {text!r}: write it as FORMAT=FILE, such as sarif=findings.sarif"
            raise WrongUsage(message)
        if form not in outputs.FORMATS:
            raise nearest("format", form, outputs.FORMATS)
        found.append((form, file))
    return found


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
