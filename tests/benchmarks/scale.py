"""From ten million to a hundred million spans: what ingesting and reviewing them takes, on this machine.

    python -m tests.benchmarks.scale --spans 1e7 --spans 1e8
    python -m tests.benchmarks.scale --spans 2e6 --engine threads=1 --engine dask=2

For each number of spans exports are written in pieces (:mod:`tests.benchmarks.pieces`); then the command line ingests
and reviews them, as a user would, with all detectors. Processor time is that of all processes, also of a scheduler and
its workers; memory is the most that all of them held at a time. The folder needs about 150 bytes a span.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from tests.benchmarks.pieces import SPANS_PER_PIECE, write_pieces

__all__ = ["Cost", "main", "measured"]

#: How often memory is looked at, s.
_INTERVAL: Final = 0.1
#: Between two lines of progress, s.
_SAID_EVERY: Final = 20.0


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes
    ----------
    engine, stage
        Where it ran, and which command it was.
    spans
        In the dataset.
    cpu_seconds
        Of all processes.
    seconds
        From begin to end.
    peak_bytes
        The most that all processes held at a time (resident), looked at ten times a second; of the command alone, its
        own record where that is higher.
    """

    engine: str
    stage: str
    spans: int
    cpu_seconds: float
    seconds: float
    peak_bytes: int

    @property
    def micros_per_span(self) -> float:
        return self.cpu_seconds / self.spans * 1e6


@dataclass
class _Watch:
    """Looks at processes and their children while they run."""

    others: Sequence[psutil.Process] = ()
    peak: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def look(self, process: psutil.Process) -> None:
        while not self._ended.wait(_INTERVAL):
            self.peak = max(self.peak, sum(map(_resident, _family(process, *self.others))))

    def end(self) -> None:
        self._ended.set()


def _family(*processes: psutil.Process) -> Iterator[psutil.Process]:
    for process in processes:
        try:
            yield from (process, *process.children(recursive=True))
        except psutil.NoSuchProcess:
            continue


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time of processes that run on, and of their children, s."""
    taken = [process.cpu_times() for process in _family(*processes)]
    return sum(times.user + times.system for times in taken)


def measured(command: Sequence[str], log: Path, others: Sequence[psutil.Process] = ()) -> tuple[float, float, int]:
    """Run a command of this package, and return its processor time, its time, and its peak of memory.

    Raises
    ------
    RuntimeError
        It fails; the message is the end of what it wrote.
    """
    before, began = _cpu(others), time.perf_counter()
    with log.open("ab") as written:
        process = subprocess.Popen([sys.executable, "-m", "analysis", *command], stdout=written, stderr=written)
        watch = _Watch(others)
        thread = threading.Thread(target=watch.look, args=(psutil.Process(process.pid),))
        thread.start()
        _, status, used = os.wait4(process.pid, 0)
        watch.end()
        thread.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}")
    cpu = used.ru_utime + used.ru_stime + _cpu(others) - before
    return cpu, time.perf_counter() - began, max(watch.peak, used.ru_maxrss * 1024)


@contextmanager
def _cluster(workers: int, folder: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """Run a scheduler and workers of one thread, each a process of its own."""
    named = folder / "scheduler.json"
    named.unlink(missing_ok=True)
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    begin = [sys.executable, "-m"]
    where = ["--host", "tcp://127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(named)]
    running = [subprocess.Popen([*begin, "distributed.cli.dask_scheduler", *where], **quiet)]
    try:
        while not named.exists() or not named.read_text():
            time.sleep(0.1)
        address = json.loads(named.read_text())["address"]
        told = [address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        running += [subprocess.Popen([*begin, "distributed.cli.dask_worker", *told], **quiet) for _ in range(workers)]
        yield address, [psutil.Process(process.pid) for process in running]
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


@contextmanager
def _engine(named: str, folder: Path) -> Iterator[tuple[list[str], list[psutil.Process]]]:
    """Give what the command line is told of an engine, and the processes that belong to it."""
    kind, _, count = named.partition("=")
    if kind == "dask":
        with _cluster(int(count or 2), folder) as (address, processes):
            yield ["--engine", f"dask={address}"], processes
        return
    yield ["--engine", named], []


def _run(spans: int, engine: str, folder: Path, size: int, hours: int) -> list[Cost]:
    exports, dataset = folder / "exports", folder / "dataset"
    began = said = time.perf_counter()

    def told(done: int, of: int) -> None:
        nonlocal said
        if time.perf_counter() - said > _SAID_EVERY:
            said = time.perf_counter()
            print(f"  {done:,} of {of:,} spans written, {said - began:.0f} s", flush=True)

    pieces = write_pieces(spans, exports, size=size, hours=hours, told=told)
    shutil.rmtree(dataset, ignore_errors=True)
    costs = []
    with _engine(engine, folder) as (chosen, others):
        for stage, command in (
            ("ingest", ["ingest", *map(str, pieces), "--to", str(dataset), *chosen]),
            ("findings", ["findings", str(dataset), "--format", "json", *chosen]),
        ):
            taken = measured(command, folder / f"{stage}.log", others)
            held = sum(
                part["counts"]["spans"] for part in json.loads((dataset / "manifest.json").read_text())["partitions"]
            )
            costs.append(Cost(engine, stage, held, *taken))
            print(f"  {_line(costs[-1])}", flush=True)
    return costs


def _line(cost: Cost) -> str:
    return (
        f"{cost.engine} {cost.stage}: {cost.spans:,} spans, {cost.cpu_seconds:,.0f} CPU s ({cost.micros_per_span:.1f} "
        f"µs a span), {cost.seconds:,.0f} s, {cost.peak_bytes / 1e9:.2f} GB at most"
    )


def show(costs: Sequence[Cost]) -> None:
    """Print what was measured, each against the first of its stage."""
    table = Table(title="Ingesting and reviewing generated exports")
    for heading in ("engine", "stage", "spans", "CPU s", "s", "CPU µs a span", "against the first", "peak GB"):
        table.add_column(heading, justify="left" if heading in {"engine", "stage"} else "right")
    for cost in [*costs, *_together(costs)]:
        first = next(other for other in [*costs, *_together(costs)] if other.stage == cost.stage)
        table.add_row(
            cost.engine,
            cost.stage,
            f"{cost.spans:,}",
            f"{cost.cpu_seconds:,.1f}",
            f"{cost.seconds:,.1f}",
            f"{cost.micros_per_span:.2f}",
            f"{cost.micros_per_span / first.micros_per_span:.2f}",
            f"{cost.peak_bytes / 1e9:.2f}",
        )
    Console(width=110).print(table)


def _together(costs: Sequence[Cost]) -> list[Cost]:
    pairs = zip(costs[::2], costs[1::2], strict=True)
    return [
        Cost(
            one.engine,
            "both",
            one.spans,
            one.cpu_seconds + two.cpu_seconds,
            one.seconds + two.seconds,
            max(one.peak_bytes, two.peak_bytes),
        )
        for one, two in pairs
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Ingest and review generated exports, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=main.__doc__)
    parser.add_argument("--spans", type=float, action="append", help="how many; may be repeated (default: 1e7, 1e8)")
    parser.add_argument(
        "--engine",
        action="append",
        help="threads, threads=1, processes or dask=WORKERS; may be repeated (default: threads)",
    )
    parser.add_argument("--piece", type=float, default=SPANS_PER_PIECE, help="spans in a file (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=1, help="how many hours the spans are spread over (default: 1)")
    parser.add_argument("--folder", type=Path, help="where files go, and stay (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file as well")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scale-") as temporary:
        folder = chosen.folder or Path(temporary)
        costs: list[Cost] = []
        for spans in chosen.spans or [1e7, 1e8]:
            for engine in chosen.engine or ["threads"]:
                print(f"{spans:,.0f} spans, {engine}", flush=True)
                costs += _run(int(spans), engine, folder, int(chosen.piece), chosen.hours)
    show(costs)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
