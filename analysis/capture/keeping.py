"""What was received, kept as OTLP JSON, a request a line: whole under the name that was asked for, or not at all."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

import zstandard
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["KINDS", "Keeper", "Refused"]

_SNAKES: Final = {"traces": "resource_spans", "logs": "resource_logs"}
#: By signal: the message that a request is, and the member that makes it one.
KINDS: Final[Mapping[str, tuple[type[Message], str]]] = {
    "traces": (ExportTraceServiceRequest, "resourceSpans"),
    "logs": (ExportLogsServiceRequest, "resourceLogs"),
}
_UNFINISHED: Final = ".unfinished"
#: OTLP writes these as hexadecimal digits; JSON of protobuf would as base64.
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})


class Refused(ValueError):  # noqa: N818 - it is what the sender is answered
    """A request that is no OTLP; the message says why."""


class Keeper:
    """Writes requests as they come, from any thread.

    Parameters
    ----------
    path
        Where they go in the end. A name that ends in ``.gz`` or ``.zst`` is compressed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spans = 0
        self.logs = 0
        self.requests = 0
        self._lock = Lock()
        self._unfinished = path.with_name(f"{path.name}{_UNFINISHED}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._unfinished.open("wb")

    def protobuf(self, signal: str, body: bytes) -> None:
        """Keep a request in protobuf.

        Raises
        ------
        Refused
            If it is none.
        """
        kind, _ = KINDS[signal]
        message = kind()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise Refused("the body is no protobuf of this signal") from error
        self.message(signal, message)

    def message(self, signal: str, message: Message) -> None:
        """Keep a request that is a message already."""
        self._keep(signal, _hexadecimal(MessageToDict(message, preserving_proto_field_name=True)))

    def json(self, signal: str, body: bytes) -> None:
        """Keep a request in JSON.

        Raises
        ------
        Refused
            If it is none.
        """
        try:
            members = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused("the body is no JSON") from error
        if not isinstance(members, dict) or not isinstance(members.get(KINDS[signal][1], []), list):
            raise Refused("the body is no OTLP JSON of this signal")
        self._keep(signal, members)

    def _keep(self, signal: str, members: dict[str, Any]) -> None:
        line = json.dumps(members, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        spans, logs = _counts(signal, members)
        with self._lock:
            self._file.write(line)
            self.requests += 1
            self.spans += spans
            self.logs += logs

    def close(self) -> bool:
        """Put what was received in place, once; return whether there was anything."""
        with self._lock:
            if self._file.closed:
                return bool(self.requests)
            self._file.close()
        if not self.requests:
            self._unfinished.unlink()
            return False
        _COMPRESSIONS.get(self.path.suffix, Path.replace)(self._unfinished, self.path)
        return True


def _counts(signal: str, members: Mapping[str, Any]) -> tuple[int, int]:
    """Return spans and log records of a request, in either spelling of the members."""
    groups = ("scopeSpans", "scope_spans", "scopeLogs", "scope_logs")
    rows = ("spans",) if signal == "traces" else ("logRecords", "log_records")
    resources: Any = next((members[name] for name in (KINDS[signal][1], _SNAKES[signal]) if name in members), [])
    count = 0
    for resource in resources:
        for scope in (one for name in groups for one in _listed(resource, name)):
            count += sum(len(_listed(scope, name)) for name in rows)
    return (count, 0) if signal == "traces" else (0, count)


def _listed(members: Any, name: str) -> list[Any]:
    found = members.get(name) if isinstance(members, dict) else None
    return found if isinstance(found, list) else []


def _hexadecimal(value: Any) -> Any:
    """Return a message's members with names in camel case and ids in hexadecimal digits."""
    if isinstance(value, list):
        return [_hexadecimal(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        _camel(name): base64.b64decode(one).hex() if name in _IDS and isinstance(one, str) else _hexadecimal(one)
        for name, one in value.items()
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _zipped(source: Path, target: Path) -> None:
    beside = source.with_name(f"{source.name}.gz")
    with source.open("rb") as raw, gzip.open(beside, "wb") as packed:
        while piece := raw.read(1 << 20):
            packed.write(piece)
    beside.replace(target)
    source.unlink()


def _zstandard(source: Path, target: Path) -> None:
    beside = source.with_name(f"{source.name}.zst")
    with source.open("rb") as raw, beside.open("wb") as packed:
        zstandard.ZstdCompressor().copy_stream(raw, packed)
    beside.replace(target)
    source.unlink()


_COMPRESSIONS: Final[Mapping[str, Callable[[Path, Path], object]]] = {".gz": _zipped, ".zst": _zstandard}
