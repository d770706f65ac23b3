"""What the first lines of a file are, so that log formats claim theirs and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from analysis.sources._json import NotJson, loads
from analysis.sources._log_keys import flattened, normalised, plan_of

__all__ = ["first_lines", "is_log_record", "json_objects", "mostly"]

_LINES: Final = 40
#: Names that only spans, or envelopes of other formats, have.
_NOT_LOGS: Final = frozenset(
    (
        "parentspanid", "parentid", "spanname", "operationname", "resourcespans", "resourcelogs", "resourcemetrics",
        "scopespans", "scopelogs", "spans", "resourceattributes", "logattributes", "binaryannotations",
        "starttimeunixnano", "processorevent", "subsegments", "references", "processid", "localendpoint",
        "remoteendpoint", "childrenids",
    )
)  # fmt: skip
_ENVELOPES: Final = frozenset(("_source", "_index", "hits", "metadata"))


#: Names that only access logs of nginx have, beside what was asked and answered.
_SERVED: Final = frozenset({"bodybytessent", "requesttime", "upstreamaddr", "upstreamresponsetime", "upstreamstatus"})


def first_lines(head: bytes) -> list[str]:
    """Return the whole lines that a file begins with, blank ones left out; none where it is binary."""
    if b"\0" in head:
        return []
    parts = head.split(b"\n")
    # The last may be cut off, unless it is the only one.
    whole = parts[:-1] if len(parts) > 1 else parts
    lines = [part.decode("utf-8", "replace").rstrip("\r") for part in whole if part.strip()]
    return lines[:_LINES]


def json_objects(lines: list[str]) -> list[dict[str, Any]]:
    """Return the objects of the lines that are one each."""
    found = []
    for line in lines:
        if line[:1] == "{":
            try:
                value = loads(line.encode("utf-8", "replace"))
            except NotJson:
                continue
            if type(value) is dict:
                found.append(value)
    return found


def is_log_record(record: dict[str, Any]) -> bool:
    """Return whether a JSON object is a log record: it has a message or is a proxy's, and a time or a severity."""
    flat = flattened(record)
    names = {normalised(key) for key in (*flat, *record)}
    if not record.keys().isdisjoint(_ENVELOPES) or not names.isdisjoint(_NOT_LOGS):
        return False
    if (
        {"traceid", "duration", "kind"} <= names
        or {"line", "labels"} <= names
        or {"line", "timestamp", "fields"} <= names
    ):
        return False
    plan, _ = plan_of(tuple(flat))
    served = "code" in plan and "path" in plan and not names.isdisjoint(_SERVED)
    says = any(type(flat[key]) is str for key in plan.get("message", ())) or "flags" in plan or served
    return says and ("time" in plan or "severity" in plan)


def mostly(lines: list[str], accepted: Callable[[str], bool]) -> bool:
    """Return whether a test accepts at least half of the lines, and there are any."""
    return bool(lines) and 2 * sum(map(accepted, lines)) >= len(lines)
