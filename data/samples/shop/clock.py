"""A host whose clock is wrong: everything its processes say of the time of day is off alike."""

from __future__ import annotations

import time


def set_wrong(offset_s: float) -> None:
    """Set this process's clock off by `offset_s`; timeouts and sleeps, which are monotonic, hold.

    It replaces Python's source of the time of day. A shim below it (libfaketime) was tried: it
    breaks sleeping and gRPC's deadlines.
    """
    if not offset_s:
        return
    system_time, system_time_ns = time.time, time.time_ns
    offset_ns = int(offset_s * 1_000_000_000)
    time.time = lambda: system_time() + offset_s
    time.time_ns = lambda: system_time_ns() + offset_ns
