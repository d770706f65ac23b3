"""``archreview what-if``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any, Final

from analysis._wording import counted, duration, plain
from analysis.commands._options import WrongUsage
from analysis.commands._reading import code_of, opened, progress_of, read, settings_of, tell_refused
from analysis.commands._speaking import expect, give
from analysis.dataset import Dataset
from analysis.dataset.view import View
from analysis.engine import Progress
from analysis.whatif import ScenarioError, WhatIf, what_if
from analysis.whatif.against import TOLERANCE
from analysis.whatif.scenarios import read_scenarios

__all__ = ["run"]

_MOST: Final = 25


def run(options: argparse.Namespace) -> int:
    """Replay recorded traces with one thing changed, or several."""
    settings = settings_of(options)
    expect(options.out)
    try:
        scenarios = read_scenarios(options.scenario)
        with progress_of(options) as progress:
            # Scenarios name services as they were recorded, unless they are not to be named.
            view = View(hidden=settings.view.hidden)
            data, after = read(options, progress).seen(view), _after(options, progress)
        tell_refused(options, data)
        if after is not None:
            tell_refused(options, after)
            after = after.seen(view)
        result = what_if(data, scenarios, config=settings, against=after)
    except ScenarioError as error:
        raise WrongUsage(str(error)) from error
    if options.format == "json":
        text = json.dumps(result.to_json(), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    else:
        text = "\n".join(_text(result)) + "\n"
    give(text, options.out)
    return max(code_of(options, read_here) for read_here in (data, after) if read_here is not None)


def _after(options: argparse.Namespace, progress: Progress | None) -> Dataset | None:
    """Open what was recorded after the change; None where nothing is named."""
    if options.against is None:
        return None
    return opened(options.against, options, progress)


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
    if result.against is not None:
        yield ""
        yield from _held(result.to_json()["against"])


def _held(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "against what was recorded after"
    judged = [row for row in rows if row["held"] is not None]
    for row in judged:
        yield f"{plain(row['service'], 40)} {plain(row['operation'], 60)}  ({_both(row)})"
        yield f"    calls   {row['calls_predicted']:,g} predicted, {row['calls_observed']:,g} observed a request"
        before, predicted, drifted, observed = (
            duration(row[f"p95_ms_{end}"]) for end in ("before", "predicted", "predicted_with_drift", "observed")
        )
        yield f"    p95     {before} before, {predicted} predicted, {observed} observed"
        origin = (
            f"over {counted(row['controls'], 'kind')} of its own spans"
            if row["controls"]
            else f"the {row['drift_from']}"
        )
        yield f"    drift   {row['drift']:.2f}, {origin}: so many times as long did the same take before"
        within = "within" if row["held"] else "not within"
        yield f"    ratio   {drifted} with the drift, {row['ratio']:.2f} of observed: {within} {TOLERANCE:.0%}"
    held = sum(row["held"] for row in judged)
    yield f"{held:,} of {counted(len(judged), 'entry operation')} within {TOLERANCE:.0%}"
    if len(judged) < len(rows):
        yield "not to be held"
        for row in rows:
            if row["held"] is None:
                yield f"  {plain(row['service'], 40)} {plain(row['operation'], 60)}: {plain(row['why'], 600)}"


def _both(row: dict[str, Any]) -> str:
    return f"{counted(row['requests_before'], 'request')} before, {row['requests_after']:,} after"


def _requests(row: dict[Any, Any]) -> str:
    requests = counted(row["requests"], "request")
    return requests if row["changed"] == row["requests"] else f"{row['changed']:,} of {requests}"
