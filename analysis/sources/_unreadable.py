"""The error for an export that cannot be read at all, and advice for files that look like one."""

from __future__ import annotations

import csv
from typing import Final

from analysis.sources._kibana_columns import is_report, missing_columns
from analysis.sources._outline import outlines

__all__ = ["WHAT_CAN_BE_READ", "UnreadableExport", "unreadable"]

WHAT_CAN_BE_READ: Final = (
    "`archreview formats` lists what can be read and how to export it; rows of your own are read with a mapping of "
    "their columns (`--map columns.yml`)"
)


class UnreadableExport(Exception):  # noqa: N818 - it is what the user has in hand, and the message is written for them
    """An export that cannot be read: which file, where, and what to do about it."""

    def __init__(self, name: str, problem: str, remedy: str, position: str = "") -> None:
        self.name, self.problem, self.remedy, self.position = name, problem, remedy, position
        where = f"{name}, {position}" if position else name
        super().__init__(f"{where}: {problem}{'' if problem.endswith('?') else '.'} {remedy}")


def unreadable(name: str, head: bytes) -> UnreadableExport:
    """Return the error for content that no format claims: what it looks like, and what to hand in instead.

    Parameters
    ----------
    name
        The file as the user named it.
    head
        Its first bytes, decompressed.
    """
    if not head.strip():
        what = "standard input" if name == "-" else "the file"
        return UnreadableExport(name, f"{what} is empty", "Export it again; a trace export has at least one record")
    for keys in outlines(head):
        for wanted, problem, remedy in _LOOKALIKES:
            if all(keys.has(path, key) for path, key in wanted):
                return UnreadableExport(name, problem, remedy)
    columns = _report_columns(head)
    if is_report(columns):
        return UnreadableExport(
            name,
            f"this is a CSV report of Kibana without {', '.join(missing_columns(columns))}: its rows cannot be spans",
            "Add these columns in Discover and export again, or the documents: `archreview formats elastic-apm`",
        )
    for named, problem, remedy in _TABLES:
        if named.issubset(columns):
            return UnreadableExport(name, problem, remedy)
    if b"ScopeSpans #" in head or b"ResourceSpans #" in head:
        return UnreadableExport(
            name,
            "this is the text of the Collector's debug exporter, which is written for people",
            "Configure the Collector's file exporter and hand in the file that it writes",
        )
    return UnreadableExport(
        name,
        f"unknown format: it begins with {_seen(head)}",
        WHAT_CAN_BE_READ,
    )


_LOOKALIKES = (
    (
        (("traces[]", "rootServiceName"),),
        "this is the result of a search in Tempo: an index, not traces, and it names no parents",
        "Download the traces by id (/api/v2/traces/<id>, or Download traces in Grafana's Explore)",
    ),
    (
        (("traces[]", "rootTraceName"),),
        "this is the result of a search in Tempo: an index, not traces, and it names no parents",
        "Download the traces by id (/api/v2/traces/<id>, or Download traces in Grafana's Explore)",
    ),
    (
        (("[]", "fields"), ("[]", "length")),
        "these are data frames of Grafana (a node graph or a table), which hold no spans",
        "Download the traces themselves: in Explore, open a trace, then Inspector, Data, Download traces",
    ),
    (
        (("[]", "fields"), ("[]", "meta")),
        "these are data frames of Grafana (a node graph or a table), which hold no spans",
        "Download the traces themselves: in Explore, open a trace, then Inspector, Data, Download traces",
    ),
    (
        (("[]", "binaryAnnotations"),),
        "these are spans of version 1 of Zipkin's API, which is not read",
        "Export them again from version 2: /api/v2/trace/<id>",
    ),
    (
        (("[][]", "binaryAnnotations"),),
        "these are spans of version 1 of Zipkin's API, which is not read",
        "Export them again from version 2: /api/v2/traces",
    ),
    (
        (("", "parent_id"), ("context", "trace_id"), ("context", "span_id")),
        "this is what an SDK's console exporter prints, which is written for people",
        "Export over OTLP to a Collector, hand in what its file exporter writes, or name the fields: --map columns.yml",
    ),
    (
        (("", "TraceSummaries"),),
        "these are summaries of traces of AWS X-Ray, which hold no spans",
        "Download the traces themselves: aws xray batch-get-traces --trace-ids …",
    ),
    (
        (("", "resourceMetrics"),),
        "this holds OpenTelemetry metrics, which are not read",
        "Hand in traces and logs: configure the file exporter in the pipelines `traces` and `logs`",
    ),
    (
        (("data", "result"), ("data", "resultType")),
        "this is the result of a metric query of Loki or Prometheus, which holds no log lines",
        "Hand in the result of a log query, one without rate() or count_over_time(), or traces",
    ),
)

#: Columns of tables that hold no spans, or hold them in texts that are no data any more.
_TABLES = (
    (
        frozenset({"TraceId", "SpanId", "ParentSpanId", "Duration"}),
        "this is a table of spans of ClickHouse as CSV, in which maps of attributes are texts",
        "Export it again as FORMAT JSONEachRow or FORMAT Parquet",
    ),
    (
        frozenset({"Trace ID", "Start time", "Duration"}),
        "this is the list of traces that a search in Grafana found: it names no spans and no parents",
        "Download the traces by id (/api/v2/traces/<id>, or Download traces in Grafana's Explore)",
    ),
)


def _report_columns(head: bytes) -> list[str]:
    """Return the names in the first line of a text that may be a table."""
    line = head.decode("utf-8", "replace").lstrip("\ufeff\r\n").partition("\n")[0]
    if line[:1] in {"{", "["} or "," not in line:
        return []
    try:
        return [name.strip() for name in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _seen(head: bytes) -> str:
    """Describe the first bytes without showing values."""
    start = head.lstrip()[:1]
    if start in {b"{", b"["}:
        keys = next((found.keys() for found in outlines(head) if found.keys()), ())
        listed = ", ".join(f'"{key}"' for key in keys[:6])
        return f"a JSON {'object' if start == b'{' else 'array'}" + (f" with {listed}" if listed else "")
    if head.startswith(b"PAR1"):
        columns = head.decode("utf-8", "replace").split("\n")[1:-1]
        return "the mark of a Parquet file" + (f" with the columns {', '.join(columns[:6])}" if columns else "")
    if b"\0" in head[:512]:
        return f"binary data (0x{head[:4].hex()})"
    first = head.lstrip().split(b"\n", 1)[0]
    return f"a line of text of {len(first)} characters" + (", a CSV header perhaps" if first.count(b",") >= 3 else "")
