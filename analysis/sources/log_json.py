"""Log lines as JSON objects, of any logging library.

**Who exports it.** Programs that log JSON to a file or to standard output: ECS loggers and Filebeat, logstash-logback,
structlog and python-json-logger, zap, zerolog, Go's slog, pino, bunyan, Serilog's compact format, Google Cloud's
structured logs, Envoy and Istio with JSON access logs. Files of container runtimes, whose lines wrap those of the
program, are unwrapped.

**What is read.** An object a line: time, severity, service, logger, trace and span id, message, type of the exception;
of proxies the request, the upstream cluster, response flags and attempts. Names are compared without case and
separators, nested or dotted: ``trace_id``, ``traceId``, ``trace.id``, ``otelTraceID``, ``dd.trace_id``, ``@tr``,
``contextMap.traceId``, ``logging.googleapis.com/trace``, ``traceparent`` and b3 headers. What else a line holds is
kept as it is and never shown.

**What is assumed.** Numbers are seconds, milliseconds, microseconds or nanoseconds by their size; times without a zone
are UTC. Levels that are numbers are those of pino and bunyan (10 to 60) or of syslog (0 to 7). Ids of ``dd.`` fields
are decimal. A line that is no JSON is a line of text: it belongs to the record before it if it looks like a stack
trace. Lines that name no service are of the service that the file is named after.
"""

from __future__ import annotations

from typing import Final

from analysis.sources._log_lines import is_beginning
from analysis.sources._log_lines import read_lines as read
from analysis.sources._log_sniff import first_lines, is_log_record, json_objects

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "log-json"
TITLE: Final = (
    "JSON log lines: ECS, logstash, structlog, zap, zerolog, slog, pino, bunyan, Serilog, Google Cloud, Envoy"
)
DESCRIPTION: Final = __doc__ or ""


def sniff(head: bytes) -> bool:
    """Return whether most of the first lines are objects, and those are log records."""
    lines = [line for line in first_lines(head) if is_beginning(line)]
    objects = json_objects(lines)
    records = sum(map(is_log_record, objects))
    return bool(records) and 2 * len(objects) >= len(lines) and 2 * records >= len(objects)
