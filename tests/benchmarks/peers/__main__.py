"""Measure one contestant and print what each step costs, as JSON: python -m tests.benchmarks.peers MODULE FILE."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import pyarrow as pa

_ROUNDS: Final = 3


def _costs(make: Callable[[str, Callable[[str], None]], Any], path: str) -> dict[str, float]:
    """Return what each step of one round costs."""
    costs: dict[str, float] = {}
    since = time.process_time()

    def done(step: str) -> None:
        nonlocal since
        costs[step] = time.process_time() - since
        since = time.process_time()

    # What was made is let go after the last step.
    made = make(path, done)
    assert made is not None
    return costs


def main(module: str, path: str) -> None:
    """Make the facts once, then take the round that costs least."""
    pa.set_cpu_count(1)
    make = import_module(f"tests.benchmarks.peers.{module}").make
    _costs(make, path)
    rounds = [_costs(make, path) for _ in range(_ROUNDS)]
    print(json.dumps(min(rounds, key=lambda costs: sum(costs.values()))))


if __name__ == "__main__":
    main(*sys.argv[1:])
