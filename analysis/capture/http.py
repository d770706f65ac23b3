"""OTLP over HTTP, protobuf and JSON, gzip or not: a server on loopback, of the standard library."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from analysis.capture.keeping import KINDS, Keeper, Refused

__all__ = ["LOOPBACK", "serve_http"]

LOOPBACK: Final = "127.0.0.1"
#: The Collector takes 20 MiB; what is larger, packed or unpacked, is refused.
_MOST_BYTES: Final = 64 * 1024 * 1024
_SECONDS: Final = 30
_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"


@contextmanager
def serve_http(keeper: Keeper, port: int = 0) -> Iterator[int]:
    """Receive requests on loopback for as long as the context lasts; gives the port.

    Requests that were accepted are finished before it ends. Metrics are taken and let go of.
    """

    class Handler(_Handler):
        kept = keeper

    server = _Server((LOOPBACK, port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="otlp-http")
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """One request; what is wrong with it is answered and never raised."""

    kept: Keeper
    timeout = _SECONDS

    def do_POST(self) -> None:
        """Keep a request, or answer why not."""
        signal = self.path.rstrip("/").rsplit("/", 1)[-1]
        kind = self.headers.get_content_type()
        if kind not in (_PROTOBUF, _JSON):
            return self._answer(415, kind, f"OTLP is {_PROTOBUF} or {_JSON}")
        if signal not in (*KINDS, "metrics"):
            return self._answer(404, kind, "post to /v1/traces, /v1/logs or /v1/metrics")
        try:
            body = self._body()
            if signal in KINDS:
                (self.kept.json if kind == _JSON else self.kept.protobuf)(signal, body)
        except Refused as refused:
            return self._answer(400, kind, str(refused))
        return self._answer(200, kind, "")

    def _body(self) -> bytes:
        try:
            length = int(self.headers.get("Content-Length") or "")
        except ValueError as error:
            raise Refused("the length of the body is not given") from error
        if not 0 <= length <= _MOST_BYTES:
            raise Refused("the body is too large")
        body = self.rfile.read(length)
        packing = (self.headers.get("Content-Encoding") or "identity").lower()
        if packing == "identity":
            return body
        if packing not in ("gzip", "deflate"):
            raise Refused(f"the encoding {packing[:40]!r} is not known: use gzip")
        try:
            unpacking = zlib.decompressobj(wbits=47)
            unpacked = unpacking.decompress(body, _MOST_BYTES)
        except zlib.error as error:
            raise Refused("the body cannot be unpacked") from error
        if unpacking.unconsumed_tail or unpacking.unused_data or not unpacking.eof:
            raise Refused("the body is too large, or cut short")
        return unpacked

    def _answer(self, code: int, kind: str, said: str) -> None:
        content = b"{}" if kind == _JSON and code == 200 else b"" if code == 200 else said.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind if code == 200 else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the name that the standard library gives it
        """Say nothing: the terminal is the command's."""
