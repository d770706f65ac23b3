"""A page a finding: claim, cost, evidence with its traces and log records, counter-evidence, remedy, and the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from analysis import detectors
from analysis._wording import duration
from analysis.figures import exemplar
from analysis.finding_html import measured, said
from analysis.findings import Finding
from analysis.report.prose import as_html, sections
from analysis.report.site import Document
from analysis.report.templates import render
from analysis.report.told import Told

__all__ = ["finding_pages", "is_plain"]

#: Log records of a trace that are shown.
_LOGS_AT_MOST: Final = 40
#: Findings of the same rule that are named.
_ALIKE: Final = 20
#: Names listed of a measure that is a list.
_LISTED: Final = 6
#: Spans drawn of the exemplar trace.
_SPANS_AT_MOST: Final = 48
#: Sections of the detector's page that say how it knows.
_RULE_SECTIONS: Final = ("Why it matters", "How it decides", "What it can mistake")

Logs = Mapping[str, Sequence[dict[str, Any]]]


def finding_pages(told: Told) -> tuple[Document, ...]:
    """Return the page of every finding, worst first."""
    logs = _logs_by_trace(told.review.exemplar_logs)
    findings = told.review.finding_objects
    alike: dict[str, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(finding.detector, []).append(finding)
    return tuple(_page(told, finding, alike[finding.detector], logs) for finding in findings)


def _page(told: Told, finding: Finding, alike: Sequence[Finding], logs: Logs) -> Document:
    shown = next((item for item in finding.exemplars if item.why == "median"), None)
    shown = shown or next(iter(finding.exemplars), None)
    figure = None
    if shown is not None:
        drawn = exemplar(told.review.traces, finding, shown.why, spans_at_most=_SPANS_AT_MOST)
        figure = drawn.to_plotly_json()
    own_logs = logs.get(shown.trace_id, ()) if shown else ()
    body = render(
        "finding.html.j2",
        row=told.row(finding),
        finding=finding,
        root="../",
        standing=told.standing(finding),
        shown=shown,
        figure=figure,
        logs=own_logs[:_LOGS_AT_MOST],
        logs_hidden=max(0, len(own_logs) - _LOGS_AT_MOST),
        cost=[said(name, value) for name, value in measured(finding.cost).items()],
        saving=[said(name, value) for name, value in finding.saving.items()],
        measures=[said(name, _listed(value)) for name, value in finding.measures.items() if is_plain(value)],
        limits=[said(name, value) for name, value in finding.limits.items()],
        alike=[told.row(other) for other in islice((one for one in alike if one is not finding), _ALIKE)],
        alike_hidden=max(0, len(alike) - 1 - _ALIKE),
        rule=_rule(finding.detector),
        known_services=frozenset(told.review.services),
    )
    return Document(f"findings/{finding.id}.html", finding.title, body, 1 if figure else 0)


def is_plain(value: Any) -> bool:
    """Tell whether a measure can be read in a line; tables of numbers are for programs."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, str | int | float) for item in value)
    return value is not None and not isinstance(value, Mapping)


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    shown = ", ".join(map(str, value[:_LISTED]))
    return shown if len(value) <= _LISTED else f"{shown} and {len(value) - _LISTED} more"


@cache
def _rule(detector: str) -> tuple[str, Sequence[tuple[str, Any]]]:
    """Return the title of a detector and those sections of its page that say how it knows."""
    known = detectors.discover().get(detector)
    if known is None:
        return detector, ()
    told = sections(known.__doc__)
    return known.INFO.title, [(name, as_html(told[name])) for name in _RULE_SECTIONS if name in told]


def _logs_by_trace(table: pa.Table) -> Logs:
    found: dict[str, list[dict[str, Any]]] = {}
    first: dict[str, int] = {}
    for row in table.to_pylist():
        trace = f"{row['trace_id_high']:016x}{row['trace_id_low']:016x}"
        time = row["time_ns"]
        if time is not None:
            first.setdefault(trace, time)
        at = None if time is None else duration((time - first[trace]) / 1e6)
        found.setdefault(trace, []).append({**row, "at": at})
    return found
