"""A network that fails on purpose: a proxy before a store that errs, breaks off, falls short or silent."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["Fault", "FaultyNetwork", "faulty_network"]

#: Headers that hold between two neighbours only.
_BETWEEN_NEIGHBOURS: Final = frozenset({"connection", "expect", "keep-alive", "transfer-encoding", "content-length"})
_ERRORS: Final = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}


@dataclass
class Fault:
    """What goes wrong, with which requests, and how often.

    Attributes
    ----------
    kind
        ``500``, ``503``, ``403``: the store's own error. ``reset``: half of the body, then the connection breaks.
        ``short``: half of the body, then it is closed. ``stall``: half of the body, then nothing more. ``silence``: not
        even a first byte.
    method, part
        The method of the requests, and a part of their address.
    times
        How often it happens; after that the network is well. None for always.
    """

    kind: str
    method: str
    part: str
    times: int | None = None
    met: int = 0

    def takes(self, method: str, address: str) -> bool:
        """Tell whether a request meets the fault, and count it."""
        if method != self.method or self.part not in address or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        return True


@dataclass
class FaultyNetwork:
    """The proxy: its address, the store behind it, what goes wrong."""

    address: str
    behind: tuple[str, int]
    faults: list[Fault] = field(default_factory=list)
    healed: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, kind: str, method: str, part: str, times: int | None = None) -> Fault:
        """Let something go wrong from now on, and nothing else."""
        found = Fault(kind, method, part, times)
        self.faults[:] = [found]
        self.healed.clear()
        return found

    def heal(self) -> None:
        """Let nothing go wrong any more; who waits is let go."""
        self.faults.clear()
        self.healed.set()

    def met(self, method: str, address: str) -> str:
        """Return what goes wrong with a request; "" where nothing does."""
        with self.lock:
            self.requests.append((method, address))
            return next((fault.kind for fault in self.faults if fault.takes(method, address)), "")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: FaultyNetwork

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.network.met(self.command, self.path)
        if kind in _ERRORS:
            self._answer(int(kind), {}, f"<Error><Code>{_ERRORS[kind]}</Code></Error>".encode())
            return
        if kind == "silence":
            self.network.healed.wait()
            self.close_connection = True
            return
        status, headers, content = self._asked(body)
        if not kind:
            self._answer(status, headers, content)
            return
        self._answer(status, headers, content, len(content) // 2)
        self.wfile.flush()
        self.close_connection = True
        if kind == "stall":
            self.network.healed.wait()
        elif kind == "reset":
            # Closed with nothing lingering, a connection is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        behind = http.client.HTTPConnection(*self.network.behind)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _BETWEEN_NEIGHBOURS}
        behind.request(self.command, self.path, body, headers)
        answer = behind.getresponse()
        content = answer.read()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _BETWEEN_NEIGHBOURS}
        if self.command == "HEAD":
            kept["Content-Length"] = answer.getheader("Content-Length") or "0"
        behind.close()
        return answer.status, kept, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - http.server looks them up by these names

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # The other side has gone: with these faults it does.
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def faulty_network(host: str, port: int) -> Iterator[FaultyNetwork]:
    """Run a proxy before a store until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    network = FaultyNetwork(f"http://127.0.0.1:{server.server_address[1]}", (host, port))
    handler.network = network
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield network
    finally:
        network.heal()
        server.shutdown()
        thread.join()
        server.server_close()
