"""``archreview inspect``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis import facts, trust
from analysis._wording import counted, duration, percent, plain
from analysis.commands._reading import code_of, progress_of, read, settings_of
from analysis.commands._speaking import expect, give
from analysis.dataset import Dataset
from analysis.dataset.view import View
from analysis.engine import scan_facts
from analysis.facts.coverage import ASPECTS
from analysis.ingest import Input
from analysis.planting import planting
from analysis.trust import Trust

__all__ = ["SCHEMA", "run"]

SCHEMA: Final = "archreview/inspect/1"
_MOST_SERVICES: Final = 12


def run(options: argparse.Namespace) -> int:
    """Read the sources whole and say what is in them."""
    settings = settings_of(options)
    expect(options.out)
    with progress_of(options) as progress:
        # What was read is told as it is: only what must not be shown is taken out.
        data = read(options, progress).seen(View(hidden=settings.view.hidden))
        ground = planting(data)
        tables = scan_facts(data, trust.FACTS, ground=ground, engine=options.engine, progress=progress)
    catalogue = facts.discover()
    frames = {name: facts.to_frame(catalogue[name].FIELDS, table) for name, table in tables.items()}
    report = trust.report(frames, ground.offsets.offsets if ground.offsets else {})
    if options.format == "json":
        text = json.dumps(_members(data, report), indent=1, ensure_ascii=True, allow_nan=False)
    else:
        text = "\n".join([*_inputs(data), *_trusted(data, report)])
    give(text + "\n", options.out)
    return code_of(options, data)


def _members(data: Dataset, report: Trust) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "inputs": [entry.to_json() for entry in data.inputs],
        "totals": data.totals.to_json(),
        "trust": report.to_json(),
    }


def _inputs(data: Dataset) -> Iterator[str]:
    for entry in data.inputs:
        yield from _entry(plain(entry.path), entry)
        yield ""
    if len(data.inputs) > 1:
        yield from _entry("Together", data.totals)
        yield ""


def _entry(title: str, entry: Input) -> Iterator[str]:
    if entry.problem:
        yield f"{title}: not read"
        yield f"  {plain(entry.problem)}"
        yield from (f"  {plain(note)}" for note in entry.notes if note != entry.problem)
        return
    yield f"{title}: {entry.format}"
    yield f"  {', '.join(_counts(entry)) or 'no record'}"
    if entry.services:
        named = ", ".join(plain(name, 80) for name in entry.services[:_MOST_SERVICES])
        more = f" and {len(entry.services) - _MOST_SERVICES:,} more" if len(entry.services) > _MOST_SERVICES else ""
        yield f"  {counted(len(entry.services), 'service')}: {named}{more}"
    if entry.first_ns is not None and entry.last_ns is not None:
        members = entry.to_json()
        length = duration((entry.last_ns - entry.first_ns) / 1e6)
        yield f"  {members['first']} to {members['last']} ({length})"
    for row in entry.rejected:
        yield f"  refused: {_refused(row)}"
    for note in entry.notes:
        yield f"  note: {plain(note)}"


def _counts(entry: Input) -> Iterator[str]:
    if entry.spans:
        roots, failed = counted(entry.root_spans, "root"), f"{entry.error_spans:,} failed"
        yield counted(entry.traces, "trace")
        yield f"{counted(entry.spans, 'span')} ({roots}, {failed})"
    if entry.logs:
        yield counted(entry.logs, "log record")


def _refused(row: Mapping[str, Any]) -> str:
    return f"{counted(row['count'], 'record')}: {plain(row['reason'])} (such as {plain(str(row['example']), 200)})"


def _trusted(data: Dataset, report: Trust) -> Iterator[str]:
    measures = report.to_json()
    if not data.totals.spans:
        yield from _of_logs(measures["logs"])
        if not data.totals.logs and not any(entry.rejected or entry.problem for entry in data.inputs):
            what = "Each of the exports" if len(data.inputs) > 1 else "The export"
            yield f"{what} is well-formed and holds no record."
        return
    yield "How far it can be trusted"
    lost = measures["orphan_spans"]
    yield f"  {'spans that lost their parent':<58}  {_of(measures['orphan_share'], lost)}"
    if cut := measures["cut_spans"]:
        yield f"  {'spans whose parent may lie beyond the ends of the export':<58}  {cut:,}"
    yield f"  {'spans with attribute names that have been replaced':<58}  {percent(measures['old_convention_share'])}"
    for aspect, share in measures["attribute_coverage"].items():
        said = "no span could say it" if share is None else percent(share)
        yield f"  {ASPECTS[aspect][2]:<58}  {said}"
    yield from _of_logs(measures["logs"])
    for shift in measures["skew_corrected_hosts"]:
        way = "forward" if shift["shift_ms"] > 0 else "back"
        yield f"  the clock of {plain(shift['host'], 60)} was set {way} by {duration(abs(shift['shift_ms']))}"
    for doubt in report.doubts.values():
        yield f"  {plain(doubt.sentence)}"


def _of(share: float, number: int) -> str:
    return f"{percent(share)} ({number:,})" if number else "none"


def _of_logs(measures: Mapping[str, Any]) -> Iterator[str]:
    """Say what log records are worth, where there are any."""
    if not measures.get("records"):
        return
    yield f"  {'log records that name a trace':<58}  {percent(measures['correlation_share'])}"
    if measures["join_share"] is not None:
        yield f"  {'of these, naming one that spans of the export belong to':<58}  {percent(measures['join_share'])}"
    if measures["request_id_share"]:
        told = percent(measures["request_id_share"])
        yield f"  {'log records that lead to a trace by a request id alone':<58}  {told}"
    yield f"  {'log records that are data, not sentences':<58}  {percent(measures['structured_share'])}"
    said = ", ".join(f"{number:,} {severity}" for severity, number in measures["severities"].items())
    yield f"  {'log records by severity':<58}  {said}"
