"""Log lines as logfmt: pairs of names and values.

**Who exports it.** Programs that log ``time=… level=info msg="…" traceID=…``: those of Grafana, Prometheus, HashiCorp
and Heroku, Go programs with logrus or slog's text handler.

**What is read.** The same as of JSON lines (``log-json``), by the same names. Quoted values are unescaped.

**What is assumed.** A line that is no logfmt is a line of text: it belongs to the record before it if it looks like a
stack trace. Lines that name no service are of the service that the file is named after.
"""

from __future__ import annotations

from typing import Final

from analysis.sources._log_keys import plan_of
from analysis.sources._log_lines import is_beginning, logfmt_fields
from analysis.sources._log_lines import read_lines as read
from analysis.sources._log_sniff import first_lines, mostly

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "logfmt"
TITLE: Final = "logfmt log lines: Grafana, Prometheus, Go"
DESCRIPTION: Final = __doc__ or ""


def sniff(head: bytes) -> bool:
    """Return whether most of the first lines are pairs, a time, a level or a message among them."""
    return mostly([line for line in first_lines(head) if is_beginning(line)], _is_record)


def _is_record(line: str) -> bool:
    fields = logfmt_fields(line)
    if fields is None:
        return False
    plan, _ = plan_of(tuple(fields))
    return not plan.keys().isdisjoint({"time", "severity", "message"})
