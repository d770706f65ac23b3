"""Telling that kernels are being compiled: an installation spends seconds on its first run, none on the next ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from numba.core.event import Listener, install_listener

__all__ = ["STAGE", "telling_of_compiling"]

#: What the progress of compiling is called.
STAGE: Final = "compiling, the first time only"


class _Told(Protocol):
    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


class _Compiling(Listener):
    """Counts what is compiled; what is found on disk is not."""

    def __init__(self, told: _Told) -> None:
        self._told = told
        self._done = 0

    def on_start(self, event: Any) -> None:  # noqa: ARG002 - the name is given
        """Tell that there is something to wait for."""
        self._told(STAGE, self._done, None)

    def on_end(self, event: Any) -> None:  # noqa: ARG002 - the name is given
        """Tell that one more is done."""
        self._done += 1
        self._told(STAGE, self._done, None)


@contextmanager
def telling_of_compiling(told: _Told) -> Iterator[None]:
    """Tell progress of whatever is compiled meanwhile, as the stage :data:`STAGE`; the total is not known."""
    with install_listener("numba:compile", _Compiling(told)):
        yield
