"""OTLP over gRPC, where the extra ``capture`` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from analysis.capture.http import LOOPBACK
from analysis.capture.keeping import KINDS, Keeper

__all__ = ["GrpcMissing", "serve_grpc"]

_MOST_BYTES: Final = 64 * 1024 * 1024
_WORKERS: Final = 4
_GRACE_SECONDS: Final = 2.0
_SERVICE: Final = "opentelemetry.proto.collector.{name}.v1.{title}Service"


class GrpcMissing(ImportError):  # noqa: N818 - the message says what to install
    """The package grpcio is not installed."""


@contextmanager
def serve_grpc(keeper: Keeper, port: int = 0) -> Iterator[int]:
    """Receive requests on loopback for as long as the context lasts; gives the port.

    Raises
    ------
    GrpcMissing
        If the extra is not installed.
    """
    try:
        import grpc  # noqa: PLC0415 - an extra: only who asks for gRPC needs it
    except ImportError as error:
        message = "gRPC needs the extra 'capture': pip install 'archreview[capture]'; OTLP over HTTP needs nothing more"
        raise GrpcMissing(message) from error
    limits = [("grpc.max_receive_message_length", _MOST_BYTES)]
    server = grpc.server(ThreadPoolExecutor(_WORKERS, thread_name_prefix="otlp-grpc"), options=limits)
    server.add_generic_rpc_handlers(tuple(_handlers(grpc, keeper)))
    bound = server.add_insecure_port(f"{LOOPBACK}:{port}")
    server.start()
    try:
        yield int(bound)
    finally:
        server.stop(_GRACE_SECONDS).wait()


def _handlers(grpc: Any, keeper: Keeper) -> Iterator[Any]:
    answers = {"traces": ExportTraceServiceResponse, "logs": ExportLogsServiceResponse}

    def keeping(signal: str) -> Any:
        def export(request: Any, _context: Any) -> Any:
            keeper.message(signal, request)
            return answers[signal]()

        return export

    def let_go(_request: Any, _context: Any) -> Any:
        return ExportMetricsServiceResponse()

    for signal, (kind, _) in KINDS.items():
        yield _handler(grpc, "trace" if signal == "traces" else signal, kind, keeping(signal))
    yield _handler(grpc, "metrics", ExportMetricsServiceRequest, let_go)


def _handler(grpc: Any, name: str, kind: Any, export: Any) -> Any:
    method = grpc.unary_unary_rpc_method_handler(
        export,
        request_deserializer=kind.FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
    service = _SERVICE.format(name=name, title=name.capitalize())
    return grpc.method_handlers_generic_handler(service, {"Export": method})
