"""Seven facts from this project and from its peers: the same tables from the same file, to the last exemplar.

Contestants are this project, DuckDB, Polars and pandas. Each reads a Parquet file of spans, a partition of a dataset,
and makes of it the facts of :data:`tests.benchmarks.peers.whole.NAMES` with all that they hold: keys, sums, distinct
traces, the histograms that add up over partitions, the traces that are kept as examples. A test holds that all are
equal, row by row.

- Each decodes the columns that it needs with its own reader, and keeps what several facts share.
- Each has one thread and a process of its own. It makes all facts once; then they take turns, one at a time, and the
  least of three rounds counts, in seconds of processor time.
- Peers number groups and leave the entries of histograms and examples in tables of their own: nothing is nested or
  converted for the comparison.
- Peers are written for what these spans are. They leave out what this project also looks for in spans of other origin:
  missing times and services, ids that come twice, cycles of parents, clocks that differ, spans of one call side by
  side, span links, local spans between the two halves of a call, children that outlast who waits for them.
- What a name or a statement says is asked of the same functions, once for each different text.
- Trees are walked as each can: windows, nearest joins and a recursion in DuckDB; sorted columns, searched and followed
  a level at a time, in the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

__all__ = ["CONTESTANTS", "costs"]

#: By the name that is shown: the module that makes the facts.
CONTESTANTS: Final = {"facts": "by_facts", "DuckDB": "by_duckdb", "Polars": "by_polars", "pandas": "by_pandas"}
_ROUNDS: Final = 3
_ONE_THREAD: Final = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def costs(path: str, contestants: Sequence[str] = tuple(CONTESTANTS)) -> dict[str, dict[str, float]]:
    """Return what making the facts of a file costs each contestant, in seconds of processor time by step."""
    with ExitStack() as stack:
        started = {name: stack.enter_context(_started(name, path)) for name in contestants}
        for process in started.values():
            _ask(process)
        # By turns, so that what else the machine does is as likely to hold up one as another.
        rounds = [{name: _ask(process) for name, process in started.items()} for _ in range(_ROUNDS)]
    return {name: min((told[name] for told in rounds), key=lambda steps: sum(steps.values())) for name in started}


def _started(contestant: str, path: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__, CONTESTANTS[contestant], str(Path(path).absolute())],
        cwd=Path(__file__).parents[3],
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(process: subprocess.Popen[str]) -> dict[str, float]:
    """Let a contestant make the facts once."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    told = process.stdout.readline()
    if not told:
        raise subprocess.CalledProcessError(process.wait(), process.args)
    return json.loads(told)
