"""What the command line costs before and beside its work: python -m tests.benchmarks.start [SOURCE …].

The command reviews a small export again and again, in processes of its own, and between them run an empty Python that
imports the modules of others that a review has loaded at its end, and one that imports all modules: what a review adds
to the one is what this package answers for. Seconds are processor time of the whole process, the least of several
rounds; kernels were compiled and kept before, unless a first review is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "main", "measure"]

_REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
#: The review that is measured where no other source is named.
SAMPLE: Final = "data/samples/shop/incident"
_PACKAGE: Final = "analysis"
HELP, FIRST, SECOND = "archreview --help", "the first findings: kernels are compiled", "the second findings"
EMPTY, OTHERS, ALL = "an empty Python", "Python with the modules of others", "Python with all modules"

#: Imports modules by name, and tells in a file which could not be: some exist only as a part of another.
_IMPORTING: Final = """\
import importlib, json, sys
left = []
for name in json.load(open(sys.argv[1])):
    try:
        importlib.import_module(name)
    except Exception:
        # A module may say anything that is no more than a part of another. It is told, and then no process imports it.
        left.append(name)
json.dump(left, open(sys.argv[2], "w"))
"""


@dataclass(frozen=True)
class Row:
    """One command, or what one costs more than another."""

    name: str
    cpu_seconds: float


@dataclass(frozen=True)
class Measured:
    """What was measured: costs of processes, what one costs more than another, and where a review spends its time.

    Attributes
    ----------
    rows
        Processes, the least of all rounds.
    differences
        Between two of them.
    stages
        Of a further review with clocks in it. What a stage calls of another is told there alone.
    own, others
        How many modules a review has loaded at its end: of this package, and all else.
    """

    rows: tuple[Row, ...]
    differences: tuple[Row, ...]
    stages: tuple[Row, ...]
    own: int
    others: int


def measure(sources: Sequence[str], rounds: int, *, first: bool = False) -> Measured:
    """Measure reviews of sources, and processes that only import, in turn."""
    review = ["-m", _PACKAGE, "findings", *sources, "--quiet", "--format", "json"]
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        where = Path(folder)
        # The first of two compiles whatever is not kept yet; the second tells its modules and its stages.
        _cpu_seconds(review)
        told = where / "told.json"
        _cpu_seconds(["-m", "tests.benchmarks.start_stages", str(told), *review[2:]])
        report = json.loads(told.read_text(encoding="utf-8"))
        names = [name for name in report["modules"] if name != "__main__" and not name.startswith("tests")]
        others = [name for name in names if name.partition(".")[0] != _PACKAGE]
        commands = {
            HELP: ["-m", _PACKAGE, "--help"],
            SECOND: review,
            EMPTY: ["-c", ""],
            OTHERS: _importing(others, where / "others.json"),
            ALL: _importing(names, where / "all.json"),
        }
        costs: dict[str, list[float]] = {name: [] for name in commands}
        if first:
            (where / "kernels").mkdir()
            costs = {FIRST: [_cpu_seconds(review, NUMBA_CACHE_DIR=str(where / "kernels"))], **costs}
        for _ in range(rounds):
            for name, command in commands.items():
                costs[name].append(_cpu_seconds(command))
    least = {name: min(taken) for name, taken in costs.items()}
    differences = (
        Row("the second findings, beyond the modules of others", least[SECOND] - least[OTHERS]),
        Row("of that: importing modules of this package", least[ALL] - least[OTHERS]),
        Row("of that: reading, reviewing and writing", least[SECOND] - least[ALL]),
    )
    return Measured(
        tuple(Row(name, cost) for name, cost in least.items()),
        differences,
        tuple(Row(name, cost) for name, cost in report["stages"].items()),
        len(names) - len(others),
        len(others),
    )


def _importing(names: Sequence[str], file: Path) -> list[str]:
    """Return the command that imports modules in their order, without those that cannot be imported by name."""
    left = file.with_suffix(".left")
    file.write_text(json.dumps(names), encoding="utf-8")
    command = ["-c", _IMPORTING, str(file), str(left)]
    _cpu_seconds(command)
    unknown = set(json.loads(left.read_text(encoding="utf-8")))
    file.write_text(json.dumps([name for name in names if name not in unknown]), encoding="utf-8")
    return command


def _cpu_seconds(command: Sequence[str], **variables: str) -> float:
    """Run Python and return its processor time, s.

    Raises
    ------
    RuntimeError
        It fails; the message is the end of what it wrote.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as written:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.DEVNULL,
            stderr=written,
            cwd=_REPOSITORY,
            env={**environment, "PYTHONPATH": str(_REPOSITORY), **variables},
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            written.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {written.read()[-2000:].decode()}")
    return used.ru_utime + used.ru_stime


def show(measured: Measured) -> None:
    """Print what was measured."""
    for title, rows in (
        ("Processes", measured.rows),
        ("Differences", measured.differences),
        (
            f"One review with clocks in it, {measured.own} modules of its own, {measured.others} of others",
            measured.stages,
        ),
    ):
        table = Table(title=title, width=100)
        table.add_column("")
        table.add_column("CPU s", justify="right")
        for row in rows:
            table.add_row(row.name, f"{row.cpu_seconds:.3f}")
        Console(width=100).print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line costs on a small export, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.start", description=main.__doc__)
    parser.add_argument("sources", nargs="*", help=f"what is reviewed (default: {SAMPLE})")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (default: %(default)s)")
    parser.add_argument("--first", action="store_true", help="also a first review, which compiles all kernels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file as well")
    chosen = parser.parse_args(arguments)
    measured = measure(
        [str(Path(source).absolute()) for source in chosen.sources] or [SAMPLE], chosen.rounds, first=chosen.first
    )
    show(measured)
    if chosen.json:
        held: dict[str, Any] = asdict(measured)
        chosen.json.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
