"""``archreview origins``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any, Final

from analysis._wording import counted, plain
from analysis.commands._options import NotThere, WrongUsage
from analysis.commands._reading import code_of, opened, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import expect, give
from analysis.dataset import Dataset
from analysis.engine import Progress
from analysis.origins import NoTraces, Window, origins_report, read_window

__all__ = ["run"]

_MOST: Final = 10
_EVIDENCE: Final = 6


def run(options: argparse.Namespace) -> int:
    """Rank services by how likely an incident began there."""
    settings = settings_of(options)
    expect(options.out)
    incident = _window(options.incident)
    baseline = _window(options.baseline) if _is_window(options.baseline) else None
    with progress_of(options) as progress:
        data = read(options, progress).seen(settings.view)
        other = None if baseline else _other(options, progress)
        reference = baseline or (None if other is None else other.seen(settings.view))
    tell_refused(options, data)
    try:
        members = origins_report(data, incident=_pair(incident), baseline=_given(reference))
    except NoTraces as error:
        raise NotThere(str(error)) from error
    if options.format == "json":
        text = json.dumps(members, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    else:
        text = "\n".join(_text(members)) + "\n"
    give(text, options.out)
    return code_of(options, data)


def _is_window(text: str | None) -> bool:
    """Whether a baseline is a window: the name of an export may hold dots as well, and then no time stands before."""
    return text is not None and ".." in text and text.split("..")[0][:4].isdecimal()


def _window(text: str | None) -> Window:
    try:
        return read_window(text)
    except ValueError as error:
        raise WrongUsage(str(error)) from error


def _other(options: argparse.Namespace, progress: Progress | None) -> Dataset | None:
    """Open the second source; None where no baseline is given."""
    if options.baseline is None:
        return None
    return opened(options.baseline, options, progress)


def _given(reference: Window | Dataset | None) -> Any:
    return _pair(reference) if isinstance(reference, Window) else reference


def _pair(window: Window) -> tuple[int, int]:
    return window.start_ns, window.end_ns


def _text(members: dict[str, Any]) -> Iterator[str]:
    traces, logs = members["traces"], members["logs"]
    yield f"incident  {'..'.join(members['incident'])}  {counted(traces['incident'], 'trace')}"
    yield f"baseline  {'..'.join(members['baseline'])}  {counted(traces['baseline'], 'trace')}"
    if not logs["incident"] and not logs["baseline"]:
        yield "no warning or error is logged by a span of these: the ranking is from traces alone"
    yield ""
    rows = members["origins"]
    if not rows:
        yield "Nothing changed by more than chance: no service failed, waited, called or logged otherwise than before."
        return
    for row in rows[:_MOST]:
        part = f"{row['score']:.1%} of its requests lost to it ({row['lost_share']:.1%} of all)"
        yield f"{row['rank']:>2}  {plain(row['service'], 60)}  {part}"
        yield f"    most at {plain(row['operation'] or '(no name)', 100)}"
        for piece in row["evidence"][:_EVIDENCE]:
            yield f"      {_evidence(piece)}"
        yield ""
    if len(rows) > _MOST:
        yield f"and {counted(len(rows) - _MOST, 'more service')}: --format json"
    yield "A score is the part of the requests passing a service that failed or were late for what changed there."


def _evidence(piece: dict[str, Any]) -> str:
    said = plain(piece["measure"], 200)
    during = f"{piece['during']:,g}"
    return f"{said}: {during}" if piece["before"] is None else f"{said}: {piece['before']:,g} before, {during} during"
