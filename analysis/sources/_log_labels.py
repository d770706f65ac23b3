"""Log lines that a store keeps with labels, as Loki does: the labels tell what the line leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.semconv import text
from analysis.sources._ledger import Rejects
from analysis.sources._log_ids import span_id_of, trace_id_of
from analysis.sources._log_keys import request_key
from analysis.sources._log_lines import LineReader
from analysis.sources._log_times import log_time
from analysis.sources._log_values import level
from analysis.sources._rows import LogRows

__all__ = ["LabelledLines"]

_SERVICE: Final = (
    "service_name",
    "service.name",
    "service",
    "app",
    "app_kubernetes_io_name",
    "k8s_deployment_name",
    "component",
    "container",
    "container_name",
    "job",
)
_HOST: Final = ("host_name", "host.name", "hostname", "host", "node", "node_name", "instance", "nodename")
_LEVEL: Final = ("level", "severity", "severity_text", "detected_level", "lvl", "loglevel")
_TRACE: Final = ("trace_id", "traceID", "traceId", "traceid", "trace.id", "otelTraceID")
_SPAN: Final = ("span_id", "spanID", "spanId", "spanid", "span.id", "otelSpanID")


class LabelledLines:
    """Makes rows of lines with labels, structured metadata among them.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    """

    def __init__(self, rejects: Rejects) -> None:
        self.rows: Final = LogRows(rejects)
        self._lines = LineReader(rejects)

    def add(self, line: str, time: Any, labels: Mapping[str, Any]) -> None:
        """Add a row; the store's time counts, as the line's may be of a coarser clock or of none."""
        row = self.rows.template | self._lines.columns(line)
        time_ns = log_time(time)[0]
        if time_ns is not None:
            row["time_ns"] = time_ns
        for column, names in (("service", _SERVICE), ("host", _HOST)):
            if row[column] is None:
                found = _first(labels, names)
                # A job is "namespace/name" where Prometheus' conventions are followed.
                row[column] = found.rpartition("/")[2] if found is not None and column == "service" else found
        if row["severity"] is None:
            row["severity"] = level(_first(labels, _LEVEL))
        if not (row["trace_id_high"] or row["trace_id_low"]):
            trace = trace_id_of(_first(labels, _TRACE))
            if trace is not None and trace != (0, 0):
                row["trace_id_high"], row["trace_id_low"] = trace
                row["span_id"] = span_id_of(_first(labels, _SPAN))
        if row["request_id"] is None and (key := request_key(tuple(labels))) is not None:
            row["request_id"] = text(labels[key])
        self.rows.append(row)


def _first(labels: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        if labels.get(name):
            return text(labels[name])
    return None
