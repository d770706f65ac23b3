"""Log lines as text, of any logging library.

**Who exports it.** Programs that log for people: Spring Boot and logback, log4j, Python's logging, .NET, Rails, glog,
syslog; ``docker logs``, ``kubectl logs``, ``journalctl -o short-iso``.

**What is read.** Time and level from the beginning of a line, the logger where it stands as Spring Boot and logback
write it, and a trace wherever a line names one: a ``traceparent``, Spring Boot's ``[app,trace,span]`` and
``[trace-span]``, Datadog's ``dd.trace_id=…``, or an id behind the words trace id. Lines of a stack trace, and lines
without a time where the others have one, belong to the record before them.

**What is assumed.** Times without a zone are UTC; times without a year are none. Lines that name no service are of the
service that the file is named after.
"""

from __future__ import annotations

import re
from typing import Final

from analysis.sources._log_access import access_fields
from analysis.sources._log_lines import BEGINNING, LEVEL, logfmt_fields
from analysis.sources._log_lines import read_lines as read
from analysis.sources._log_sniff import first_lines, json_objects
from analysis.sources._log_times import TIME

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "log-text"
TITLE: Final = "Text log lines: Spring Boot, logback, Python, .NET, syslog"
DESCRIPTION: Final = __doc__ or ""

_HEADER: Final = 200
#: Text of tools that holds times and levels and is no log.
_FOREIGN: Final = (b"ScopeSpans #", b"ResourceSpans #", b"<?xml", b"<html", b"<!DOCTYPE")
_SEPARATED: Final = re.compile(r"^[^\s,;\t]*(?:[,;\t][^,;\t]*){3,}$")
_LOKI: Final = re.compile(r"^\d{4}-\d\d-\d\dT\S+ \{[^}]*\} |^\d{13}\t\d{4}-")


def sniff(head: bytes) -> bool:
    """Return whether lines begin with a time or a level, followed by words, and the text is of no other format."""
    lines = first_lines(head)
    if not lines or any(mark in head for mark in _FOREIGN) or _is_table(lines):
        return False
    begun = [line for line in lines if not line[:1].isspace()]
    told = [line for line in begun if _tells(line)]
    other = len(json_objects(told)) + sum(
        access_fields(line) is not None or logfmt_fields(line) is not None or _LOKI.match(line) is not None
        for line in told
    )
    # Lines of a stack trace have no time: one in four is enough, where the first is one of them.
    return bool(told) and _tells(begun[0]) and 4 * len(told) >= len(begun) and 2 * other <= len(told)


def _tells(line: str) -> bool:
    """Return whether a line begins as those of logs do, and says something after that."""
    head = line[:_HEADER]
    time = TIME.search(head, 0, BEGINNING + 40)
    level = LEVEL.search(head[:BEGINNING])
    if line[:1] in "{<#" and level is None:
        return False
    begins = (time is not None and time.start() <= BEGINNING // 2) or (level is not None and level.start() <= 2)
    return begins and any(letter.isalpha() for letter in line[time.end() if time is not None else 0 :])


def _is_table(lines: list[str]) -> bool:
    """Return whether the lines are rows of a table: a header without a time, and as many separators in each."""
    return bool(_SEPARATED.match(lines[0])) and TIME.search(lines[0]) is None
