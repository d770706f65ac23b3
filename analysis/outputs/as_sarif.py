"""Findings as SARIF 2.1.0, for code scanning and whatever else reads results of static analysis.

A finding is of services, not of lines: it has logical locations, and, as many readers want a file, the export that it
was read from. Square brackets of names are escaped, which SARIF takes for links, and braces around digits doubled,
which it takes for placeholders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

from analysis import detectors
from analysis._wording import plain
from analysis.compare import Comparison
from analysis.findings import Assessment, Finding, Severity
from analysis.outputs._sentences import CHAPTERS
from analysis.review import Review

__all__ = ["FINGERPRINT", "write"]

#: The name under which a finding's id is given: as long as it is the same, ids can be compared.
FINGERPRINT: Final = "archreview/finding/v1"
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final[Mapping[Severity, str]] = {"info": "note", "low": "note", "medium": "warning", "high": "error"}
_STATES: Final = {"new": "new", "persisting": "unchanged", "resolved": "absent"}
_PLACEHOLDER: Final = re.compile(r"\{(\d+)\}")
_SENTENCES: Final = 2000


def write(review: Review, comparison: Comparison | None = None) -> str:
    """Return the findings as one run of SARIF; beside an earlier review with their baseline state."""
    judged = [item.detector for item in review.assessments_made]
    gone = [] if comparison is None else [item.finding for item in comparison.of_status("resolved")]
    indices = {name: place for place, name in enumerate(dict.fromkeys([*judged, *(item.detector for item in gone)]))}
    results = [_result(finding, indices, review, comparison) for finding in (*review.finding_objects, *gone)]
    run = {
        # Without an informationUri: the project has no address of its own to send a reader to.
        "tool": {"driver": {"name": "archreview", "version": version("archreview"), "rules": list(_rules(indices))}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    _notification(item, indices) for item in review.assessments_made if item.outcome == "not_assessable"
                ],
            }
        ],
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _rules(names: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    catalogue = detectors.discover()
    for name in names:
        if name not in catalogue:
            # A finding of an earlier version, whose detector is no more.
            yield {"id": name}
            continue
        info, page = catalogue[name].INFO, detectors.page(name)
        yield {
            "id": name,
            "name": "".join(word.capitalize() for word in name.split("_")),
            "shortDescription": {"text": _text(info.title)},
            "fullDescription": {"text": _text(_first(page))},
            "help": {"text": page},
            "properties": {"tags": ["architecture", info.family.replace("_", "-")]},
        }


def _first(page: str) -> str:
    """Return what a page says first of what it finds."""
    return page.split("-------------\n", 1)[-1].split("\n\n", 1)[0]


def _result(
    finding: Finding, indices: Mapping[str, int], review: Review, comparison: Comparison | None
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.detector,
        "ruleIndex": indices[finding.detector],
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(f"{finding.title}. {finding.summary} To do: {finding.remedy}")},
        "locations": [_location(finding, review)],
        "fingerprints": {FINGERPRINT: finding.id},
        "partialFingerprints": {FINGERPRINT: finding.id},
        "properties": {
            "severity": finding.severity,
            "confidence": finding.confidence,
            "chapter": CHAPTERS[finding.family],
            "services": [plain(name) for name in finding.services],
            "tracesSeen": finding.traces_seen,
            "tracesAffected": finding.traces_affected,
            "exemplars": [example.trace_id for example in finding.exemplars],
        },
    }
    links = [example.url for example in finding.exemplars if example.url]
    if links:
        result["hostedViewerUri"] = quote(links[0], safe=":/?#[]@!$&'()*+,;=%~-._")
    if comparison is not None and (status := comparison.status_of(finding.id)) in _STATES:
        result["baselineState"] = _STATES[status]
    if finding.acknowledged:
        known = finding.acknowledged
        said = f"{known['reason']} ({known['owner']}, until {known['expires']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": plain(said)}]
    return result


def _location(finding: Finding, review: Review) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": plain(name), "fullyQualifiedName": plain(name), "kind": "module"} for name in finding.services
        ]
        or [{"name": "the whole system", "kind": "namespace"}]
    }
    if review.inputs:
        uri = quote(str(review.inputs[0]["path"]).replace("\\", "/"), errors="replace")
        location["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    return location


def _notification(item: Assessment, indices: Mapping[str, int]) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": _text(f"{item.detector} could not be assessed. Missing: {'; '.join(item.missing)}")},
        "associatedRule": {"id": item.detector, "index": indices[item.detector]},
    }


def _text(text: str) -> str:
    line = plain(text, _SENTENCES).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return _PLACEHOLDER.sub(r"{{\1}}", line)
