"""gRPC with JSON messages: the wire is gRPC, and no generated code is needed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from shop.addresses import HOSTS, RPC_PORT

log = logging.getLogger("rpc")
Message = dict[str, Any]
Handler = Callable[[Message, grpc.ServicerContext], Message]


def _encode(message: Message) -> bytes:
    return json.dumps(message).encode()


def _guarded(name: str, handler: Handler) -> Handler:
    """Answer INTERNAL when `handler` raises, as a server's interceptor does."""

    def call(message: Message, context: grpc.ServicerContext) -> Message:
        try:
            return handler(message, context)
        except Exception as error:
            log.exception("%s failed", name)
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
            raise

    return call


def serve(host: str, service: str, handlers: dict[str, Handler], threads: int) -> grpc.Server:
    """Start a gRPC server with one unary handler for each method name."""
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(name, handler),
            request_deserializer=json.loads,
            response_serializer=_encode,
        )
        for name, handler in handlers.items()
    }
    server = grpc.server(ThreadPoolExecutor(threads))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    server.add_insecure_port(f"{HOSTS[host]}:{RPC_PORT}")
    server.start()
    return server


class Client:
    """Calls the unary methods of one gRPC service."""

    def __init__(self, host: str, service: str) -> None:
        self._service = service
        self._channel = grpc.insecure_channel(f"ipv4:{HOSTS[host]}:{RPC_PORT}")
        self._methods: dict[str, Any] = {}

    def call(self, method: str, message: Message, timeout_s: float) -> Message:
        """Send `message` to `method`; raises grpc.RpcError when the call fails."""
        if method not in self._methods:
            self._methods[method] = self._channel.unary_unary(
                f"/{self._service}/{method}",
                request_serializer=_encode,
                response_deserializer=json.loads,
            )
        answer: Message = self._methods[method](message, timeout=timeout_s)
        return answer
