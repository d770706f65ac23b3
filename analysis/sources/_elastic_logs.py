"""What documents beside spans tell of them: errors, events and log records, as rows and joined to their spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.semconv import resource_columns, text
from analysis.sources._elastic_apm import Processes, document_time
from analysis.sources._ids import id_reader, trace_reader
from analysis.sources._ledger import Rejects
from analysis.sources._log_records import RecordReader
from analysis.sources._log_values import is_structured, severity
from analysis.sources._rows import SpanRows

__all__ = ["ErrorJoin", "Records"]

LATE: Final = "errors that were not joined to their spans, of which there were too many to remember"
#: Spans remembered for errors that come later, and errors that wait for their spans.
_SPANS: Final = 2_000_000
_ERRORS: Final = 200_000
_Key = tuple[int, int, int]
#: The type of an error that names none.
_SOME_ERROR: Final = "_OTHER"


def _keys(ids: Mapping[str, NDArray[np.uint64]]) -> Iterator[_Key]:
    return zip(ids["trace_id_high"].tolist(), ids["trace_id_low"].tolist(), ids["span_id"].tolist(), strict=True)


class ErrorJoin:
    """Gives spans the exceptions that documents of their own report, in whatever order they come."""

    def __init__(self, rows: SpanRows, rejects: Rejects) -> None:
        self._rows = rows
        self._note = rejects.note
        self._seen: set[_Key] = set()
        self._waiting: dict[_Key, tuple[str, str | None]] = {}

    def span(self, row: dict[str, Any]) -> None:
        """Hand a span on, with the error that was told of it before."""
        key = (row["trace_id_high"], row["trace_id_low"], row["span_id"])
        told = self._waiting.pop(key, None)
        if told is not None:
            row["error_type"], row["exception_message"] = row["error_type"] or told[0], told[1]
        elif len(self._seen) < _SPANS:
            self._seen.add(key)
        self._rows.append(row)

    def awaited(self, ids: Mapping[str, NDArray[np.uint64]]) -> NDArray[np.bool_] | None:
        """Mark the spans of which an error was told already; None where there is none."""
        if not self._waiting:
            return None
        return np.fromiter((key in self._waiting for key in _keys(ids)), np.bool_, len(ids["span_id"]))

    def remember(self, ids: Mapping[str, NDArray[np.uint64]]) -> None:
        """Take note of spans that were handed on by themselves."""
        if len(self._seen) < _SPANS:
            self._seen.update(_keys(ids))

    def error(self, key: _Key, kind: str | None, message: str | None) -> None:
        """Take the first error of a span; later ones are log records alone."""
        if not key[2] or key in self._waiting:
            return
        if key in self._seen:
            # A part of the span: it becomes one with it in the dataset.
            self._seen.discard(key)
            self._rows.add(
                trace_id_high=key[0],
                trace_id_low=key[1],
                span_id=key[2],
                error_type=kind or _SOME_ERROR,
                exception_message=message,
            )
        elif len(self._waiting) < _ERRORS:
            self._waiting[key] = (kind or _SOME_ERROR, message)
        else:
            self._note(LATE)


class Records:
    """Makes rows of documents that are no spans.

    Parameters
    ----------
    template
        The row that they begin as.
    rejects
        Where assumptions are noted.
    """

    def __init__(self, template: Mapping[str, Any], rejects: Rejects) -> None:
        self._template = template
        self._note = rejects.note
        self._processes = Processes(rejects.note)
        self._reader = RecordReader(rejects)
        self._trace_id, self._span_id = trace_reader(rejects.note), id_reader(rejects.note)

    def error(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of an error document of Elastic APM."""
        row = self._begun(flat, flat.get("parent.id") or flat.get("span.id") or flat.get("transaction.id"))
        found = next(_exceptions(flat), {})
        row["error_type"] = text(found.get("type"))
        message = text(found.get("message")) or text(flat.get("error.log.message")) or text(flat.get("error.message"))
        row["body"] = message or text(flat.get("message"))
        row["severity"] = severity(None, flat.get("error.log.level") or flat.get("log.level")) or "error"
        row["logger"] = text(flat.get("error.log.logger_name"))
        row["structured"] = True
        return row

    def record(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a log record, of ECS or of OpenTelemetry."""
        native = "severity_number" in flat or "body.text" in flat or "event_name" in flat or "trace_id" in flat
        if not native:
            row = self._begun(flat, flat.get("span.id") or flat.get("transaction.id"))
            told = self._reader.columns(flat)
            row |= {name: found for name, found in told.items() if found is not None and row.get(name) in {None, ""}}
            row["structured"] = "log.level" in flat or is_structured(flat.get("message"))
            return row
        row = self._begun({**flat, "trace.id": flat.get("trace_id")}, flat.get("span_id"))
        resource = {name[20:]: value for name, value in flat.items() if name.startswith("resource.attributes.")}
        columns = resource_columns(resource, self._note)
        row["service"], row["host"] = columns.get("service"), columns.get("host")
        body = flat.get("body.text") or flat.get("attributes.exception.message") or flat.get("event_name")
        row["body"], row["structured"] = text(body), "body.text" not in flat or is_structured(body)
        row["severity"] = severity(flat.get("severity_number"), flat.get("severity_text"))
        row["logger"] = text(flat.get("scope.name"))
        row["error_type"] = text(flat.get("attributes.exception.type"))
        return row

    def _begun(self, flat: Mapping[str, Any], span: Any) -> dict[str, Any]:
        columns = self._processes.columns(flat)
        row = {**self._template, "service": columns.get("service"), "host": columns.get("host")}
        row["trace_id_high"], row["trace_id_low"] = self._trace_id(flat.get("trace.id"))
        row["span_id"] = self._span_id(span)
        row["time_ns"] = document_time(flat)[0]
        return row


def _exceptions(flat: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the exceptions of an error document, which stand as objects in a list or as flat lists of each field."""
    listed = flat.get("error.exception")
    for exception in listed if isinstance(listed, list) else ():
        if isinstance(exception, dict):
            yield exception
    kinds, messages = flat.get("error.exception.type"), flat.get("error.exception.message")
    if kinds is not None or messages is not None:
        yield {
            "type": kinds[0] if isinstance(kinds, list) and kinds else kinds,
            "message": messages[0] if isinstance(messages, list) and messages else messages,
        }
