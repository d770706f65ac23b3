"""Log records as Datadog's Logs API (version 2) returns them.

**Who exports it.** ``/api/v2/logs/events`` and ``/api/v2/logs/events/search``: pages of an array ``data``, one response
a file, a line, or one after another.

**What is read.** Time, status, service, host, message; trace and span id from the attributes, wherever a pipeline has
put them (``dd.trace_id``, ``trace_id``, ``otel.trace_id``); logger and type of error. A message that is itself JSON,
logfmt or an access log is read as a file of such lines would be.

**What is assumed.** Ids of ``dd.`` fields are decimal and are the lower half of a trace id: they join traces by it.
Statuses are Datadog's (``ok`` counts as info). An export is what the index kept, and its pages are at most 1,000
records each: whether there are more, ``meta.page.after`` says, and so does a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analysis.semconv import text
from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Rejects, masked
from analysis.sources._log_lines import LineReader
from analysis.sources._log_records import RecordReader
from analysis.sources._log_times import log_time
from analysis.sources._log_values import level
from analysis.sources._outline import outlines
from analysis.sources._rows import BATCH_ROWS, Batch, LogRows
from analysis.sources._streams import Readable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "datadog-logs"
TITLE: Final = "Datadog Logs API, version 2"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
MORE: Final = "pages that say that there are more after them"

_LAYOUT: Final = Layout(records=frozenset({"data"}), remarks={b'"after"': MORE})
_PATHS: Final = ("data[]", "[]", "")


def sniff(head: bytes) -> bool:
    """Return whether the bytes are records of Datadog's logs: of type ``log``, with attributes."""
    return b'"log"' in head and any(
        keys.has(path, "attributes")
        and keys.has(path, "type")
        and not keys.has(f"{path}.attributes".lstrip("."), "span_id")
        and any(keys.has(f"{path}.attributes".lstrip("."), name) for name in ("message", "status", "timestamp", "tags"))
        for keys in outlines(head)
        for path in _PATHS
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield log records in batches."""
    reader = _Reader(rejects)
    for unit in units(stream, rejects, _LAYOUT):
        reader.take(unit.value, unit.position)
        if len(reader.rows) >= BATCH_ROWS:
            yield from reader.rows.batch()
    yield from reader.rows.batch()


class _Reader:
    """Gathers rows from decoded records."""

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = LogRows(rejects)
        self._rejects = rejects
        self._lines, self._records = LineReader(rejects), RecordReader(rejects, decimal=True)

    def take(self, value: Any, position: str) -> None:
        """Take a record, or a page of them."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.take(item, f"{position}[{index}]")
        elif isinstance(value, dict) and isinstance(value.get("data"), list):
            if isinstance(value.get("meta"), dict) and (value["meta"].get("page") or {}).get("after"):
                self._rejects.note(MORE)
            self.take(value["data"], position)
        elif isinstance(value, dict) and isinstance(value.get("attributes"), dict):
            self._record(value["attributes"])
        elif not (isinstance(value, dict) and value.keys() <= {"data", "meta", "links"}):
            self._rejects.add(SHAPE, position, masked(value))

    def _record(self, attributes: dict[str, Any]) -> None:
        message = attributes.get("message")
        row = self.rows.template | (self._lines.columns(message) if isinstance(message, str) and message else {})
        custom = attributes.get("attributes")
        if isinstance(custom, dict) and custom:
            told = self._records.columns(custom)
            body, shaped = row["body"], row["structured"]
            row |= {name: found for name, found in told.items() if found is not None and name != "time_ns"}
            # What pipelines took out of a line of text does not make it a structured line.
            row["structured"] = shaped
            row["body"] = body if isinstance(message, str) and message else told.get("body")
        row["time_ns"] = log_time(attributes.get("timestamp"))[0]
        for column in ("service", "host"):
            row[column] = text(attributes.get(column)) or row[column] or _tag(attributes.get("tags"), column)
        row["severity"] = level(attributes.get("status")) or row["severity"]
        self.rows.append(row)


def _tag(tags: Any, name: str) -> str | None:
    """Return the value of the first tag ``name:value``."""
    for tag in tags if isinstance(tags, list) else ():
        key, _, value = str(tag).partition(":")
        if key == name and value:
            return value
    return None
