"""What a configuration changes about answers that were given: severities, addresses of traces, acknowledgements."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final, cast

import pyarrow as pa

from analysis._wording import counted
from analysis.config import Configuration
from analysis.findings import Assessment, Example, Finding, Severity

__all__ = ["adjusted"]

_IGNORE: Final = "ignore"
_NS_PER_MS: Final = 1_000_000

#: Start and end of each trace, ms since the epoch.
Windows = Mapping[str, tuple[int, int]]


def adjusted(answers: Iterable[Assessment], settings: Configuration, spans: pa.Table) -> tuple[Assessment, ...]:
    """Return answers as the configuration has them.

    Parameters
    ----------
    answers
        What the detectors said.
    settings
        The configuration: its severities, ``trace_url`` and acknowledgements are applied.
    spans
        The spans of the traces that findings name (:func:`analysis.exemplars.collect`).
    """
    windows = _windows(spans) if settings.trace_url else {}
    return tuple(_answer(answer, settings, windows) for answer in answers)


def _answer(answer: Assessment, settings: Configuration, windows: Windows) -> Assessment:
    severity = settings.severity.get(answer.detector)
    if severity == _IGNORE and answer.findings:
        told = f"{counted(len(answer.findings), 'finding')}: the configuration ignores this detector"
        suppressed = (*answer.suppressed, told)
        return dataclasses.replace(answer, outcome="not_found", findings=(), suppressed=suppressed)
    findings = tuple(_finding(finding, severity, settings, windows) for finding in answer.findings)
    return dataclasses.replace(answer, findings=findings)


def _finding(finding: Finding, severity: str | None, settings: Configuration, windows: Windows) -> Finding:
    if severity is not None and severity != finding.severity:
        said = f"severity is {severity} by the configuration; the rule says {finding.severity}"
        finding = dataclasses.replace(
            finding, severity=cast("Severity", severity), considered=(*finding.considered, said)
        )
    if settings.trace_url:
        linked = tuple(_linked(example, settings.trace_url, windows) for example in finding.exemplars)
        finding = dataclasses.replace(finding, exemplars=linked)
    known = next((item for item in settings.acknowledgements if item.finding == finding.id), None)
    if known is not None:
        members = {name: value for name, value in vars(known).items() if name != "finding"}
        finding = dataclasses.replace(finding, acknowledged=members)
    return finding


def _linked(example: Example, address: str, windows: Windows) -> Example:
    start, end = windows.get(example.trace_id, (0, 0))
    url = address.format(
        trace_id=example.trace_id,
        trace_id_low=example.trace_id[16:],
        span_id=example.span_ids[0] if example.span_ids else "",
        start_ms=start,
        end_ms=end,
    )
    return dataclasses.replace(example, url=url)


def _windows(spans: pa.Table) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    columns = ("trace_id_high", "trace_id_low", "start_ns", "duration_ns")
    for high, low, start, length in zip(*(spans[name].to_pylist() for name in columns), strict=True):
        if start is None:
            continue
        trace_id = f"{high:016x}{low:016x}"
        begin, end = start // _NS_PER_MS, -(-(start + (length or 0)) // _NS_PER_MS)
        known = found.get(trace_id, (begin, end))
        found[trace_id] = (min(known[0], begin), max(known[1], end))
    return found
