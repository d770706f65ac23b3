"""Receives OTLP over HTTP and writes it as the Collector's file exporter does."""

from __future__ import annotations

import base64
import gzip
import json
import sysconfig
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PORT = 4318
PATHS = {
    sysconfig.get_path("purelib"): "/opt/shop/lib/python3.11/site-packages",
    sysconfig.get_path("stdlib"): "/usr/lib/python3.11",
    str(Path(__file__).parent.parent): "/srv",
}
ID_KEYS = ("traceId", "spanId", "parentSpanId")
REQUESTS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Collector:
    """An OTLP receiver that keeps what it is sent until it is written out."""

    def __init__(self, host: str) -> None:
        self._bodies: dict[str, list[bytes]] = {path: [] for path in REQUESTS}
        bodies = self._bodies

        class Receiver(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                bodies[self.path].append(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Keep quiet: one line a request says nothing here."""

        self._server = ThreadingHTTPServer((host, PORT), Receiver)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop receiving."""
        self._server.shutdown()
        self._server.server_close()

    def write(self, folder: Path) -> dict[str, int]:
        """Write `traces.jsonl.zst` and `logs.jsonl.zst`; return the number of lines of each."""
        counts = {}
        for path, name in (("/v1/traces", "traces.jsonl"), ("/v1/logs", "logs.jsonl")):
            lines = [
                json.dumps(_to_otlp_json(REQUESTS[path].FromString(body)), separators=(",", ":"))
                for body in self._bodies[path]
            ]
            counts[name] = len(lines)
            write_compressed(folder / f"{name}.zst", "".join(f"{line}\n" for line in lines))
        return counts


def write_compressed(path: Path, text: str) -> None:
    """Write `text`, compressed; stack traces name the paths of a deployment, not of this machine."""
    for found, written in PATHS.items():
        text = text.replace(found, written)
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(text.encode()))


def _to_otlp_json(message: Any) -> Any:
    """Return a message in OTLP's JSON: protobuf's mapping, but ids in hex and enums as numbers."""
    document = MessageToDict(message, use_integers_for_enums=True)
    for record in _records(document):
        for key in ID_KEYS:
            if key in record:
                record[key] = base64.b64decode(record[key]).hex()
    return document


def _records(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in document.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield span
                yield from span.get("links", [])
    for resource in document.get("resourceLogs", []):
        for scope in resource["scopeLogs"]:
            yield from scope["logRecords"]
