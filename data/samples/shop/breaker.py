"""A circuit breaker, as the repaired edition of the shop uses it."""

from __future__ import annotations

import logging
import threading
import time

log = logging.getLogger("breaker")
MOST_FAILURES = 5
PAUSE_S = 1.0


class BreakerOpenError(Exception):
    """The breaker is open: the call was not made."""


class Breaker:
    """Opens after five failures in a row, then lets one call a second try again."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._failures = 0
        self._opened_at = 0.0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise BreakerOpenError at once while the breaker is open."""
        with self._lock:
            if self._failures < MOST_FAILURES:
                return
            if time.monotonic() - self._opened_at > PAUSE_S:
                self._opened_at = time.monotonic()
                return
        log.warning("circuit breaker to %s is open: call rejected", self._target)
        raise BreakerOpenError(self._target)

    def record(self, *, succeeded: bool) -> None:
        """Count the outcome of a call."""
        with self._lock:
            self._failures = 0 if succeeded else self._failures + 1
            self._opened_at = time.monotonic()
