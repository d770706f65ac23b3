"""Reviews one after the other: a small file each, from which trends and the age of a finding are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis.findings import FAMILIES, SEVERITIES
from analysis.review import Review
from analysis.scorecard import MARKS, UNJUDGED

__all__ = ["Entry", "History", "HistoryError", "append", "open_history"]

SCHEMA: Final = "archreview/history/1"
_PATTERN: Final = "review-*.json"


class HistoryError(ValueError):
    """The history cannot be used; the message names the file."""


@dataclass(frozen=True)
class Entry:
    """What is kept of one review.

    Attributes
    ----------
    key
        Tells reviews apart: a hash of what was read. The same exports, reviewed again, take the place of the first.
    first, last
        The window of the telemetry, ISO 8601; "" where no record has a time.
    traces, services
        How many were seen.
    marks
        For each family how many services have which mark.
    findings
        By id: detector, severity, title, and what it costs (``total_ms``, ``requests``).
    """

    key: str
    first: str
    last: str
    traces: int
    services: int
    marks: Mapping[str, Mapping[str, int]]
    findings: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, review: Review) -> Entry:
        """Take what is kept of a review."""
        read = [[entry["path"], entry["traces"], entry["spans"], entry["logs"]] for entry in review.inputs]
        window = (str(review.totals.get("first") or ""), str(review.totals.get("last") or ""))
        text = json.dumps([*window, read], sort_keys=True)
        marks = {family: [str(mark) for mark in review.scorecard[family]] for family in FAMILIES}
        return cls(
            hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
            *window,
            int(review.totals["traces"]),
            len(review.services),
            {family: _counted(own) for family, own in marks.items()},
            {
                finding.id: {
                    "detector": finding.detector,
                    "severity": finding.severity,
                    "title": finding.title,
                    "total_ms": round(float(finding.cost.get("total_ms") or 0.0), 3),
                    "requests": int(finding.cost.get("requests_failed") or 0),
                }
                for finding in review.finding_objects
            },
        )


def _counted(marks: list[str]) -> dict[str, int]:
    return {mark: marks.count(mark) for mark in (*MARKS, UNJUDGED) if mark in marks}


@dataclass(frozen=True)
class History:
    """Reviews in the order of their windows.

    Attributes
    ----------
    entries
        The earliest first.
    """

    entries: tuple[Entry, ...] = ()

    def age(self, finding_id: str) -> tuple[int, str]:
        """Return in how many reviews in a row, up to the last, a finding was seen, and when the first of them began.

        0 and "" where the last review does not have it.
        """
        reviews, since = 0, ""
        for entry in reversed(self.entries):
            if finding_id not in entry.findings:
                break
            reviews, since = reviews + 1, entry.first
        return reviews, since

    @cached_property
    def trend(self) -> pd.DataFrame:
        """One row a review: last, traces, services, a column each severity, requests, total_ms_per_trace, marks_d_e.

        ``requests`` counts failed requests that findings cost, ``total_ms_per_trace`` adds up what they cost in time,
        by trace so that a longer window costs no more, ``marks_d_e`` counts marks of D and E.
        """
        rows = [_row(entry) for entry in self.entries]
        columns = ["last", "traces", "services", *SEVERITIES, "requests", "total_ms_per_trace", "marks_d_e"]
        return pd.DataFrame(rows, columns=columns)


def _row(entry: Entry) -> dict[str, Any]:
    found = list(entry.findings.values())
    counts: dict[str, int] = {name: sum(item["severity"] == name for item in found) for name in SEVERITIES}
    return {
        "last": entry.last,
        "traces": entry.traces,
        "services": entry.services,
        **counts,
        "requests": sum(item["requests"] for item in found),
        "total_ms_per_trace": sum(item["total_ms"] for item in found) / max(entry.traces, 1),
        "marks_d_e": sum(marks.get("D", 0) + marks.get("E", 0) for marks in entry.marks.values()),
    }


def open_history(folder: str | Path) -> History:
    """Open the history of a folder; an empty one where nothing was appended yet.

    Raises
    ------
    HistoryError
        A file there was not written by this program.
    """
    return _ordered(_read(path) for path in sorted(Path(folder).glob(_PATTERN)))


def append(review: Review, folder: str | Path) -> History:
    """Add a review to the history of a folder, which is made where it is missing, and return all of it.

    Parameters
    ----------
    review
        What is added; the review of the same exports that is there already is replaced.
    folder
        One small JSON file a review.

    Raises
    ------
    HistoryError
        A file there was not written by this program.
    """
    target = Path(folder)
    known = open_history(target)
    entry = Entry.of(review)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"review-{entry.key}.json"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"schema": SCHEMA} | asdict(entry), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return _ordered([*(other for other in known.entries if other.key != entry.key), entry])


def _read(path: Path) -> Entry:
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        if members.pop("schema") != SCHEMA:
            message = f"{path} is of another schema than {SCHEMA}"
            raise HistoryError(message)
        return Entry(**members)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} cannot be read as a review of the history ({error}): move it away"
        raise HistoryError(message) from error


def _ordered(entries: Iterable[Entry]) -> History:
    return History(tuple(sorted(entries, key=lambda entry: (entry.last, entry.first, entry.key))))
