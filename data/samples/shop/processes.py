"""Start and stop the processes of a recording; whatever happens, all of them end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Processes:
    """A set of child processes that ends with the `with` block."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._afterwards: list[list[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop(*reversed(self._running))
        for command in self._afterwards:
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)

    def afterwards(self, command: list[str]) -> None:
        """Run `command` when all processes have ended."""
        self._afterwards.append(command)

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        """Start `command` in a process group of its own; its output goes to a file."""
        with (self._log_folder / f"{name}.out").open("ab") as output:
            self._running[name] = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, name: str, timeout_s: float) -> None:
        """Wait until the process `name` has ended by itself."""
        self._running.pop(name).wait(timeout_s)

    def stop(self, *names: str, patience_s: float = 20.0) -> None:
        """Ask the processes to end, and end those that do not."""
        stopping = [self._running.pop(name) for name in names]
        for process in stopping:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for process in stopping:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def await_port(self, name: str, address: tuple[str, int], timeout_s: float = 60.0) -> None:
        """Wait until something accepts connections on `address`; fail if the process ends."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._running[name].poll() is not None:
                break
            try:
                socket.create_connection(address, timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        output = (self._log_folder / f"{name}.out").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{name} does not listen on {address}: {output}")
