"""``archreview inspect``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis import facts, trust
from analysis.commands._reading import give, progress_of, read, refused
from analysis.dataset import Dataset
from analysis.engine import scan_facts
from analysis.forest import planting
from analysis.outputs._plain import plain
from analysis.trust import Trust

__all__ = ["SCHEMA", "run"]

SCHEMA: Final = "archreview/inspect/1"
_FACTS: Final = ("calls", "coverage", "orphans")
_MOST_SERVICES: Final = 12


def run(options: argparse.Namespace) -> int:
    """Read the sources whole and say what is in them."""
    with progress_of(options) as progress:
        quiet = argparse.Namespace(**{**vars(options), "quiet": True})
        data = read(quiet, progress)
        ground = planting(data)
        tables = scan_facts(data, _FACTS, ground=ground, engine=options.engine, progress=progress)
    catalogue = facts.discover()
    frames = {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}
    report = trust.report(frames, ground.offsets.offsets if ground.offsets else {})
    if options.format == "json":
        give(options, json.dumps(_members(data, report), indent=1, ensure_ascii=True) + "\n")
    else:
        give(options, "\n".join(_lines(data, report)) + "\n")
    return 1 if refused(options, data) else 0


def _members(data: Dataset, report: Trust) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "inputs": [entry.to_json() for entry in data.inputs],
        "totals": data.totals.to_json(),
        "trust": report.to_json(),
    }


def _lines(data: Dataset, report: Trust) -> Iterator[str]:
    for entry in data.inputs:
        yield from _entry(entry.path, entry.to_json(), entry.problem)
    if len(data.inputs) > 1:
        yield from _entry("together", data.totals.to_json(), "")
    if not data.totals.spans:
        if not data.totals.logs:
            yield "The exports are well-formed and hold no record."
        return
    yield "how far it can be trusted"
    measures = report.to_json()
    yield f"  spans that lost their parent   {measures['orphan_share']:.1%} ({measures['orphan_spans']:,})"
    yield f"  old attribute names            {measures['old_convention_share']:.1%}"
    for aspect, share in measures["attribute_coverage"].items():
        said = "nothing could say it" if share is None else f"{share:.1%}"
        yield f"  {aspect.replace('_', ' '):<30} {said}"
    for shift in measures["skew_corrected_hosts"]:
        yield f"  clock of {plain(shift['host'], 60)} corrected by {shift['shift_ms']:+,.3f} ms"
    for doubt in report.doubts.values():
        yield f"  {doubt.sentence}"


def _entry(path: str, members: Mapping[str, Any], problem: str) -> Iterator[str]:
    if problem:
        yield f"{plain(path)}: not read: {plain(problem)}"
        yield ""
        return
    known = members.get("format", "")
    yield f"{plain(path)}: {known}" if known and path != "together" else plain(path)
    yield (
        f"  {members['traces']:,} traces, {members['spans']:,} spans ({members['root_spans']:,} roots, "
        f"{members['error_spans']:,} failed), {members['logs']:,} log records"
    )
    services = [plain(name, 80) for name in members["services"]]
    more = f" and {len(services) - _MOST_SERVICES} more" if len(services) > _MOST_SERVICES else ""
    yield f"  {len(services)} services: {', '.join(services[:_MOST_SERVICES])}{more}"
    if members["first"]:
        yield f"  from {members['first']} to {members['last']}"
    for row in members["rejected"]:
        yield f"  refused {row['count']:,}: {plain(row['reason'])} (such as {plain(str(row['example']), 200)})"
    for note in members["notes"]:
        yield f"  note: {plain(note)}"
    yield ""
