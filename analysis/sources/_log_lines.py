"""Log lines into rows, whatever their shape: JSON, logfmt, an access log or prose, one after another or mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis.sources._collection import without_collection
from analysis.sources._json import NotJson, loads
from analysis.sources._ledger import Rejects
from analysis.sources._log_access import access_columns, access_fields
from analysis.sources._log_columns import NO_SERVICE
from analysis.sources._log_ids import ids_in_text
from analysis.sources._log_records import RecordReader, error_in
from analysis.sources._log_scan import block_lines
from analysis.sources._log_times import NO_ZONE, TIME, log_time, time_text
from analysis.sources._log_values import LOGFMT, severity, syslog_severity
from analysis.sources._rows import BATCH_ROWS, TEXT_LIMIT, Batch, LogRows
from analysis.sources._streams import Readable

__all__ = [
    "BEGINNING",
    "LEVEL",
    "LineReader",
    "is_beginning",
    "lines_of",
    "logfmt_fields",
    "read_lines",
    "service_of_file",
]

#: How far into a line its time and its level are looked for.
BEGINNING: Final = 64
_HEADER: Final = 200
LINE_LIMIT: Final = 1 << 20
LINE_CUT: Final = f"lines longer than {LINE_LIMIT >> 20} MiB were cut"
_CHUNK: Final = 4 << 20

#: Runtimes of containers put this before each line: time, stream, whether the line is whole.
_CRI: Final = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) (?:stdout|stderr) [FP] (.*)", re.DOTALL)
_DOCKER: Final = frozenset({"log", "stream", "time", "attrs"})
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
LEVEL: Final = re.compile(
    r"\b(?P<word>TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|ALERT|EMERG|PANIC)\b"
    r"|\[(?P<short>trace|debug|info|notice|warn|warning|error|crit|alert|emerg|fatal)\]"
    r"|^(?P<glog>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s|^<(?P<syslog>\d{1,3})>"
    r"|\b(?P<plain>trace|debug|info|warn|error|fatal)[:\t|]"
)
_GLOG: Final = {"I": "info", "W": "warn", "E": "error", "F": "fatal"}
_PAIR: Final = re.compile(r'([\w.@/-]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_ESCAPE: Final = re.compile(r'\\(["\\nt])')
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
#: A line that could name a trace; most do not, and are not searched any further.
_PERHAPS: Final = re.compile(r"[0-9A-Fa-f]{16}|\d{17}|[Tt]race[-_. ]?[Ii]d", re.ASCII)
_REQUEST: Final = re.compile(
    r"(?<![A-Za-z])(?:x-)?(?:request|correlation)[-_. ]?id\"?\s?[:=]\s?\"?(?P<id>[\w-]{8,64})", re.ASCII | re.IGNORECASE
)
_DATADOG_SERVICE: Final = re.compile(r"\bdd\.service=([\w.-]+)")
#: Who logged: Spring Boot's and logback's patterns, and what is common in Python.
_LOGGER: Final = re.compile(
    r"--- \[[^\]]*\] (?:\[[^\]]*\] )*(?P<spring>[\w.$\[\]/-]+)\s+:|(?<=[\]\s])(?P<dash>[A-Za-z_][\w.$]*) - "
)
#: What follows a record rather than begins one: parts of a stack trace.
_FOLLOWS: Final = re.compile(
    r"\s+\S|Caused by: |Traceback \(most|Suppressed: |During handling of|The above exception|\}|\)"
)
_RAISED: Final = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b")


def logfmt_fields(line: str) -> dict[str, str] | None:
    """Return the pairs of a logfmt line; None where it is none, or has less than two."""
    if "=" not in line or LOGFMT.fullmatch(line[:LINE_LIMIT]) is None:
        return None
    fields: dict[str, str] = {}
    for key, quoted, plain in _PAIR.findall(line):
        value = plain if plain or not quoted else quoted
        fields[key] = _ESCAPE.sub(lambda match: _ESCAPES[match[1]], value) if "\\" in value else value
    return fields


class LineReader:
    """Makes columns of single lines; says of each whether it may begin a record.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    """

    def __init__(self, rejects: Rejects) -> None:
        self.records: Final = RecordReader(rejects)
        self._note = rejects.note

    def columns(self, line: str) -> dict[str, Any]:
        """Return the columns that a line feeds; those it says nothing about are not among them."""
        if "\x1b" in line:
            line = _COLOURS.sub("", line)
        if line[:1] == "{":
            found = self._json(line)
            if found is not None:
                return found
        elif line[4:5] == "-" and (inner := _CRI.match(line)) is not None:
            return self._wrapped(inner[2], inner[1])
        fields = access_fields(line)
        if fields is not None:
            return self._access(fields, line)
        pairs = logfmt_fields(line)
        if pairs is not None:
            return self.records.columns(pairs, line)
        return self._text(line)

    def _json(self, line: str) -> dict[str, Any] | None:
        try:
            record = loads(line.encode("utf-8", "replace"))
        except NotJson:
            return None
        if type(record) is not dict:
            return None
        if record.keys() <= _DOCKER and type(record.get("log")) is str:
            return self._wrapped(record["log"].rstrip("\n"), record.get("time"))
        return self.records.columns(record, line)

    def _wrapped(self, line: str, time: Any) -> dict[str, Any]:
        """Return the columns of a line that a runtime wrapped; its own time is better than the runtime's."""
        row = self.columns(line)
        if row.get("time_ns") is None:
            row["time_ns"] = log_time(time)[0]
        return row

    def _access(self, fields: Mapping[str, Any], line: str) -> dict[str, Any]:
        row = access_columns(fields)
        ids = ids_in_text(line) if _PERHAPS.search(line) is not None else None
        if ids is not None:
            row["trace_id_high"], row["trace_id_low"], row["span_id"] = ids[:3]
        row["time_ns"], zoned = log_time(fields["time"])
        if not zoned:
            self._note(NO_ZONE)
        if fields.get("request_id") not in {None, "", "-"}:
            row["request_id"] = fields["request_id"]
        row["structured"] = True
        return row

    def _text(self, line: str) -> dict[str, Any]:
        head = line[:_HEADER]
        row: dict[str, Any] = {"body": line, "structured": False}
        match = TIME.search(head, 0, BEGINNING + 40)
        if match is not None and match.start() <= BEGINNING:
            row["time_ns"], zoned = time_text(match)
            if not zoned:
                self._note(NO_ZONE)
        found = LEVEL.search(head)
        if found is not None:
            row["severity"] = _level(found)
        logger = _LOGGER.search(head)
        if logger is not None:
            row["logger"] = logger["spring"] or logger["dash"]
        if _PERHAPS.search(line) is not None:
            ids = ids_in_text(line)
            if ids is not None:
                row["trace_id_high"], row["trace_id_low"], row["span_id"] = ids[:3]
                if ids.service:
                    row["service"] = ids.service
        if "dd.service" in line and (named := _DATADOG_SERVICE.search(line)) is not None:
            row["service"] = named[1]
        if ("-id" in line or "_id" in line or "Id" in line) and (asked := _REQUEST.search(line)) is not None:
            row["request_id"] = asked["id"]
        return row


def _level(match: re.Match[str]) -> str | None:
    if match["glog"]:
        return _GLOG[match["glog"]]
    if match["syslog"]:
        return syslog_severity(int(match["syslog"]) & 7)
    return severity(None, match["word"] or match["short"] or match["plain"])


@without_collection
def read_lines(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield the records of a file of log lines; lines of a stack trace belong to the record before them."""
    records = _Records(rejects, service_of_file(str(getattr(stream, "name", ""))))
    for block in _blocks(stream, rejects):
        lines = block_lines(block)
        if lines is not None:
            # Plain lines become rows at once. The last is held back: what follows it is not known yet.
            table, others = lines.rows(records.service, rejects)
            if table.num_rows:
                yield Batch(logs=table)
            for line in others:
                records.take(line)
        else:
            for line in _split(block, rejects):
                records.take(line)
        if len(records.rows) >= BATCH_ROWS:
            yield from records.rows.batch()
    records.finish()
    yield from records.rows.batch()


class _Records:
    """Puts lines together to records, in their order.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    service
        The service of lines that name none; None where there is none.
    """

    def __init__(self, rejects: Rejects, service: str | None) -> None:
        self.rows: Final = LogRows(rejects)
        self.service = service
        self._reader = LineReader(rejects)
        self._note = rejects.note
        self._pending: dict[str, Any] | None = None
        self._followers: list[str] = []

    def take(self, line: str) -> None:
        """Take the next line: a record of its own, or what goes on with the record before it."""
        pending = self._pending
        if pending is not None and _continues(line, pending):
            self._followers.append(line)
            return
        columns = self._reader.columns(line)
        if pending is not None and _goes_on(line, columns, pending):
            self._followers.append(line)
            return
        self.finish()
        if self.service is not None and columns.get("service") is None:
            columns["service"] = self.service
            self._note(NO_SERVICE)
        self._pending = columns

    def finish(self) -> None:
        """End the record that is open."""
        if self._pending is not None:
            self.rows.append(self.rows.template | _whole(self._pending, self._followers))
            self._pending = None
            self._followers.clear()


def _continues(line: str, pending: Mapping[str, Any]) -> bool:
    """Return whether a line is part of the record before it, by its own look."""
    return _FOLLOWS.match(line) is not None and (not pending["structured"] or line[:1] != "{")


def _goes_on(line: str, columns: Mapping[str, Any], pending: Mapping[str, Any]) -> bool:
    """Return whether a line of prose without a time goes on with what a line with a time began."""
    if columns["structured"] or "time_ns" in columns or "time_ns" not in pending:
        return False
    return not pending["structured"] or _RAISED.match(line) is not None


def is_beginning(line: str) -> bool:
    """Return whether a line may begin a record, by its own look: it is no part of a stack trace."""
    return _FOLLOWS.match(line) is None and _RAISED.match(line) is None


def _whole(row: dict[str, Any], followers: list[str]) -> dict[str, Any]:
    if followers:
        body = row.get("body") or ""
        row["body"] = "\n".join([body, *followers])[: TEXT_LIMIT + 1]
        if row.get("error_type") is None:
            row["error_type"] = error_in("\n".join(followers)) or error_in(body)
    return row


def lines_of(stream: Readable, rejects: Rejects) -> Iterator[str]:
    """Yield the lines of a stream that are not blank; what is no UTF-8 is replaced, endless lines are cut."""
    for block in _blocks(stream, rejects):
        yield from _split(block, rejects)


def _split(block: bytes, rejects: Rejects) -> Iterator[str]:
    for line in block.split(b"\n"):
        if len(line) > LINE_LIMIT:
            rejects.note(LINE_CUT)
        if line.strip():
            yield line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")


def _blocks(stream: Readable, rejects: Rejects) -> Iterator[bytes]:
    """Yield whole lines, some megabytes at a time; of a line that never ends its beginning."""
    rest = b""
    endless = False
    while chunk := stream.read(_CHUNK):
        if endless:
            end = chunk.find(b"\n")
            if end < 0:
                continue
            chunk, endless = chunk[end + 1 :], False
        block = rest + chunk
        whole = block.rfind(b"\n") + 1
        if whole:
            yield block[:whole]
        rest = block[whole:]
        if len(rest) > LINE_LIMIT:
            rejects.note(LINE_CUT)
            yield rest[:LINE_LIMIT]
            rest, endless = b"", True
    if rest:
        yield rest


#: Names of log files that name no service.
_GENERAL: Final = frozenset(
    (
        "access", "access_log", "all", "app", "application", "applications", "catalina", "combined", "console",
        "current", "daemon", "debug", "default", "docker", "error", "errors", "events", "export", "info", "json",
        "kern", "latest", "line", "lines", "log", "logfile", "logs", "main", "messages", "output", "server",
        "service", "services", "stderr", "stdin", "stdout", "syslog", "system", "trace", "traces", "warn", "data",
        "dump", "sample", "test",
    )
)  # fmt: skip
_ROTATED: Final = re.compile(r"(?:[-_.](?:\d[\d-]*|[a-z]?\d{4,}T?\d*|access|error|app|stdout|stderr|logs?|json))+$")
_POD: Final = re.compile(r"[^_/]+_[^_/]+_[^/]+/(?P<container>[^/]+)/\d+\.log")


def service_of_file(name: str) -> str | None:
    """Return the service that a log file is named after; None where its name says none.

    ``notifications.log.zst`` is of notifications, ``orders-2026-11-23.log`` of orders, Kubernetes'
    ``shop_cart-7d9f_<uid>/cart/0.log`` of cart; ``app.log`` and ``stdout`` say nothing.
    """
    plain = name.replace("\\", "/")
    pod = _POD.search(plain)
    if pod is not None:
        return pod["container"]
    file = plain.rsplit("/", 1)[-1]
    if "." not in file:
        return None
    first = file.split(".", 1)[0]
    stem = _ROTATED.sub("", first)
    known = stem.lower() in _GENERAL or not re.fullmatch(r"[A-Za-z][\w-]{1,62}", stem)
    return None if known else stem
