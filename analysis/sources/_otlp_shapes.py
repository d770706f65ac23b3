"""OTLP's messages as typed objects, so that bulk JSON is decoded without a dictionary for each brace.

Scalars are taken as they come (a time may be a text or a number); only the nesting is fixed. A message nested
otherwise, or with snake_case keys, is decoded to plain objects instead and then brought into these shapes piece by
piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from analysis.sources._json import loads

__all__ = [
    "LOG_BLOCKS",
    "SPAN_BLOCKS",
    "Request",
    "ResourceSpans",
    "Span",
    "Value",
    "attributes_of",
    "camel",
    "decode",
    "decode_span",
    "json_text",
    "json_value",
    "pairs_from",
    "plain_value",
    "resource_pairs",
    "span_from",
]

SPAN_BLOCKS: Final = ("resourceSpans", "resource_spans", "batches")
LOG_BLOCKS: Final = ("resourceLogs", "resource_logs")
_Part = TypeVar("_Part", bound=msgspec.Struct)
ODD_PART: Final = "attributes, events or links of another shape were left out"


class Value(msgspec.Struct, rename="camel", gc=False):
    """AnyValue."""

    string_value: Any = None
    int_value: Any = None
    double_value: Any = None
    bool_value: Any = None
    array_value: Any = None
    kvlist_value: Any = None
    bytes_value: Any = None


class Pair(msgspec.Struct, rename="camel", gc=False):
    """KeyValue."""

    key: str
    value: Value | None = None


class Status(msgspec.Struct, rename="camel", gc=False):
    """Status of a span."""

    code: Any = None
    message: Any = None


class Event(msgspec.Struct, rename="camel", gc=False):
    """Span.Event."""

    name: Any = None
    attributes: list[Pair] | None = None


class Link(msgspec.Struct, rename="camel", gc=False):
    """Span.Link."""

    trace_id: Any = None
    span_id: Any = None


class Span(msgspec.Struct, rename="camel", gc=False):
    """Span; only the fields that are read."""

    trace_id: Any = None
    span_id: Any = None
    parent_span_id: Any = None
    trace_state: Any = None
    name: Any = None
    kind: Any = None
    start_time_unix_nano: Any = None
    end_time_unix_nano: Any = None
    attributes: list[Pair] | None = None
    status: Status | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    dropped_attributes_count: Any = None
    dropped_events_count: Any = None
    dropped_links_count: Any = None


class Scope(msgspec.Struct, rename="camel", gc=False):
    """InstrumentationScope."""

    name: Any = None


class ScopeSpans(msgspec.Struct, rename="camel", gc=False):
    """ScopeSpans."""

    scope: Scope | None = None
    instrumentation_library: Scope | None = None
    spans: list[Span] | None = None


class Resource(msgspec.Struct, rename="camel", gc=False):
    """Resource."""

    attributes: list[Pair] | None = None


class ResourceSpans(msgspec.Struct, rename="camel", gc=False):
    """ResourceSpans, under the names of its scopes since and before 2022."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None
    instrumentation_library_spans: list[ScopeSpans] | None = None


class Request(msgspec.Struct, rename="camel", gc=False):
    """TracesData or ExportTraceServiceRequest, possibly with LogsData in the same object."""

    resource_spans: list[ResourceSpans] | None = None
    resource_logs: Any = None


_REQUEST: Final = msgspec.json.Decoder(Request)
_BLOCK: Final = msgspec.json.Decoder(ResourceSpans)
_RESOURCE: Final = msgspec.json.Decoder(Resource)
_SPAN: Final = msgspec.json.Decoder(Span)
_VALUE: Final = msgspec.json.Decoder(Value)
_TEXT: Final = msgspec.json.Decoder(str)


def decode(key: str, content: bytes) -> Any:
    """Decode a record found under a key: a typed object where it is shaped as OTLP says, else plain objects.

    Raises
    ------
    NotJson
        It is not JSON.
    """
    try:
        if key in SPAN_BLOCKS:
            block = _BLOCK.decode(content)
            if block.scope_spans is not None:
                return block
        elif not key:
            request = _REQUEST.decode(content)
            blocks = request.resource_spans
            if blocks and all(block.scope_spans is not None for block in blocks):
                return request
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Another shape, or no JSON at all: the lenient decoder tells which.
        pass
    return loads(content)


def decode_span(content: bytes) -> Span:
    """Decode a span.

    Raises
    ------
    msgspec.MsgspecError
        It is not shaped as OTLP says.
    """
    return _SPAN.decode(content)


def resource_pairs(content: bytes) -> list[Pair] | None:
    """Decode a resource to its attributes.

    Raises
    ------
    msgspec.MsgspecError
        It is not shaped as OTLP says.
    """
    return _RESOURCE.decode(content).attributes


def json_value(content: bytes) -> Any:
    """Decode an AnyValue to the Python value that it stands for.

    Raises
    ------
    msgspec.MsgspecError
        It is not shaped as OTLP says.
    """
    value = _VALUE.decode(content)
    return value.string_value if value.string_value is not None else _other(value)


def json_text(content: bytes) -> str:
    """Decode what stands between the quotes of a string."""
    return _TEXT.decode(b'"' + content + b'"')


def attributes_of(pairs: list[Pair] | None, known: frozenset[str] | None = None) -> dict[str, Any]:
    """Return the attributes whose name is known, or all of them, with plain values."""
    found: dict[str, Any] = {}
    if pairs is None:
        return found
    for pair in pairs:
        key = pair.key
        if known is None or key in known:
            value = pair.value
            if value is None:
                continue
            plain = value.string_value
            found[key] = plain if plain is not None else _other(value)
    return found


def _other(value: Value) -> Any:
    if value.int_value is not None:
        return value.int_value
    if value.array_value is not None:
        return plain_value({"arrayValue": value.array_value})
    if value.kvlist_value is not None:
        return plain_value({"kvlistValue": value.kvlist_value})
    for plain in (value.bool_value, value.double_value, value.bytes_value):
        if plain is not None:
            return plain
    return None


def plain_value(value: Any) -> Any:
    """Return an AnyValue decoded to plain objects as the Python value that it stands for."""
    if not isinstance(value, dict):
        return value
    for key, found in value.items():
        if key == "arrayValue":
            return [plain_value(item) for item in (found or {}).get("values") or ()]
        if key == "kvlistValue":
            pairs = (found or {}).get("values") or ()
            return {str(pair.get("key")): plain_value(pair.get("value")) for pair in pairs}
        if key in _SCALARS:
            return found
    return None


_SCALARS: Final = frozenset({"stringValue", "intValue", "doubleValue", "boolValue", "bytesValue"})


def pairs_from(value: Any, note: Callable[[str], None]) -> list[Pair]:
    """Return attributes decoded to plain objects in their shape, leaving out and noting those that have another."""
    return list(_converted(value, Pair, note))


def span_from(value: dict[str, Any], note: Callable[[str], None]) -> Span:
    """Return a span decoded to plain objects in its shape, leaving out and noting parts that have another.

    Raises
    ------
    msgspec.ValidationError
        It is no span.
    """
    if "traceId" not in value and "trace_id" in value:
        value = camel(value)
    parts = {"attributes", "events", "links"}
    span = msgspec.convert({key: item for key, item in value.items() if key not in parts}, Span)
    span.attributes = pairs_from(value.get("attributes"), note)
    span.events = list(_converted(value.get("events"), Event, note))
    span.links = list(_converted(value.get("links"), Link, note))
    return span


def _converted(values: Any, kind: type[_Part], note: Callable[[str], None]) -> Iterator[_Part]:
    for value in values if isinstance(values, list) else ():
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError:
            note(ODD_PART)


def camel(value: Any) -> Any:
    """Return decoded objects with their keys in lowerCamelCase; names of attributes are values here, and stay."""
    if isinstance(value, dict):
        return {_camel_key(key): camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


@lru_cache(maxsize=1024)
def _camel_key(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(other.capitalize() for other in others)
