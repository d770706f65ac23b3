"""``archreview what-if``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any, Final

from analysis._wording import counted, duration, plain
from analysis.commands._options import WrongUsage
from analysis.commands._reading import code_of, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import give
from analysis.dataset.view import View
from analysis.whatif import ScenarioError, WhatIf, what_if
from analysis.whatif.scenarios import read_scenarios

__all__ = ["run"]

_MOST: Final = 25


def run(options: argparse.Namespace) -> int:
    """Replay recorded traces with one thing changed, or several."""
    settings = settings_of(options)
    try:
        scenarios = read_scenarios(options.scenario)
        with progress_of(options) as progress:
            # Scenarios name services as they were recorded, unless they are not to be named.
            data = read(options, progress).seen(View(hidden=settings.view.hidden))
        tell_refused(options, data)
        result = what_if(data, scenarios, config=settings)
    except ScenarioError as error:
        raise WrongUsage(str(error)) from error
    if options.format == "json":
        text = json.dumps(result.to_json(), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    else:
        text = "\n".join(_text(result)) + "\n"
    give(text, options.out)
    return code_of(options, data)


def _text(result: WhatIf) -> Iterator[str]:
    yield "What if: " + ", ".join(plain(scenario.text, 80) for scenario in result.scenarios)
    yield ""
    rows = result.operations.to_dict("records")
    touched = [row for row in rows if row["changed"]]
    if not touched:
        yield "No request changes."
    for row in touched[:_MOST]:
        yield f"{plain(row['service'], 40)} {plain(row['operation'], 60)}  ({_requests(row)})"
        yield f"    calls   {row['calls_before']:,g} -> {row['calls_after']:,g} a request"
        for name in ("p50", "p95"):
            before, after, low, high = (duration(row[f"{name}_ms_{end}"]) for end in ("before", "after", "low", "high"))
            yield f"    {name}     {before} -> {after}  ({low} to {high})"
        before, after, low, high = (f"{row[f'error_rate_{end}']:.1%}" for end in ("before", "after", "low", "high"))
        yield f"    failed  {before} -> {after}  ({low} to {high})"
    if len(touched) > _MOST:
        yield f"and {counted(len(touched) - _MOST, 'more entry operation')}: --format json"
    if untouched := len(rows) - len(touched):
        yield f"{counted(untouched, 'entry operation')} untouched"
    yield ""
    yield "assumed"
    yield from (f"  {plain(said, 300)}" for said in result.assumptions)
    yield "In brackets: 95 % intervals by resampling the requests."


def _requests(row: dict[Any, Any]) -> str:
    requests = counted(row["requests"], "request")
    return requests if row["changed"] == row["requests"] else f"{row['changed']:,} of {requests}"
