"""Trace and span ids of log lines: what is an id, and where in a text one stands.

An id that none of the known forms fits, such as "-" or "none", is no id: unlike those of spans it is never hashed,
because nothing but a span could give it a meaning.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from analysis.sources._ids import canonical_span_id, canonical_trace_id, is_hashed

__all__ = ["NO_ID", "Ids", "ids_in_text", "span_id_of", "trace_id_of", "trace_parent"]

NO_ID: Final = "trace ids that do not parse were left out"

_MASK: Final = (1 << 64) - 1
_SPAN: Final = re.compile(r"[0-9A-Fa-f]{16}", re.ASCII)
_PARENT: Final = re.compile(r"\b[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b", re.ASCII)
_B3: Final = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?", re.ASCII)
#: Google's resource name of a trace.
_RESOURCE: Final = re.compile(r"projects/[^/]+/traces/(\w+)", re.ASCII)
#: A name of a trace or span id and its value: ``trace_id=…``, ``dd.trace_id=…``, ``"traceId": "…"``, ``TraceID …``.
_NAMED: Final = re.compile(
    r"(?<![A-Za-z])(?P<dd>dd[._])?(?P<what>trace|span)[-_. ]?id\"?\s?[:=]?\s?\"?"
    r"(?P<id>[0-9A-Fa-f]{8,32}|\d{1,39})(?![\w.])",
    re.ASCII | re.IGNORECASE,
)
#: The places where Spring Boot writes ids: ``[app,trace,span]``, ``[app,trace,span,true]``, ``[trace-span]``.
_SPRING: Final = re.compile(
    r"\[(?:(?P<app>[\w.-]*),(?P<trace>[0-9a-f]{16}|[0-9a-f]{32}),(?P<span>[0-9a-f]{16})(?:,\w*)?"
    r"|(?P<joint>[0-9a-f]{16}|[0-9a-f]{32})-(?P<leaf>[0-9a-f]{16})\s*)\]",
    re.ASCII,
)


class Ids(NamedTuple):
    """What a line names: the trace in two halves, the span, and the service where it stands beside them."""

    high: int
    low: int
    span: int
    service: str = ""


def trace_id_of(value: Any, *, decimal: bool = False) -> tuple[int, int] | None:
    """Return a trace id in two halves: (0, 0) where there is none, None where the value is not one.

    Parameters
    ----------
    value
        As a structured line gives it.
    decimal
        The field is one of Datadog's, where digits are decimal however few they are.
    """
    if type(value) is int:
        return (value >> 64, value & _MASK) if 0 <= value < 1 << 128 else None
    if type(value) is not str:
        return (0, 0) if value is None else None
    if len(value) == 32 and value.isalnum() and value.isascii():
        # What nearly every line has.
        try:
            return int(value[:16], 16), int(value[16:], 16)
        except ValueError:
            return None
    text = value.strip()
    if not text:
        return 0, 0
    if "/" in text and (found := _RESOURCE.match(text)) is not None:
        text = found[1]
    if decimal and text.isascii() and text.isdecimal() and len(text) < 32:
        return (int(text) >> 64, int(text) & _MASK) if int(text) < 1 << 128 else None
    if len(text) < 8 and set(text) != {"0"}:
        return None
    if is_hashed(text, 128):
        return None
    return canonical_trace_id(text)


def span_id_of(value: Any, *, decimal: bool = False) -> int:
    """Return a span id; 0 where there is none, or the value is not one."""
    if type(value) is int:
        return value & _MASK if 0 <= value < 1 << 64 else 0
    if type(value) is not str or not (text := value.strip()):
        return 0
    if len(text) == 16 and not decimal:
        return int(text, 16) if _SPAN.fullmatch(text) is not None else 0
    if decimal and text.isascii() and text.isdecimal():
        return int(text) & _MASK
    return 0 if len(text) < 8 or is_hashed(text) else canonical_span_id(text)


def trace_parent(value: Any) -> Ids | None:
    """Return the ids of a ``traceparent`` or ``b3`` header; None where the value is neither."""
    if type(value) is not str:
        return None
    found = _PARENT.search(value) or _B3.fullmatch(value.strip())
    return None if found is None else _ids(found[1], found[2])


def ids_in_text(text: str) -> Ids | None:
    """Return the ids that a line of prose names; None where it names no trace.

    Looked for are, in this order: a ``traceparent``, Spring Boot's brackets, and an id behind the word trace.
    """
    if (found := _PARENT.search(text)) is not None:
        return _ids(found[1], found[2])
    if "[" in text and (found := _SPRING.search(text)) is not None:
        trace, span = found["trace"] or found["joint"], found["span"] or found["leaf"]
        return _ids(trace, span, found["app"] or "")
    trace_id: tuple[int, int] | None = None
    span_id = 0
    for match in _NAMED.finditer(text):
        decimal = match["dd"] is not None
        if match["what"].lower() == "trace":
            trace_id = trace_id or trace_id_of(match["id"], decimal=decimal)
        else:
            span_id = span_id or span_id_of(match["id"], decimal=decimal)
    return None if trace_id is None or trace_id == (0, 0) else Ids(*trace_id, span_id)


def _ids(trace: str, span: str, service: str = "") -> Ids:
    whole = int(trace, 16)
    return Ids(whole >> 64, whole & _MASK, int(span, 16), service)
