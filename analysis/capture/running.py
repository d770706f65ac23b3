"""Run a command that is told where to send its telemetry."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from analysis.capture.http import LOOPBACK, serve_http
from analysis.capture.keeping import Keeper

__all__ = ["CaptureError", "Captured", "capture", "environment_of"]

#: What a shell returns for a command that is not there, or may not be run.
_NOT_FOUND: Final = 127
_NOT_ALLOWED: Final = 126
_KILLED: Final = 128
#: How long what a command sent last, as it ended, may still be on its way.
_GRACE_SECONDS: Final = 0.2
_SIGNALS: Final = ("TRACES", "LOGS", "METRICS")


class CaptureError(RuntimeError):
    """Nothing could be captured; the message says why and what to do."""


@dataclass(frozen=True)
class Captured:
    """What a command sent.

    Attributes
    ----------
    code
        The command's own exit code; 128 and the signal where one ended it.
    spans, logs, requests
        What was received.
    written
        Whether there is a file: there is none of nothing.
    """

    code: int
    spans: int
    logs: int
    requests: int
    written: bool


def capture(command: Sequence[str], to: str | Path, *, protocol: str = "http", port: int = 0) -> Captured:
    """Run a command with an OTLP receiver beside it, and keep what it sends.

    Parameters
    ----------
    command
        The program and its arguments; no shell reads them.
    to
        Where its telemetry goes, as OTLP JSON; it replaces what is there when the command has ended.
    protocol
        ``http`` or ``grpc``: which of the two the command is told to use.
    port
        The port on loopback; any free one by default.

    Raises
    ------
    CaptureError
        If the receiver cannot be started or the file not be written.
    """
    try:
        keeper = Keeper(Path(to))
    except OSError as error:
        raise CaptureError(f"{to} cannot be written: {error.strerror}") from error
    try:
        with _serving(keeper, protocol, port) as bound:
            code = _run(command, environment_of(os.environ, protocol, bound))
            time.sleep(_GRACE_SECONDS)
    finally:
        try:
            written = keeper.close()
        except OSError as error:
            raise CaptureError(f"{to} cannot be written: {error.strerror}") from error
    return Captured(code, keeper.spans, keeper.logs, keeper.requests, written)


@contextmanager
def _serving(keeper: Keeper, protocol: str, port: int) -> Iterator[int]:
    with ExitStack() as stack:
        try:
            if protocol == "grpc":
                from analysis.capture.grpc import serve_grpc  # noqa: PLC0415 - an extra

                bound = stack.enter_context(serve_grpc(keeper, port))
            else:
                bound = stack.enter_context(serve_http(keeper, port))
        except (OSError, RuntimeError, ImportError) as error:
            raise CaptureError(f"the receiver cannot be started: {error}") from error
        yield bound


def environment_of(given: Mapping[str, str], protocol: str, port: int) -> dict[str, str]:
    """Return the environment of the command: all that is given, with OTEL_* pointing to the receiver."""
    environment = dict(given)
    for name in _SIGNALS:
        for what in ("ENDPOINT", "PROTOCOL", "HEADERS", "INSECURE", "COMPRESSION"):
            # One for a signal alone would win over that for all.
            environment.pop(f"OTEL_EXPORTER_OTLP_{name}_{what}", None)
    return environment | {
        "OTEL_SDK_DISABLED": "false",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if protocol == "grpc" else "http/protobuf",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "always_on",
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        child = subprocess.Popen(list(command), env=dict(environment))  # noqa: S603 - running what was asked for
    except FileNotFoundError:
        return _NOT_FOUND
    except OSError:
        return _NOT_ALLOWED

    def hand_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    # An interrupt from the keyboard reaches the command by itself: what it makes of it decides.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, hand_on)
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return _KILLED - code if code < 0 else code
