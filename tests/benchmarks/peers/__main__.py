"""Make the facts of a file once for each line of the input: python -m tests.benchmarks.peers MODULE FILE.

Prints for each what its steps cost, in seconds of processor time of all threads, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pyarrow as pa


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
    """Make the facts whenever asked."""
    pa.set_cpu_count(1)
    make = import_module(f"tests.benchmarks.peers.{module}").make
    for _ in sys.stdin:
        print(json.dumps(_costs(make, path)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
