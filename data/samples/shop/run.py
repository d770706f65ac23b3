"""Run one service: `python -m shop.run SERVICE`."""

from __future__ import annotations

import importlib
import signal
import sys
from types import FrameType

from shop.addresses import resolve_names
from shop.clock import set_wrong
from shop.profiles import PROFILES


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # Ends the main thread in order, so that the SDK flushes what it still holds.
    raise SystemExit(0)


def main() -> None:
    """Instrument this process, then import the service and run it."""
    service = sys.argv[1]
    signal.signal(signal.SIGTERM, _stop)
    resolve_names()
    profile = PROFILES[service]
    set_wrong(profile.clock_offset_s)
    # Only now: these modules keep the clock's functions that they find when they are imported.
    importlib.import_module("shop.telemetry").configure(service, profile)
    importlib.import_module(f"shop.services.{service.replace('-', '_')}").run()


if __name__ == "__main__":
    main()
